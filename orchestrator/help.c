/* help.c - help, manual pages and completion: all made from the tables, so that nothing is left out. */
#include "config.h"

#include "orchestrator/command.h"

#include "asl/base/buf.h"
#include "asl/base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, OPTION_COLUMN = 28, COMMAND_COLUMN = 20 };

static const struct {
    int code;
    const char *meaning;
} exits[] = {
#define EXIT(enumerator, code, meaning) {code, meaning},
#include "orchestrator/exits.def"
#undef EXIT
};

/* --- plain text ------------------------------------------------------------------------------------ */

/* Adds text wrapped at WIDTH, each line after the first indented; `column` is where the first one starts. */
static void wrap(struct buf *out, const char *text, size_t indent, size_t column)
{
    while (*text) {
        if (*text == '\n') {
            buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
            text++;
            continue;
        }
        size_t bytes = strcspn(text, " \n");
        if (column > indent && column + bytes + 1 > WIDTH) {
            buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        if (column > indent) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add(out, text, bytes);
        column += bytes;
        text += bytes;
        text += *text == ' ';
    }
    buf_add_char(out, '\n');
}

static void name_of_option(struct buf *out, const struct option_spec *spec)
{
    if (spec->short_name)
        buf_printf(out, "-%c, ", spec->short_name);
    else
        buf_add_text(out, "    ");
    buf_printf(out, "--%s", spec->long_name);
    if (spec->argument)
        buf_printf(out, " %s", spec->argument);
}

void help_text(struct buf *out, const struct command *command)
{
    buf_printf(out, "Usage: orchestrator %s [OPTION]...%s%s\n\n", command->name, *command->arguments ? " " : "",
               command->arguments);
    buf_printf(out, "%c%s.\n", toupper((unsigned char)command->summary[0]), command->summary + 1);
    if (command->description) {
        buf_add_char(out, '\n');
        wrap(out, command->description, 0, 0);
    }
    buf_add_text(out, "\nOptions:\n");
    for (const enum option *option = command->options; *option != OPTION_END; option++) {
        const struct option_spec *spec = option_spec(*option);
        AUTO_BUF name = BUF_INIT;
        name_of_option(&name, spec);
        buf_printf(out, "  %-*s", OPTION_COLUMN - 2, buf_text(&name));
        if (name.bytes + 3 > OPTION_COLUMN)
            buf_printf(out, "\n%*s", OPTION_COLUMN, "");
        AUTO_BUF help = BUF_INIT;
        buf_add_text(&help, spec->help);
        if (spec->environment)
            buf_printf(&help, " [$%s]", spec->environment);
        wrap(out, buf_text(&help), OPTION_COLUMN, OPTION_COLUMN);
    }
}

void help_overview(struct buf *out, const char *group)
{
    size_t bytes = group ? strlen(group) : 0;

    buf_printf(out, "Usage: orchestrator %s%sCOMMAND [OPTION]... [ARGUMENT]...\n\n", group ? group : "",
               group ? " " : "");
    if (!group)
        buf_add_text(out, "Runs workflows written in Amazon States Language, durably.\n\n");
    buf_add_text(out, "Commands:\n");
    for (size_t i = 0; i < command_count; i++) {
        if (group && (strncmp(commands[i].name, group, bytes) || commands[i].name[bytes] != ' '))
            continue;
        buf_printf(out, "  %-*s", COMMAND_COLUMN - 2, commands[i].name);
        wrap(out, commands[i].summary, COMMAND_COLUMN, COMMAND_COLUMN);
    }
    buf_add_text(out, "\n`orchestrator COMMAND --help` tells more; so does `man orchestrator`.\n");
    if (group)
        return;
    buf_add_text(out, "\nExit codes:\n");
    for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++)
        buf_printf(out, "  %3d  %s\n", exits[i].code, exits[i].meaning);
}

/* --- manual pages ------------------------------------------------------------------------------------ */

/* Text for roff: no line starts with a control character, backslashes and hyphens are escaped. */
static void roff(struct buf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\n' && at[1] == '\n') {
            buf_add_text(out, "\n.PP\n");
            at++;
        } else if (*at == '\\') {
            buf_add_text(out, "\\e");
        } else if (*at == '-') {
            buf_add_text(out, "\\-");
        } else if (at == text && (*at == '.' || *at == '\'')) {
            buf_printf(out, "\\&%c", *at);
        } else {
            buf_add_char(out, *at);
        }
    }
}

