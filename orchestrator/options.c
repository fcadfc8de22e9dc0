#include "config.h"

#include "orchestrator/options.h"

#include "orchestrator/command.h"
#include "orchestrator/settings.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option_spec specs[] = {
#define OPTION(id, long_name, short_name, argument, environment, kind, help)                                           \
    {long_name, short_name, argument, environment, OPTION_##kind, help},
#include "orchestrator/options.def"
#undef OPTION
};

const struct option_spec *option_spec(enum option option)
{
    return &specs[option];
}

static void add(struct options *options, enum option option, const char *value)
{
    struct option_values *values = &options->given[option];
    values->list = mem_grow(values->list, &values->capacity, values->count + 1, sizeof(*values->list));
    values->list[values->count++] = value;
}

static const char *own(struct options *options, char *text)
{
    options->owned =
        mem_grow(options->owned, &options->owned_capacity, options->owned_count + 1, sizeof(*options->owned));
    return options->owned[options->owned_count++] = text;
}

/* --- the command line ------------------------------------------------------------------------------ */

static enum option find_long(const struct command *command, const char *name, size_t bytes)
{
    for (const enum option *option = command->options; *option != OPTION_END; option++)
        if (strlen(specs[*option].long_name) == bytes && !strncmp(specs[*option].long_name, name, bytes))
            return *option;
    return OPTION_END;
}

static enum option find_short(const struct command *command, char name)
{
    for (const enum option *option = command->options; *option != OPTION_END; option++)
        if (specs[*option].short_name == name)
            return *option;
    return OPTION_END;
}

static int unknown_long(const struct command *command, const char *name, size_t bytes, struct err *err)
{
    char *given = mem_strndup(name, bytes);
    struct suggest suggest = suggest_begin(given);
    for (const enum option *option = command->options; *option != OPTION_END; option++)
        suggest_offer(&suggest, specs[*option].long_name);
    err_set(err, ERR_INVALID, "unknown option \"--%s\"", given);
    if (suggest.best)
        err_hint(err, "did you mean \"--%s\"?", suggest.best);
    free(given);
    return ERR_INVALID;
}

/* `--name`, `--name=value`, `--name value`; *at is the word's index and moves on over the value. */
static int read_long(struct options *options, int count, char **words, int *at, struct err *err)
{
    const char *name = words[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t bytes = equals ? (size_t)(equals - name) : strlen(name);
    enum option option = find_long(options->command, name, bytes);

    if (option == OPTION_END)
        return unknown_long(options->command, name, bytes, err);
    if (!specs[option].argument) {
        if (equals)
            return err_set(err, ERR_INVALID, "option \"--%s\" takes no value", specs[option].long_name);
        add(options, option, "");
        return 0;
    }
    if (!equals && ++*at >= count)
        return err_set(err, ERR_INVALID, "option \"--%s\" needs a value: %s", specs[option].long_name,
                       specs[option].argument);
    add(options, option, equals ? equals + 1 : words[*at]);
    return 0;
}

/* `-w`, `-wq`, `-o json`, `-ojson`. */
static int read_short(struct options *options, int count, char **words, int *at, struct err *err)
{
    for (const char *letter = words[*at] + 1; *letter; letter++) {
        enum option option = find_short(options->command, *letter);
        if (option == OPTION_END)
            return err_set(err, ERR_INVALID, "unknown option \"-%c\"", *letter);
        if (!specs[option].argument) {
            add(options, option, "");
            continue;
        }
        if (!letter[1] && ++*at >= count)
            return err_set(err, ERR_INVALID, "option \"-%c\" needs a value: %s", *letter, specs[option].argument);
        add(options, option, letter[1] ? letter + 1 : words[*at]);
        break;
    }
    return 0;
}

static int read_words(struct options *options, int count, char **words, struct err *err)
{
    bool only_arguments = false;
    int result;

    options->arguments = mem_zalloc((size_t)(count + 1) * sizeof(*options->arguments));
    for (int at = 0; at < count; at++) {
        const char *word = words[at];
        if (only_arguments || word[0] != '-' || !word[1])
            options->arguments[options->argument_count++] = word;
        else if (!strcmp(word, "--"))
            only_arguments = true;
        else if ((result = word[1] == '-' ? read_long(options, count, words, &at, err)
                                          : read_short(options, count, words, &at, err)))
            return result;
    }
    return 0;
}

static int check_arguments(const struct options *options, struct err *err)
{
    const struct command *command = options->command;
    if (options->argument_count < (size_t)command->argument_min)
        return err_set(err, ERR_INVALID, "missing argument: %s", command->arguments);
    if (command->argument_max >= 0 && options->argument_count > (size_t)command->argument_max)
        return err_set(err, ERR_INVALID, "unexpected argument \"%s\"", options->arguments[command->argument_max]);
    return 0;
}

/* --- environment and configuration file ------------------------------------------------------------- */

static void add_environment(struct options *options, enum option option)
{
    const char *value = specs[option].environment ? getenv(specs[option].environment) : NULL;

    if (options->given[option].count || !value || !*value)
        return;
    if (specs[option].kind != OPTION_LIST) {
        add(options, option, value);
        return;
    }
    for (const char *end; *value; value = *end ? end + 1 : end) {
        end = value + strcspn(value, ":");
        if (end > value)
            add(options, option, own(options, mem_strndup(value, (size_t)(end - value))));
    }
}

static void add_configured(struct options *options, enum option option)
{
    enum option_kind kind = specs[option].kind;
    struct json_object *value = NULL;

    if (options->given[option].count || (kind != OPTION_SETTING && kind != OPTION_LIST) ||
        !json_member(options->config, settings_key(option), &value) || !value)
        return;
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            add(options, option, own(options, settings_text(json_object_array_get_idx(value, i))));
        return;
    }
    add(options, option, own(options, settings_text(value)));
}

