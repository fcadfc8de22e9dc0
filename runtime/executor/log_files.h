/*
 * log_files.h - where the lines go that state machines are configured to log: a file a log group, or stdout.
 *
 * Files     DIR/GROUP.jsonl: letters, digits and . _ - of the group's name stay, `/` becomes `+` (which no name may
 *           hold), anything else %XX. One that has grown past LIMIT_LOG_FILE_BYTES becomes GROUP.jsonl.1, in place
 *           of the one before. A file may be moved away at any time: the next lines make it anew.
 * Promise   adding lines costs a copy; a thread of its own writes them. What the disk cannot take, or comes faster
 *           than it takes it (LIMIT_LOG_QUEUE_BYTES), is dropped and counted, and said to the log: executions go on.
 *           Nothing is synced: lines of the last moments before a crash may be missing.
 * Calling   all functions on one thread; `log` is called from the writing one.
 */
#ifndef RUNTIME_EXECUTOR_LOG_FILES_H
#define RUNTIME_EXECUTOR_LOG_FILES_H

#include <stddef.h>

struct err;
struct log_files;
struct log_group;

/* A folder, which is made where it is missing, or "-" for standard output. */
int log_files_open(const char *where, void (*log)(void *context, int level, const char *message), void *log_context,
                   struct log_files **ret_files, struct err *err);
/* Writes what is left. NULL is allowed. */
void log_files_close(struct log_files *files);

/* The group of an ARN (arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*) or a name; lives as long as the files. */
struct log_group *log_files_group(struct log_files *files, const char *arn);
/* Whole lines. */
void log_files_add(struct log_files *files, struct log_group *group, const char *lines, size_t bytes);

#endif
