/*
 * options.h - the command line, the environment and the configuration file as one set of options.
 *
 * Shapes    options.def lists all options, commands.def which command takes which.
 * Order     a flag wins over the environment, the environment over the configuration file; an empty
 *           environment variable counts as unset.
 * Memory    texts handed out are borrowed and live as long as the options.
 */
#ifndef ORCHESTRATOR_OPTIONS_H
#define ORCHESTRATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct err;
struct json_object;

enum option {
#define OPTION(id, long_name, short_name, argument, environment, kind, help) id,
#include "orchestrator/options.def"
#undef OPTION
    OPTION_COUNT,
    OPTION_END = OPTION_COUNT /* ends a command's list */
};

enum option_kind {
    OPTION_FLAG,
    OPTION_VALUE,
    OPTION_SETTING,
    OPTION_LIST,
    OPTION_LIST_VALUE /* repeatable, on the command line only */
};

struct option_spec {
    const char *long_name;
    char short_name;
    const char *argument;
    const char *environment;
    enum option_kind kind;
    const char *help;
};
const struct option_spec *option_spec(enum option option);

struct options {
    const struct command *command;
    const char **arguments; /* what is not an option */
    size_t argument_count;
    struct option_values {
        const char **list;
        size_t count, capacity;
        bool typed;             /* on the command line */
    } given[OPTION_COUNT];      /* by flag, environment or file: already in order of precedence */
    struct json_object *config; /* the configuration file, an object; NULL where there is none */
    char *config_path;          /* where it was read, or would be */
    char **owned;               /* texts made here */
    size_t owned_count, owned_capacity;
};

/*
 * Reads the words after the command's name, then the environment and the configuration file. ERR_INVALID
 * for wrong usage (unknown option, missing argument, too many arguments ...) or a faulty file. With --help the
 * number of arguments is not checked and no file is read.
 */
int options_read(struct options *options, const struct command *command, int count, char **words, struct err *err);
void options_release(struct options *options);

bool options_has(const struct options *options, enum option option);
/* Whether it stands on the command line itself. */
bool options_typed(const struct options *options, enum option option);
/* The value; NULL where it is not given. Of a list: the last one. */
const char *options_text(const struct options *options, enum option option);
const char *options_text_or(const struct options *options, enum option option, const char *otherwise);
/* A whole number from `min` to `max`, `otherwise` where it is not given; ERR_INVALID names the option. */
int options_int(const struct options *options, enum option option, int64_t min, int64_t max, int64_t otherwise,
                int64_t *ret_number, struct err *err);
/* The same for a limit, which may be the word `unlimited`: then *ret_number is INT64_MAX. */
int options_limit(const struct options *options, enum option option, int64_t otherwise, int64_t *ret_number,
                  struct err *err);
/* A section of the configuration file (borrowed), NULL where there is none. */
struct json_object *options_section(const struct options *options, const char *name);
/* The JSON that an option's text stands for: JSON, @FILE, or - for standard input. As text on the heap. */
int options_read_json(const char *text, char **ret_text, size_t *ret_bytes, struct err *err);

#endif
