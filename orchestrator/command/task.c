/* task.c - `task success|failure|heartbeat|tokens`: tasks that wait for somebody outside. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/node.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* --- tokens ------------------------------------------------------------------------------------------ */

static void add_moment(struct json_object *row, const char *member, int64_t ms)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
    json_add(row, member, json_object_new_double_s((double)ms / 1000, text));
}

static void on_waiting(void *context, const struct engine_waiting *waiting)
{
    struct json_object *row = json_object_new_object();
    const char *name = strrchr(waiting->execution_arn, ':');

    json_add_text(row, "state", waiting->state_name);
    json_add_text(row, "execution", name ? name + 1 : waiting->execution_arn);
    json_add_text(row, "resource", waiting->resource);
    add_moment(row, "sinceDate", waiting->since_ms);
    if (waiting->deadline_ms)
        add_moment(row, "deadlineDate", waiting->deadline_ms);
    json_add_text(row, "executionArn", waiting->execution_arn);
    json_add_text(row, "taskToken", waiting->token);
    json_append(context, row);
}

int cmd_task_tokens(const struct options *options)
{
    static const struct output_column columns[] = {{"STATE", "state"},       {"EXECUTION", "execution"},
                                                   {"SINCE", "sinceDate"},   {"UNTIL", "deadlineDate"},
                                                   {"RESOURCE", "resource"}, {"TOKEN", "taskToken"}};
    AUTO_JSON struct json_object *list = json_object_new_array();
    struct node_options node_options = {.options = options, .parks_tasks = true};
    struct node *node = NULL;
    struct err err = {0};
    enum output_format format;
    int code = EXIT_OK;

    if (!output_format(options, &format))
        return EXIT_USAGE;
    if (node_open(&node_options, &node, &err) || engine_list_waiting(node->engine, on_waiting, list, &err))
        code = command_fail(options, &err);
    else
        output_list(format, list, columns, sizeof(columns) / sizeof(*columns), "taskToken");
    node_close(node, 0);
    return code;
}
