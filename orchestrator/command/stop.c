/* stop.c - `stop` and `redrive`: executions that are to end, or to go on. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"

#include "asl/base/json.h"

#include <stdlib.h>

static int change(struct client *client, const struct options *options, const char *operation, const char *name)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    char *arn = NULL;

    if (names_execution(client, name, &arn, &error))
        return api_fail(options, &error);
    json_add_text(input, "executionArn", arn);
    free(arn);
    api_add_option(options, OPT_ERROR, input, "error");
    api_add_option(options, OPT_CAUSE, input, "cause");
    return api_call(client, options, operation, input, &answer);
}

static int change_all(const struct options *options, const char *operation)
{
    int code = EXIT_OK;
    struct client *client = api_open(options, &code);

    for (size_t i = 0; client && code == EXIT_OK && i < options->argument_count; i++)
        code = change(client, options, operation, options->arguments[i]);
    client_close(client);
    return code;
}

int cmd_stop(const struct options *options)
{
    return change_all(options, "StopExecution");
}

int cmd_redrive(const struct options *options)
{
    return change_all(options, "RedriveExecution");
}