static void roff_line(struct buf *out, const char *text)
{
    roff(out, text);
    buf_add_char(out, '\n');
}

static char *page_name(const struct command *command)
{
    char *name = mem_printf("orchestrator%s%s", command ? "-" : "", command ? command->name : "");
    for (char *at = name; *at; at++)
        if (*at == ' ')
            *at = '-';
    return name;
}

static void man_head(struct buf *out, const struct command *command, const char *summary)
{
    char *name = page_name(command);
    buf_printf(out, ".TH \"%s\" 1 \"\" \"orchestrator %s\" \"User commands\"\n.SH NAME\n%s \\- ", name, PACKAGE_VERSION,
               name);
    roff_line(out, summary);
    free(name);
}

static void man_exits(struct buf *out)
{
    buf_add_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++) {
        buf_printf(out, ".TP\n.B %d\n", exits[i].code);
        roff_line(out, exits[i].meaning);
    }
}

static void man_command(struct buf *out, const struct command *command)
{
    man_head(out, command, command->summary);
    buf_printf(out, ".SH SYNOPSIS\n.B orchestrator %s\n[OPTION]...\n", command->name);
    roff_line(out, command->arguments);
    buf_add_text(out, ".SH DESCRIPTION\n");
    AUTO_BUF summary = BUF_INIT;
    buf_printf(&summary, "%c%s.", toupper((unsigned char)command->summary[0]), command->summary + 1);
    roff_line(out, buf_text(&summary));
    if (command->description) {
        buf_add_text(out, ".PP\n");
        roff_line(out, command->description);
    }
    buf_add_text(out, ".SH OPTIONS\n");
    for (const enum option *option = command->options; *option != OPTION_END; option++) {
        const struct option_spec *spec = option_spec(*option);
        buf_add_text(out, ".TP\n");
        if (spec->short_name)
            buf_printf(out, "\\fB\\-%c\\fR, ", spec->short_name);
        buf_add_text(out, "\\fB\\-\\-");
        roff(out, spec->long_name);
        buf_printf(out, "\\fR%s%s\n", spec->argument ? " " : "", spec->argument ? spec->argument : "");
        roff_line(out, spec->help);
        if (spec->environment)
            buf_printf(out, "(environment: %s)\n", spec->environment);
    }
    man_exits(out);
    buf_add_text(out, ".SH SEE ALSO\n.BR orchestrator (1)\n");
}

static void man_overview(struct buf *out)
{
    man_head(out, NULL, "run workflows written in Amazon States Language, durably");
    buf_add_text(out, ".SH SYNOPSIS\n.B orchestrator\nCOMMAND [OPTION]... [ARGUMENT]...\n.SH DESCRIPTION\n"
                      "A workflow engine in one program. Each command has a manual page of its own.\n.SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        char *name = page_name(&commands[i]);
        buf_printf(out, ".TP\n.BR %s (1)\n", name);
        roff_line(out, commands[i].summary);
        free(name);
    }
    man_exits(out);
    buf_add_text(out, ".SH ENVIRONMENT\n");
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        const struct option_spec *spec = option_spec(option);
        if (!spec->environment)
            continue;
        buf_printf(out, ".TP\n.B %s\nas \\-\\-", spec->environment);
        roff(out, spec->long_name);
        buf_add_text(out, ": ");
        roff_line(out, spec->help);
    }
    buf_add_text(out, ".TP\n.B NO_COLOR\nno colours where it is set and not empty\n"
                      ".SH FILES\n.TP\n.I ~/.config/orchestrator/config.yaml\n"
                      "the configuration file, below $XDG_CONFIG_HOME where that is set: a mapping whose keys are the "
                      "long names of the options that have an environment variable or stand for a format. "
                      "The list of handler directories is called\n.IR function\\-directories ;\n"
                      "the section\n.I functions\nmaps the names of single functions to their settings. "
                      "An option given on the command line wins over the environment, which wins over the file.\n"
                      ".TP\n.I ~/.local/share/orchestrator/store.db\n"
                      "the store, below $XDG_DATA_HOME where that is set\n");
}

