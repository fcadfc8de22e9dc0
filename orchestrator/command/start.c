/* start.c - `start`: starts an execution; with --wait it is carried on and watched like one of `run`. */
#include "config.h"

#include "orchestrator/start.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/machines.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"

#include <stdlib.h>

static int start(struct client *client, const struct options *options, enum output_format format)
{
    AUTO_JSON struct json_object *answer = NULL;
    char *machine = NULL;
    int code = start_machine(client, options, options->arguments[0], &machine);

    if (code == EXIT_OK && options_has(options, OPT_WAIT))
        code = start_and_watch(client, options, machine);
    else if (code == EXIT_OK && (code = start_execution_of(client, options, machine, &answer)) == EXIT_OK)
        /* The ARN alone unless JSON is asked for: it is what the next command needs. */
        output_record(format == OUTPUT_TABLE ? OUTPUT_IDS : format, answer, "executionArn");
    free(machine);
    return code;
}

int cmd_start(const struct options *options)
{
    enum output_format format;
    int code = EXIT_OK;

    if (!output_format(options, &format))
        return EXIT_USAGE;
    const struct client_options client_options = {
        .options = options,
        .definition_path = machines_is_file(options->arguments[0]) ? options->arguments[0] : NULL,
        .stays = options_has(options, OPT_WAIT),
    };
    struct client *client = api_open_with(&client_options, &code);
    if (client)
        code = start(client, options, format);
    client_close(client);
    return code;
}
