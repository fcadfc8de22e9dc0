/* machine.c - `create`, `update` and `delete`: state machines. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/machines.h"
#include "orchestrator/names.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int create(const struct options *options, const char *path, const char *name, bool update)
{
    AUTO_JSON struct json_object *answer = NULL;
    enum output_format format;
    int code = EXIT_OK;
    struct client *client = api_open_output(options, &format, &code);

    if (!client)
        return code;
    code = update ? machines_update(client, options, path, name, &answer)
                  : machines_create(client, options, path, name, false, &answer);
    if (code == EXIT_OK)
        output_record(format == OUTPUT_TABLE ? OUTPUT_IDS : format, answer, "stateMachineArn");
    client_close(client);
    return code;
}

int cmd_create(const struct options *options)
{
    char *name = options_has(options, OPT_MACHINE_NAME) ? mem_strdup(options_text(options, OPT_MACHINE_NAME))
                                                        : machines_name_of(options->arguments[0]);
    int code = create(options, options->arguments[0], name, false);
    free(name);
    return code;
}

int cmd_update(const struct options *options)
{
    const char *path = options->arguments[options->argument_count - 1];
    const char *given = options->argument_count > 1 ? options->arguments[0] : options_text(options, OPT_MACHINE_NAME);
    char *name = given ? mem_strdup(given) : machines_name_of(path);
    int code = create(options, path, name, true);
    free(name);
    return code;
}

/* What deletes the thing that the ARN names, and how its input calls it. */
static void how_to_delete(const char *arn, const char **ret_operation, const char **ret_member)
{
    static const char machine[] = ":stateMachine:";
    const char *after = strstr(arn, machine);
    const char *qualifier = after ? strchr(after + strlen(machine), ':') : NULL;

    if (strstr(arn, ":activity:")) {
        *ret_operation = "DeleteActivity";
        *ret_member = "activityArn";
    } else if (qualifier && strspn(qualifier + 1, "0123456789") == strlen(qualifier + 1)) {
        *ret_operation = "DeleteStateMachineVersion";
        *ret_member = "stateMachineVersionArn";
    } else if (qualifier) {
        *ret_operation = "DeleteStateMachineAlias";
        *ret_member = "stateMachineAliasArn";
    } else {
        *ret_operation = "DeleteStateMachine";
        *ret_member = "stateMachineArn";
    }
}

/* DeleteStateMachine is content with a machine that is not there; a person who mistyped a name is not. */
static int check_exists(struct client *client, const struct options *options, const char *operation, const char *arn)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;

    if (!strcmp(operation, "DeleteStateMachine")) {
        json_add_text(input, "stateMachineArn", arn);
        json_add_text(input, "includedData", "METADATA_ONLY");
        return api_call(client, options, "DescribeStateMachine", input, &answer);
    }
    if (!strcmp(operation, "DeleteActivity")) {
        json_add_text(input, "activityArn", arn);
        return api_call(client, options, "DescribeActivity", input, &answer);
    }
    return EXIT_OK;
}

static int delete_one(struct client *client, const struct options *options, const char *name, bool activity)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    char *arn = activity ? names_activity(client, name) : names_machine(client, name);
    const char *operation, *member;
    int code;

    how_to_delete(arn, &operation, &member);
    json_add_text(input, member, arn);
    code = check_exists(client, options, operation, arn);
    free(arn);
    return code == EXIT_OK ? api_call(client, options, operation, input, &answer) : code;
}

static int delete_all(const struct options *options, bool activities)
{
    int code = EXIT_OK;
    struct client *client = api_open(options, &code);

    for (size_t i = 0; client && code == EXIT_OK && i < options->argument_count; i++)
        code = delete_one(client, options, options->arguments[i], activities);
    client_close(client);
    return code;
}

int cmd_delete(const struct options *options)
{
    return delete_all(options, false);
}

int cmd_activity_delete(const struct options *options)
{
    return delete_all(options, true);
}
