#include "config.h"

#include "orchestrator/log.h"

#include "orchestrator/options.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};

int log_read(const struct options *options, struct log *ret_log, struct err *err)
{
    const char *format = options_text_or(options, OPT_LOG_FORMAT, "text");
    const char *level = options_text_or(options, OPT_LOG_LEVEL, "info");
    size_t at = 0;

    while (at < sizeof(level_names) / sizeof(*level_names) && strcmp(level_names[at], level))
        at++;
    if (at == sizeof(level_names) / sizeof(*level_names))
        return err_set(err, ERR_INVALID, "--log-level: expected debug, info, warning or error, found \"%s\"", level);
    if (strcmp(format, "text") && strcmp(format, "json"))
        return err_set(err, ERR_INVALID, "--log-format: expected text or json, found \"%s\"", format);
    *ret_log = (struct log){.json = !strcmp(format, "json"), .level = (enum log_line_level)at};
    return 0;
}

static void add_member(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "%c\"%s\":", out->bytes ? ',' : '{', name);
    json_write_string(out, text, strlen(text));
}

static void write_line(struct buf *out)
{
    buf_add_char(out, '\n');
    if (write(STDERR_FILENO, out->data, out->bytes) < 0) {
        /* there is nobody else to tell */
    }
}

static void write_json(int level, const char *function, const char *message)
{
    AUTO_BUF out = BUF_INIT;
    struct timespec now;
    struct tm utc;
    char seconds[24], moment[32];

    clock_gettime(CLOCK_REALTIME, &now);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    snprintf(moment, sizeof(moment), "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
    add_member(&out, "at", moment);
    add_member(&out, "level", level_names[level]);
    add_member(&out, "message", message);
    if (function)
        add_member(&out, "function", function);
    buf_add_char(&out, '}');
    write_line(&out);
}

void log_line(void *context, int level, const char *message)
{
    const struct log *log = context;
    AUTO_BUF out = BUF_INIT;
    char moment[32];
    time_t now = time(NULL);
    struct tm utc;

    if (level < (int)log->level)
        return;
    if (level > LOG_LINE_ERROR)
        level = LOG_LINE_ERROR;
    if (log->json) {
        write_json(level, NULL, message);
        return;
    }
    strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    buf_printf(&out, "%s %s: %s", moment, level_names[level], message);
    write_line(&out);
}

void log_function_line(void *context, const char *function, const char *line)
{
    const struct log *log = context;
    AUTO_BUF out = BUF_INIT;

    if (log->json) {
        write_json(LOG_LINE_INFO, function, line);
        return;
    }
    buf_printf(&out, "%s: %s", function, line);
    write_line(&out);
}

void log_announce(const struct log *log, const char *message)
{
    AUTO_BUF out = BUF_INIT;

    if (log->json) {
        write_json(LOG_LINE_INFO, NULL, message);
        return;
    }
    buf_add_text(&out, message);
    write_line(&out);
}
