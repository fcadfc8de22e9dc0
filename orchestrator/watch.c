#include "config.h"

#include "orchestrator/watch.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/history_reader.h"
#include "orchestrator/node.h"
#include "orchestrator/progress_view.h"

#include "asl/base/json.h"

#include <stdio.h>
#include <string.h>

enum { TICK_MS = 100 };

static const struct {
    const char *status;
    int code;
} outcomes[] = {
    {"SUCCEEDED", EXIT_OK}, {"FAILED", EXIT_FAILED}, {"TIMED_OUT", EXIT_TIMED_OUT}, {"ABORTED", EXIT_ABORTED}};

/* -1: it runs. */
static int code_of(struct json_object *execution)
{
    const char *status = json_member_text(execution, "status");
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
        if (status && !strcmp(status, outcomes[i].status))
            return outcomes[i].code;
    return -1;
}

int watch_outcome(const struct options *options, struct json_object *execution)
{
    const char *output = json_member_text(execution, "output");
    const char *error = json_member_text(execution, "error");
    const char *cause = json_member_text(execution, "cause");
    int code = code_of(execution);

    if (code == EXIT_OK) {
        puts(output ? output : "null");
        return code;
    }
    fprintf(stderr, "orchestrator %s: the execution %s", options->command->name,
            code == EXIT_TIMED_OUT ? "timed out"
            : code == EXIT_ABORTED ? "was aborted"
                                   : "failed");
    if (error)
        fprintf(stderr, ": %s", error);
    if (cause)
        fprintf(stderr, ": %s", cause);
    fputc('\n', stderr);
    return code;
}

static int describe(struct client *client, const char *arn, struct json_object **ret_execution,
                    struct client_error *error)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    json_add_text(input, "executionArn", arn);
    return client_call(client, "DescribeExecution", input, ret_execution, error);
}

static bool on_event(void *context, struct json_object *event)
{
    progress_view_event(context, event);
    return true;
}

/* Until its end is in the history; false: interrupted, or an error. */
static bool show(struct client *client, const struct options *options, const char *arn, struct client_error *error)
{
    static const char before_name[] = ":execution:";
    struct history_reader reader = {.execution_arn = arn, .without_data = true};
    struct progress_view view;
    struct node *node = client_node(client);
    const char *name = strstr(arn, before_name);
    bool goes_on;

    progress_view_open(&view, options, name ? name + strlen(before_name) : arn, stderr);
    view.virtual_clock = !strcmp(options_text_or(options, OPT_CLOCK, "real"), "virtual");
    if (node) {
        node->function_log = progress_view_log;
        node->function_log_context = &view;
    }
    do {
        goes_on = !history_read(&reader, client, on_event, &view, error);
        progress_view_draw(&view);
    } while (goes_on && !reader.ended && (goes_on = client_wait(client, arn, TICK_MS)));
    if (node)
        node->function_log = NULL;
    progress_view_close(&view);
    history_reader_release(&reader);
    return goes_on;
}

int watch_execution(struct client *client, const struct options *options, const char *execution_arn, bool quiet)
{
    struct client_error error = CLIENT_ERROR_INIT;
    bool goes_on = quiet || show(client, options, execution_arn, &error);

    while (goes_on) {
        AUTO_JSON struct json_object *execution = NULL;
        if (describe(client, execution_arn, &execution, &error))
            break;
        if (code_of(execution) >= 0)
            return watch_outcome(options, execution);
        goes_on = client_wait(client, execution_arn, TICK_MS);
    }
    if (*error.name || error.err.code)
        return api_fail(options, &error);
    fprintf(stderr, "orchestrator %s: interrupted; %s goes on where it was with `orchestrator serve`\n",
            options->command->name, execution_arn);
    return EXIT_INTERRUPTED;
}
