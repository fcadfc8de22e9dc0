/* describe.c - `describe NAME`: a state machine, an execution, an activity or a map run, by a name or an ARN. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct kind {
    const char *mark; /* in the ARN */
    const char *operation;
    const char *member; /* of the input and of the answer */
} kinds[] = {
    {":execution:", "DescribeExecution", "executionArn"},
    {":express:", "DescribeExecution", "executionArn"},
    {":activity:", "DescribeActivity", "activityArn"},
    {":mapRun:", "DescribeMapRun", "mapRunArn"},
    {":stateMachine:", "DescribeStateMachine", "stateMachineArn"},
};

static const struct kind *kind_of(const char *arn)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strstr(arn, kinds[i].mark))
            return &kinds[i];
    return NULL;
}

/* A name alone is a state machine's where there is one, else an execution's. */
static int resolve(struct client *client, const char *name, char **ret_arn, struct client_error *error)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;

    if (!strncmp(name, "arn:", 4)) {
        *ret_arn = mem_strdup(name);
        return 0;
    }
    if (strchr(name, ':') || *name == '@')
        return names_execution(client, name, ret_arn, error);
    *ret_arn = names_machine(client, name);
    json_add_text(input, "stateMachineArn", *ret_arn);
    json_add_text(input, "includedData", "METADATA_ONLY");
    if (!client_call(client, "DescribeStateMachine", input, &answer, error))
        return 0;
    if (strcmp(error->name, "StateMachineDoesNotExist"))
        return ERR_INVALID;
    client_error_release(error);
    free(*ret_arn);
    *ret_arn = NULL;
    return names_execution(client, name, ret_arn, error);
}

static int describe(struct client *client, const struct options *options, enum output_format format)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    char *arn = NULL;
    int code;

    if (resolve(client, options->arguments[0], &arn, &error)) {
        free(arn);
        return api_fail(options, &error);
    }
    const struct kind *kind = kind_of(arn);
    if (kind) {
        json_add_text(input, kind->member, arn);
        code = api_call(client, options, kind->operation, input, &answer);
    } else {
        code = command_usage(options, "this ARN names nothing that can be described: \"%s\"", arn);
    }
    if (code == EXIT_OK)
        output_record(format, answer, kind->member);
    free(arn);
    return code;
}

int cmd_describe(const struct options *options)
{
    enum output_format format;
    int code = EXIT_OK;
    struct client *client = api_open_output(options, &format, &code);

    if (client)
        code = describe(client, options, format);
    client_close(client);
    return code;
}