void help_man(struct buf *out, const struct command *command)
{
    if (command)
        man_command(out, command);
    else
        man_overview(out);
}

/* --- completion -------------------------------------------------------------------------------------- */

/* The values that an option takes where they are few. */
static const char *choices_of(enum option option)
{
    switch (option) {
    case OPT_OUTPUT:
        return "table json jsonl ids";
    case OPT_GRAPH_FORMAT:
        return "svg dot mermaid";
    case OPT_COLOR:
        return "auto always never";
    case OPT_CLOCK:
        return "real virtual";
    case OPT_MACHINE_TYPE:
        return "STANDARD EXPRESS";
    case OPT_STATUS:
        return "RUNNING SUCCEEDED FAILED TIMED_OUT ABORTED";
    default:
        return NULL;
    }
}

static void completion_of(struct buf *out, const struct command *command)
{
    buf_printf(out, "    '%s')\n        case $previous in\n", command->name);
    for (const enum option *option = command->options; *option != OPTION_END; option++) {
        const struct option_spec *spec = option_spec(*option);
        if (!spec->argument)
            continue;
        buf_printf(out, "        --%s", spec->long_name);
        if (spec->short_name)
            buf_printf(out, " | -%c", spec->short_name);
        if (choices_of(*option))
            buf_printf(out, ") words='%s' ;;\n", choices_of(*option));
        else
            buf_add_text(out, ") files=yes ;;\n");
    }
    buf_add_text(out, "        *) words='");
    for (const enum option *option = command->options; *option != OPTION_END; option++)
        buf_printf(out, "%s--%s", option == command->options ? "" : " ", option_spec(*option)->long_name);
    buf_add_text(out, "' files=yes ;;\n        esac\n        ;;\n");
}

/* The words that can come first, or second after the first word of a group. */
static void completion_words(struct buf *out, const char *group)
{
    const char *previous = "";
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name;
        size_t first = strcspn(name, " ");
        if (group) {
            if (strlen(group) == first && !strncmp(name, group, first) && name[first])
                buf_printf(out, " %s", name + first + 1);
        } else if (strncmp(previous, name, first) || previous[first] != name[first]) {
            buf_printf(out, " %.*s", (int)first, name);
        }
        previous = name;
    }
}

void help_completion(struct buf *out)
{
    buf_add_text(out, "# bash completion of orchestrator(1)\n"
                      "_orchestrator() {\n"
                      "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                      "    local command=${COMP_WORDS[1]} words='' files=no\n"
                      "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='--help --version");
    completion_words(out, NULL);
    buf_add_text(out, "'\n");
    const char *group = "";
    for (size_t i = 0; i < command_count; i++) {
        size_t first = strcspn(commands[i].name, " ");
        if (!commands[i].name[first] || (!strncmp(group, commands[i].name, first) && !group[first]))
            continue;
        char *name = mem_strndup(commands[i].name, first);
        buf_printf(out, "    elif [ \"$COMP_CWORD\" = 2 ] && [ \"$command\" = %s ]; then\n        words='--help", name);
        completion_words(out, name);
        buf_add_text(out, "'\n");
        free(name);
        group = commands[i].name;
    }
    buf_add_text(out, "    else\n        case $command in\n        ");
    const char *separator = "";
    for (size_t i = 0; i < command_count; i++) {
        size_t first = strcspn(commands[i].name, " ");
        if (!commands[i].name[first] || (i && !strncmp(commands[i].name, commands[i - 1].name, first + 1)))
            continue;
        buf_printf(out, "%s%.*s", separator, (int)first, commands[i].name);
        separator = " | ";
    }
    buf_add_text(out, ") command=\"$command ${COMP_WORDS[2]}\" ;;\n        esac\n    fi\n"
                      "    [ -n \"$words\" ] || case $command in\n");
    for (size_t i = 0; i < command_count; i++)
        completion_of(out, &commands[i]);
    buf_add_text(out, "    esac\n"
                      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                      "    [ $files = no ] || [ ${#COMPREPLY[@]} -gt 0 ] || "
                      "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
                      "}\n"
                      "complete -o filenames -F _orchestrator orchestrator\n");
}
