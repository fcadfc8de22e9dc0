/*
 * function_settings.h - how the handler of a function is run, and where it is found.
 *
 * A function NAME is, in this order: an entry of the configuration; NAME.json in a functions directory,
 * settings with the same members; an executable NAME or NAME.* in a functions directory. An executable
 * whose name carries ".lines" (NAME.lines, NAME.lines.py) is kept running, any other is run once a task.
 *
 * Source    docs/handlers.md is the user's description of the members.
 */
#ifndef RUNTIME_TASK_FUNCTION_SETTINGS_H
#define RUNTIME_TASK_FUNCTION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct functions_options;
struct json_object;

enum function_mode { FUNCTION_COMMAND, FUNCTION_LINES };

struct function_settings {
    enum function_mode mode;
    char **argv;        /* NULL-terminated */
    char **envp;        /* NULL-terminated: the engine's environment with the changes of `env` */
    char *cwd;          /* NULL: the engine's */
    int processes;      /* at once */
    int concurrency;    /* lines in flight in one process */
    int64_t timeout_ms; /* of one call; 0: none */
};

enum { FUNCTION_NAME_CHARS_MAX = 64, FUNCTION_LINES_PROCESSES = 4, FUNCTION_LINES_CONCURRENCY = 64 };

/* Whether it can be the name of a function: [A-Za-z0-9-_]{1,64}. */
bool function_name_valid(const char *name, size_t bytes);
/* Checks every entry of the configuration; the error names the place. */
int function_settings_check(const struct functions_options *options, struct err *err);
/* ERR_NOT_FOUND, or ERR_INVALID (a settings file that is wrong, a handler that is not executable). */
int function_settings_find(const struct functions_options *options, const char *name,
                           struct function_settings *ret_settings, struct err *err);
void function_settings_release(struct function_settings *settings);

#endif
