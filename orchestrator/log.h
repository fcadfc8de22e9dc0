/*
 * log.h - what `serve` says while it runs, on standard error.
 *
 *   text   2026-08-01T10:00:00Z warning: message        a handler's line as it is, with its name before it
 *   json   {"at":"2026-08-01T10:00:00.123Z","level":"warning","message":"message","function":"of a handler's line"}
 *
 * A line is one write: threads do not mix theirs.
 */
#ifndef ORCHESTRATOR_LOG_H
#define ORCHESTRATOR_LOG_H

#include <stdbool.h>

struct err;
struct options;

enum log_line_level { LOG_LINE_DEBUG, LOG_LINE_INFO, LOG_LINE_WARNING, LOG_LINE_ERROR };

struct log {
    bool json;
    enum log_line_level level; /* less is not said */
};

/* --log-format and --log-level; ERR_INVALID says what was expected. */
int log_read(const struct options *options, struct log *ret_log, struct err *err);
/* context: the log. */
void log_line(void *context, int level, const char *message);
void log_function_line(void *context, const char *function, const char *line);
/* What scripts wait for ("listening on ..."), at any level; as text without time and level. */
void log_announce(const struct log *log, const char *message);

#endif
