/* task.c - `task success|failure|heartbeat|tokens`: tasks that wait for somebody outside. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"

#include "asl/base/json.h"

/* One call with an input that is ready. */
static int report(const struct options *options, const char *operation, struct json_object *input)
{
    AUTO_JSON struct json_object *answer = NULL;
    int code = EXIT_OK;
    struct client *client = api_open(options, &code);

    if (client)
        code = api_call(client, options, operation, input, &answer);
    client_close(client);
    return code;
}

int cmd_task_success(const struct options *options)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    int code;

    json_add_text(input, "taskToken", options->arguments[0]);
    code = api_add_json(options, OPT_TASK_OUTPUT, input, "output", "{}");
    return code == EXIT_OK ? report(options, "SendTaskSuccess", input) : code;
}

int cmd_task_failure(const struct options *options)
{
    AUTO_JSON struct json_object *input = json_object_new_object();

    json_add_text(input, "taskToken", options->arguments[0]);
    api_add_option(options, OPT_ERROR, input, "error");
    api_add_option(options, OPT_CAUSE, input, "cause");
    return report(options, "SendTaskFailure", input);
}

int cmd_task_heartbeat(const struct options *options)
{
    int code = EXIT_OK;

    for (size_t i = 0; i < options->argument_count && code == EXIT_OK; i++) {
        AUTO_JSON struct json_object *input = json_object_new_object();
        json_add_text(input, "taskToken", options->arguments[i]);
        code = report(options, "SendTaskHeartbeat", input);
    }
    return code;
}

int cmd_task_tokens(const struct options *options)
{
    static const struct output_column columns[] = {{"STATE", "state"},       {"EXECUTION", "execution"},
                                                   {"SINCE", "sinceDate"},   {"UNTIL", "deadlineDate"},
                                                   {"RESOURCE", "resource"}, {"TOKEN", "taskToken"}};

    return api_list(options, "ListTaskTokens", "tasks", columns, sizeof(columns) / sizeof(*columns), "taskToken");
}
