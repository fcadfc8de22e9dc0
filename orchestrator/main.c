/* main.c - finds the command, reads its options, calls it. */
#include "config.h"

#include "orchestrator/command.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/suggest.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMMAND(name, function, arguments, min, max, summary, description, ...)                                        \
    {name, function, arguments, min, max, summary, description, (const enum option[]){__VA_ARGS__, OPTION_END}},
const struct command commands[] = {
#include "orchestrator/commands.def"
};
#undef COMMAND
const size_t command_count = sizeof(commands) / sizeof(*commands);

/* Whether `name` is the first `count` words joined by blanks. */
static bool is_named(const char *name, int count, char **words)
{
    for (int i = 0; i < count; i++) {
        size_t bytes = strlen(words[i]);
        if (strncmp(name, words[i], bytes) || name[bytes] != (i + 1 < count ? ' ' : '\0'))
            return false;
        name += bytes + 1;
    }
    return true;
}

const struct command *command_find(int count, char **words, int *ret_words)
{
    for (int used = count < 2 ? count : 2; used > 0; used--) {
        for (size_t i = 0; i < command_count; i++) {
            if (!is_named(commands[i].name, used, words))
                continue;
            *ret_words = used;
            return &commands[i];
        }
    }
    return NULL;
}

bool command_is_group(const char *word)
{
    size_t bytes = strlen(word);
    for (size_t i = 0; i < command_count; i++)
        if (!strncmp(commands[i].name, word, bytes) && commands[i].name[bytes] == ' ')
            return true;
    return false;
}

bool command_takes(const struct command *command, enum option option)
{
    for (const enum option *taken = command->options; *taken != OPTION_END; taken++)
        if (*taken == option)
            return true;
    return false;
}

static void report(const char *command, const struct err *err)
{
    fprintf(stderr, "orchestrator%s%s: ", command ? " " : "", command ? command : "");
    if (err->where[0])
        fprintf(stderr, "%s: ", err->where);
    fprintf(stderr, "%s\n", err->message);
    if (err->hint[0])
        fprintf(stderr, "  %s\n", err->hint);
}

int command_fail(const struct options *options, const struct err *err)
{
    report(options->command->name, err);
    switch (err->code) {
    case ERR_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERR_INVALID:
    case ERR_EXISTS:
    case ERR_LIMIT:
    case ERR_UNSUPPORTED:
        return EXIT_FAILED;
    default:
        return EXIT_UNAVAILABLE;
    }
}

int command_usage(const struct options *options, const char *format, ...)
{
    struct err err = {.code = ERR_INVALID};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(err.message, sizeof(err.message), format, arguments);
    va_end(arguments);
    err_hint(&err, "see `orchestrator %s --help`", options->command->name);
    report(options->command->name, &err);
    return EXIT_USAGE;
}

static void print(struct buf *text)
{
    fputs(buf_text(text), stdout);
}

static int unknown_command(int count, char **words)
{
    struct err err = {.code = ERR_INVALID};
    struct suggest suggest;
    char given[128];

    if (command_is_group(words[0]) && count > 1)
        snprintf(given, sizeof(given), "%s %s", words[0], words[1]);
    else
        snprintf(given, sizeof(given), "%s", words[0]);
    suggest = suggest_begin(given);
    for (size_t i = 0; i < command_count; i++)
        suggest_offer(&suggest, commands[i].name);
    err_set(&err, ERR_INVALID, "unknown command \"%s\"", given);
    if (suggest.best)
        err_hint(&err, "did you mean `orchestrator %s`?", suggest.best);
    else
        err_hint(&err, "see `orchestrator --help`");
    report(NULL, &err);
    return EXIT_USAGE;
}

/* What can stand in place of a command: --help, --version, a group of commands alone. Negative: something else. */
static int without_command(int count, char **words)
{
    AUTO_BUF text = BUF_INIT;
    bool help = count > 0 && (!strcmp(words[count - 1], "--help") || !strcmp(words[count - 1], "-h"));

    if (count == 1 && !strcmp(words[0], "--version")) {
        printf("orchestrator %s\n", PACKAGE_VERSION);
        return EXIT_OK;
    }
    if (count == 0 || (count == 1 && (help || command_is_group(words[0])))) {
        help_overview(&text, count && !help ? words[0] : NULL);
        fputs(buf_text(&text), help ? stdout : stderr);
        return help ? EXIT_OK : EXIT_USAGE;
    }
    if (count == 2 && help && command_is_group(words[0])) {
        help_overview(&text, words[0]);
        print(&text);
        return EXIT_OK;
    }
    return -1;
}

static int run(const struct command *command, int count, char **words)
{
    struct options options;
    struct err err = {0};
    int code;

    if (options_read(&options, command, count, words, &err)) {
        if (err.where[0]) /* a file, not the command line */
            report(command->name, &err);
        else if (err.hint[0])
            command_usage(&options, "%s; %s", err.message, err.hint);
        else
            command_usage(&options, "%s", err.message);
        code = EXIT_USAGE;
    } else if (options_has(&options, OPT_HELP)) {
        AUTO_BUF text = BUF_INIT;
        help_text(&text, command);
        print(&text);
        code = EXIT_OK;
    } else {
        code = command->run(&options);
    }
    options_release(&options);
    return code;
}

int main(int argc, char **argv)
{
    const struct command *command;
    int used = 0;
    int code;

    signal(SIGPIPE, SIG_IGN);
    if ((code = without_command(argc - 1, argv + 1)) < 0) {
        command = command_find(argc - 1, argv + 1, &used);
        code = command ? run(command, argc - 1 - used, argv + 1 + used) : unknown_command(argc - 1, argv + 1);
    }
    if (fflush(stdout) && code == EXIT_OK) {
        struct err err;
        err_set(&err, ERR_IO, "could not write standard output");
        report(NULL, &err);
        code = EXIT_UNAVAILABLE;
    }
    return code;
}
