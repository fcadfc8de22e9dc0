#include "config.h"

#include "orchestrator/api.h"

#include "orchestrator/client.h"
#include "orchestrator/command.h"

#include "asl/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client *api_open_with(const struct client_options *client_options, int *ret_code)
{
    struct client *client = NULL;
    struct err err = {0};

    if (client_open(client_options, &client, &err))
        *ret_code = err.code == ERR_INVALID && !err.where[0] ? command_usage(client_options->options, "%s", err.message)
                                                             : command_fail(client_options->options, &err);
    return client;
}

struct client *api_open(const struct options *options, int *ret_code)
{
    return api_open_with(&(struct client_options){.options = options}, ret_code);
}

struct client *api_open_output(const struct options *options, enum output_format *ret_format, int *ret_code)
{
    if (output_format(options, ret_format))
        return api_open(options, ret_code);
    *ret_code = EXIT_USAGE;
    return NULL;
}

/* Errors that mean that what was named is not there (any more). */
static bool is_missing(const char *name)
{
    static const char *const names[] = {"ResourceNotFound", "TaskTimedOut"};
    const char *end = strstr(name, "DoesNotExist");

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return end && !end[strlen("DoesNotExist")];
}

int api_fail(const struct options *options, struct client_error *error)
{
    int code;

    if (*error->name) {
        fprintf(stderr, "orchestrator %s: %s: %s\n", options->command->name, error->name, error->message);
        code = is_missing(error->name) ? EXIT_NOT_FOUND : EXIT_FAILED;
    } else {
        code = command_fail(options, &error->err);
    }
    client_error_release(error);
    return code;
}

int api_call(struct client *client, const struct options *options, const char *operation, struct json_object *input,
             struct json_object **ret_output)
{
    struct client_error error = CLIENT_ERROR_INIT;

    if (client_call(client, operation, input, ret_output, &error))
        return api_fail(options, &error);
    return EXIT_OK;
}

int api_list(const struct options *options, const char *operation, const char *member,
             const struct output_column *columns, size_t column_count, const char *id_member)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    struct json_object *list = NULL;
    enum output_format format;
    int code = EXIT_OK;
    struct client *client = api_open_output(options, &format, &code);

    if (client && (code = api_call(client, options, operation, input, &answer)) == EXIT_OK &&
        json_member(answer, member, &list))
        output_list(format, list, columns, column_count, id_member);
    client_close(client);
    return code;
}

int api_add_json(const struct options *options, int option, struct json_object *object, const char *member,
                 const char *otherwise)
{
    const char *given = options_text(options, (enum option)option);
    struct err err = {0};
    char *text = NULL;
    size_t bytes;

    if (!given) {
        if (otherwise)
            json_add_text(object, member, otherwise);
        return EXIT_OK;
    }
    if (options_read_json(given, &text, &bytes, &err))
        return err.code == ERR_INVALID
                   ? command_usage(options, "--%s: %s: %s", option_spec((enum option)option)->long_name, err.where,
                                   err.message)
                   : (command_fail(options, &err), EXIT_USAGE);
    json_add(object, member, json_object_new_string_len(text, (int)bytes));
    free(text);
    return EXIT_OK;
}

void api_add_option(const struct options *options, int option, struct json_object *object, const char *member)
{
    if (options_has(options, (enum option)option))
        json_add_text(object, member, options_text(options, (enum option)option));
}
