#include "config.h"

#include "orchestrator/start.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"

#include <stdio.h>

static int start(struct client *client, const struct options *options, enum output_format format)
{
    AUTO_JSON struct json_object *answer = NULL;
    int code;

    if (options_has(options, OPT_WAIT))
        return start_and_watch(client, options, options->arguments[0]);
    code = start_execution_of(client, options, options->arguments[0], &answer);
    if (code != EXIT_OK)
        return code;
    /* The ARN alone unless JSON is asked for: it is what the next command needs. */
    output_record(format == OUTPUT_TABLE ? OUTPUT_IDS : format, answer, "executionArn");
    return EXIT_OK;
}

int cmd_start(const struct options *options)
{
    enum output_format format;
    int code = EXIT_OK;

    if (!output_format(options, &format))
        return EXIT_USAGE;
    struct client *client =
        api_open_with(&(struct client_options){.options = options, .stays = options_has(options, OPT_WAIT)}, &code);
    if (client)
        code = start(client, options, format);
    client_close(client);
    return code;
}
