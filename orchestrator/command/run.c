#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/machines.h"
#include "orchestrator/start.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int run(struct client *client, const struct options *options, const char *argument, bool is_file)
{
    char *name;
    int code = EXIT_OK;

    if (is_file) {
        AUTO_JSON struct json_object *answer = NULL;
        name = machines_name_of(argument);
        code = machines_create(client, options, argument, name, true, &answer);
    } else {
        name = mem_strdup(argument);
    }
    if (code == EXIT_OK)
        code = start_and_watch(client, options, name);
    free(name);
    return code;
}

int cmd_run(const struct options *options)
{
    const char *argument = options->arguments[0];
    const char *clock = options_text_or(options, OPT_CLOCK, "real");
    bool is_file = machines_is_file(argument);
    struct client_options client_options = {
        .options = options,
        .definition_path = is_file ? argument : NULL,
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
        code = run(client, options, argument, is_file);
    client_close(client);
    return code;
}