int options_read(struct options *options, const struct command *command, int count, char **words, struct err *err)
{
    int result;

    memset(options, 0, sizeof(*options));
    options->command = command;
    if ((result = read_words(options, count, words, err)))
        return result;
    if (options_has(options, OPT_HELP))
        return 0;
    if ((result = check_arguments(options, err)))
        return result;
    for (const enum option *option = command->options; *option != OPTION_END; option++) {
        options->given[*option].typed = options_has(options, *option);
        add_environment(options, *option);
    }
    if ((result = settings_read(options_text(options, OPT_CONFIG), &options->config_path, &options->config, err)))
        return result;
    for (const enum option *option = command->options; *option != OPTION_END; option++)
        add_configured(options, *option);
    return 0;
}

void options_release(struct options *options)
{
    for (int option = 0; option < OPTION_COUNT; option++)
        free(options->given[option].list);
    for (size_t i = 0; i < options->owned_count; i++)
        free(options->owned[i]);
    free(options->owned);
    free(options->arguments);
    free(options->config_path);
    json_object_put(options->config);
    memset(options, 0, sizeof(*options));
}

/* --- looking them up ------------------------------------------------------------------------------------ */

bool options_has(const struct options *options, enum option option)
{
    return options->given[option].count > 0;
}

bool options_typed(const struct options *options, enum option option)
{
    return options->given[option].typed;
}

const char *options_text(const struct options *options, enum option option)
{
    const struct option_values *values = &options->given[option];
    return values->count ? values->list[values->count - 1] : NULL;
}

const char *options_text_or(const struct options *options, enum option option, const char *otherwise)
{
    return options_has(options, option) ? options_text(options, option) : otherwise;
}

int options_int(const struct options *options, enum option option, int64_t min, int64_t max, int64_t otherwise,
                int64_t *ret_number, struct err *err)
{
    const char *text = options_text(options, option);
    char *end;
    long long number;

    *ret_number = otherwise;
    if (!text)
        return 0;
    errno = 0;
    number = strtoll(text, &end, 10);
    if (!*text || *end || errno || number < min || number > max) {
        if (max == INT64_MAX)
            err_set(err, ERR_INVALID, "--%s: expected a number from %lld on, found \"%s\"", specs[option].long_name,
                    (long long)min, text);
        else
            err_set(err, ERR_INVALID, "--%s: expected a number from %lld to %lld, found \"%s\"",
                    specs[option].long_name, (long long)min, (long long)max, text);
        return ERR_INVALID;
    }
    *ret_number = number;
    return 0;
}

int options_limit(const struct options *options, enum option option, int64_t otherwise, int64_t *ret_number,
                  struct err *err)
{
    const char *text = options_text(options, option);
    if (text && !strcmp(text, "unlimited")) {
        *ret_number = INT64_MAX;
        return 0;
    }
    int result = options_int(options, option, 1, INT64_MAX, otherwise, ret_number, err);
    if (result)
        err_hint(err, "or the word unlimited");
    return result;
}

struct json_object *options_section(const struct options *options, const char *name)
{
    struct json_object *section = NULL;
    return json_member(options->config, name, &section) ? section : NULL;
}

/* A file's name without the @: nothing that begins like JSON, and the file is there. */
static bool is_file(const char *text)
{
    return !strchr("{[\"-0123456789", *text) && !access(text, R_OK);
}

int options_read_json(const char *text, char **ret_text, size_t *ret_bytes, struct err *err)
{
    AUTO_BUF content = BUF_INIT;
    AUTO_JSON struct json_object *value = NULL;
    const char *file = *text == '@' ? text + 1 : is_file(text) ? text : NULL;
    const char *source = !strcmp(text, "-") ? "standard input" : file;
    int result;

    if (source && (result = settings_read_file(file, &content, err)))
        return result;
    if (!source)
        buf_add_text(&content, text);
    while (content.bytes && strchr(" \t\r\n", content.data[content.bytes - 1]))
        content.data[--content.bytes] = '\0';
    if ((result = json_parse(buf_text(&content), content.bytes, &value, err))) {
        err_at(err, "%s", source ? source : "input");
        return result;
    }
    *ret_bytes = content.bytes;
    *ret_text = buf_take(&content);
    return 0;
}
