/* run.c - `run`: starts an execution, watches it and prints its output, with the engine in this process if need be. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/machines.h"
#include "orchestrator/start.h"

#include <stdlib.h>
#include <string.h>

static int run(struct client *client, const struct options *options)
{
    char *machine = NULL;
    int code = start_machine(client, options, options->arguments[0], &machine);

    if (code == EXIT_OK)
        code = start_and_watch(client, options, machine);
    free(machine);
    return code;
}

int cmd_run(const struct options *options)
{
    const char *argument = options->arguments[0];
    const char *clock = options_text_or(options, OPT_CLOCK, "real");
    struct client_options client_options = {
        .options = options,
        .definition_path = machines_is_file(argument) ? argument : NULL,
        .virtual_clock = !strcmp(clock, "virtual"),
        .stays = true,
    };
    int code = EXIT_OK;

    if (!client_options.virtual_clock && strcmp(clock, "real"))
        return command_usage(options, "--clock is real or virtual, not \"%s\"", clock);
    struct client *client = api_open_with(&client_options, &code);
    if (!client)
        return code;
    if (client_options.virtual_clock && !client_node(client))
        code = command_usage(options, "--clock virtual needs a store of its own, not --endpoint");
    else
        code = run(client, options);
    client_close(client);
    return code;
}
