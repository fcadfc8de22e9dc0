/* graph.c - `graph`: a state machine or an execution as a picture. */
#include "config.h"

#include "orchestrator/graph.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/history_reader.h"
#include "orchestrator/machines.h"
#include "orchestrator/names.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/definition/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void draw_fn(struct buf *out, const struct graph *graph);

static draw_fn *find_format(const struct options *options)
{
    static const struct {
        const char *name;
        draw_fn *draw;
    } formats[] = {{"svg", graph_svg}, {"dot", graph_dot}, {"mermaid", graph_mermaid}};
    const char *given = options_text_or(options, OPT_GRAPH_FORMAT, "svg");

    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        if (!strcmp(formats[i].name, given))
            return formats[i].draw;
    command_usage(options, "--output is svg, dot or mermaid, not \"%s\"", given);
    return NULL;
}

static int draw(const struct options *options, draw_fn *fn, const char *title, const char *text, size_t bytes,
                const struct progress *progress)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct machine *machine = NULL;
    AUTO_BUF out = BUF_INIT;
    int code = EXIT_OK;

    if (definition_compile(text, bytes, (struct definition_options){.allow_placeholders = true}, &machine,
                           &diagnostics)) {
        fprintf(stderr, "orchestrator %s: %s: the definition has faults; `orchestrator validate` shows them\n",
                options->command->name, title);
        code = EXIT_FAILED;
    } else {
        fn(&out, &(struct graph){title, machine, progress});
        fputs(buf_text(&out), stdout);
        definition_unref(machine);
    }
    diagnostics_release(&diagnostics);
    return code;
}

static int draw_file(const struct options *options, draw_fn *fn, const char *path)
{
    AUTO_BUF text = BUF_INIT;
    char *name = machines_name_of(path);
    int code = machines_read(options, path, &text);

    if (code == EXIT_OK)
        code = draw(options, fn, name, buf_text(&text), text.bytes, NULL);
    free(name);
    return code;
}

static bool on_event(void *context, struct json_object *event)
{
    progress_apply(context, event);
    return true;
}

static int draw_execution(struct client *client, const struct options *options, draw_fn *fn, const char *arn)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    struct history_reader reader = {.execution_arn = arn, .without_data = true};
    struct client_error error = CLIENT_ERROR_INIT;
    struct progress progress;
    const char *definition;
    int code;

    json_add_text(input, "executionArn", arn);
    if ((code = api_call(client, options, "DescribeStateMachineForExecution", input, &answer)) != EXIT_OK)
        return code;
    definition = json_member_text(answer, "definition");
    progress_init(&progress);
    if (history_read(&reader, client, on_event, &progress, &error))
        code = api_fail(options, &error);
    else
        code = draw(options, fn, strrchr(arn, ':') + 1, definition, strlen(definition), &progress);
    history_reader_release(&reader);
    progress_release(&progress);
    return code;
}

static int draw_machine(const struct options *options, draw_fn *fn, struct json_object *machine)
{
    const char *definition = json_member_text(machine, "definition");
    return draw(options, fn, json_member_text(machine, "name"), definition, strlen(definition), NULL);
}

/* A name alone is a state machine's where there is one, else an execution's. */
static int draw_named(struct client *client, const struct options *options, draw_fn *fn, const char *name)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *machine = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    char *arn = NULL;
    int code;

    if (strstr(name, ":stateMachine:") || (*name != '@' && !strchr(name, ':'))) {
        arn = names_machine(client, name);
        json_add_text(input, "stateMachineArn", arn);
        free(arn);
        if (!client_call(client, "DescribeStateMachine", input, &machine, &error))
            return draw_machine(options, fn, machine);
        if (strchr(name, ':') || strcmp(error.name, "StateMachineDoesNotExist"))
            return api_fail(options, &error);
        client_error_release(&error);
    }
    if (names_execution(client, name, &arn, &error))
        return api_fail(options, &error);
    code = draw_execution(client, options, fn, arn);
    free(arn);
    return code;
}

int cmd_graph(const struct options *options)
{
    const char *argument = options->arguments[0];
    draw_fn *fn = find_format(options);
    int code = EXIT_OK;

    if (!fn)
        return EXIT_USAGE;
    if (machines_is_file(argument))
        return draw_file(options, fn, argument);
    struct client *client = api_open(options, &code);
    if (client)
        code = draw_named(client, options, fn, argument);
    client_close(client);
    return code;
}
