/*
 * command.h - the subcommands: a table, and a file under command/ for each.
 *
 * A command's function gets the options that were read and returns the program's exit code. It writes
 * results to standard output, everything else to standard error.
 */
#ifndef ORCHESTRATOR_COMMAND_H
#define ORCHESTRATOR_COMMAND_H

#include "orchestrator/options.h"

struct buf;
struct err;

/* EXIT(enumerator, code, meaning): how the program ends; documented in help and man page. */
enum {
#define EXIT(enumerator, code, meaning) enumerator = code,
#include "orchestrator/exits.def"
#undef EXIT
};

struct command {
    const char *name; /* one word or two: "run", "task success" */
    int (*run)(const struct options *options);
    const char *arguments;          /* for people: "FILE|NAME" */
    int argument_min, argument_max; /* argument_max -1: any number */
    const char *summary;
    const char *description;    /* paragraphs divided by an empty line, or NULL */
    const enum option *options; /* ended by OPTION_END */
};

extern const struct command commands[];
extern const size_t command_count;

/* The command that the words begin with (two words before one) and how many words that takes; or NULL. */
const struct command *command_find(int count, char **words, int *ret_words);
/* Whether the word is the first one of commands of two words ("task"). */
bool command_is_group(const char *word);
bool command_takes(const struct command *command, enum option option);

#define COMMAND(name, function, arguments, min, max, summary, description, ...) int function(const struct options *);
#include "orchestrator/commands.def"
#undef COMMAND

/* Prints `orchestrator NAME: message (where)` and the hint to standard error; returns the exit code for the error. */
int command_fail(const struct options *options, const struct err *err);
/* Wrong usage: the same with a pointer to --help; returns EXIT_USAGE. */
int command_usage(const struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* help.c: everything that is made from the tables. NULL: of the whole program. */
void help_text(struct buf *out, const struct command *command);
void help_overview(struct buf *out, const char *group); /* group: only its commands, or NULL */
void help_man(struct buf *out, const struct command *command);
void help_completion(struct buf *out);

#endif
