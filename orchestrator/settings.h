/*
 * settings.h - the configuration file: a YAML (or JSON) mapping.
 *
 *     store: sqlite:/srv/orders.db
 *     function-directories: [/srv/handlers]
 *     history-limit: unlimited
 *     retention: {default: 90d, machines: {Audit: forever, Ping: 1h}}   # or a time alone
 *     functions:                     # settings of single functions, see orchestrator(1)
 *       resize: {command: [/usr/bin/convert, -, -resize, 50%, -]}
 *
 * Keys      the long names of options that are settings (options.def), and sections.
 * Errors    a key that nothing knows is an error with the file's name: a typing mistake shall not pass.
 */
#ifndef ORCHESTRATOR_SETTINGS_H
#define ORCHESTRATOR_SETTINGS_H

#include "orchestrator/options.h"

struct buf;
struct err;
struct json_object;

/*
 * Reads the file that was named (it must exist), or the user's own where that exists. ret_path: where it is or
 * would be (heap); ret_config: an object, or NULL where there is no file.
 */
int settings_read(const char *path, char **ret_path, struct json_object **ret_config, struct err *err);
/* The key of an option in the file. */
const char *settings_key(enum option option);
/* A scalar as text, on the heap. */
char *settings_text(struct json_object *value);

/* $XDG_DATA_HOME/orchestrator/NAME and the like: `variable` is "XDG_DATA_HOME", `fallback` ".local/share". On the
 * heap. */
char *settings_user_path(const char *variable, const char *fallback, const char *name);
/* Adds a file's content (NULL: standard input) to `out`; ERR_NOT_FOUND, ERR_IO, ERR_LIMIT above 64 MiB. */
int settings_read_file(const char *path, struct buf *out, struct err *err);

#endif
