#include "config.h"

#include "orchestrator/machines.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"
#include "orchestrator/settings.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const endings[] = {".json", ".yaml", ".yml", ".asl"};

/* Length of the name without one of the endings, 0 where it has none of them. */
static size_t without_ending(const char *name, size_t bytes)
{
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        size_t ending = strlen(endings[i]);
        if (bytes > ending && !strncmp(name + bytes - ending, endings[i], ending))
            return bytes - ending;
    }
    return 0;
}

bool machines_is_file(const char *argument)
{
    struct stat status;

    if (!strncmp(argument, "arn:", 4))
        return false;
    return strchr(argument, '/') || without_ending(argument, strlen(argument)) ||
           (!stat(argument, &status) && S_ISREG(status.st_mode));
}

char *machines_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t bytes = strlen(name);

    for (size_t shorter; (shorter = without_ending(name, bytes));)
        bytes = shorter;
    char *copy = mem_strndup(name, bytes < 80 ? bytes : 80);
    for (char *at = copy; *at; at++) /* what a name of a state machine may not hold (InvalidName) */
        if (strchr(" \t<>{}[]?*\"#%\\^|~`$&,;:/", *at) || (unsigned char)*at < ' ' || *at == 127)
            *at = '-';
    return copy;
}

int machines_read(const struct options *options, const char *path, struct buf *text)
{
    struct err err = {0};

    if (!settings_read_file(path, text, &err))
        return EXIT_OK;
    command_fail(options, &err);
    return EXIT_USAGE;
}

static void add_role(struct client *client, const struct options *options, struct json_object *input)
{
    char *made_up = mem_printf("arn:aws:iam::%s:role/orchestrator", client_account(client));
    json_add_text(input, "roleArn", options_text_or(options, OPT_ROLE, made_up));
    free(made_up);
}

/* A definition that is refused: what the API says of it, a fault a line. */
static int refuse(const struct options *options, const char *path, struct client_error *error)
{
    if (!strcmp(error->name, "InvalidDefinition"))
        fprintf(stderr, "%s: not a valid definition; `orchestrator validate %s` shows every fault with its place\n",
                path, path);
    return api_fail(options, error);
}

static int update_machine(struct client *client, const struct options *options, const char *path, const char *name,
                          struct json_object *definition, struct json_object **ret_answer)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    char *arn = names_machine(client, name);

    json_add_text(input, "stateMachineArn", arn);
    json_add(input, "definition", json_object_get(definition));
    api_add_option(options, OPT_ROLE, input, "roleArn");
    if (options_has(options, OPT_PUBLISH))
        json_add_bool(input, "publish", true);
    if (client_call(client, "UpdateStateMachine", input, &answer, &error)) {
        free(arn);
        return refuse(options, path, &error);
    }
    *ret_answer = json_shallow_copy(answer);
    json_add_text(*ret_answer, "stateMachineArn", arn);
    free(arn);
    return EXIT_OK;
}

int machines_update(struct client *client, const struct options *options, const char *path, const char *name,
                    struct json_object **ret_answer)
{
    AUTO_BUF text = BUF_INIT;
    AUTO_JSON struct json_object *definition = NULL;
    int code = machines_read(options, path, &text);

    if (code)
        return code;
    definition = json_object_new_string_len(buf_text(&text), (int)text.bytes);
    return update_machine(client, options, path, name, definition, ret_answer);
}

int machines_create(struct client *client, const struct options *options, const char *path, const char *name,
                    bool update, struct json_object **ret_answer)
{
    AUTO_BUF text = BUF_INIT;
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *definition = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    int code = machines_read(options, path, &text);

    if (code)
        return code;
    definition = json_object_new_string_len(buf_text(&text), (int)text.bytes);
    json_add_text(input, "name", name);
    json_add(input, "definition", json_object_get(definition));
    add_role(client, options, input);
    api_add_option(options, OPT_MACHINE_TYPE, input, "type");
    if (options_has(options, OPT_PUBLISH))
        json_add_bool(input, "publish", true);
    if (!client_call(client, "CreateStateMachine", input, ret_answer, &error))
        return EXIT_OK;
    if (!update || strcmp(error.name, "StateMachineAlreadyExists"))
        return refuse(options, path, &error);
    client_error_release(&error);
    return update_machine(client, options, path, name, definition, ret_answer);
}
