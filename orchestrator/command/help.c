/* help.c - `help` and `completion`: texts that help.c makes from the tables. */
#include "config.h"

#include "orchestrator/command.h"

#include "asl/base/buf.h"

#include <stdio.h>

int cmd_help(const struct options *options)
{
    AUTO_BUF text = BUF_INIT;
    int count = (int)options->argument_count;
    char **words = (char **)options->arguments;
    const struct command *command = NULL;
    int used = 0;

    if (count && !(command = command_find(count, words, &used)) && !command_is_group(words[0]))
        return command_usage(options, "unknown command \"%s\"", words[0]);
    if (command && used < count)
        return command_usage(options, "unexpected argument \"%s\"", words[used]);
    if (options_has(options, OPT_MAN))
        help_man(&text, command);
    else if (command)
        help_text(&text, command);
    else
        help_overview(&text, count ? words[0] : NULL);
    fputs(buf_text(&text), stdout);
    return EXIT_OK;
}

int cmd_completion(const struct options *options)
{
    AUTO_BUF text = BUF_INIT;

    if (!strcmp(options->arguments[0], "commands"))
        for (size_t i = 0; i < command_count; i++)
            buf_printf(&text, "%s\n", commands[i].name);
    else if (!strcmp(options->arguments[0], "bash"))
        help_completion(&text);
    else
        return command_usage(options, "there is a completion for bash only, not for \"%s\"", options->arguments[0]);
    fputs(buf_text(&text), stdout);
    return EXIT_OK;
}
