/* call.c - `call OPERATION`: any operation of the API by its name, for what has no command of its own. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"

#include <stdlib.h>

int cmd_call(const struct options *options)
{
    AUTO_JSON struct json_object *input = NULL;
    AUTO_JSON struct json_object *answer = NULL;
    struct err err = {0};
    char *text = NULL;
    size_t bytes;
    int code = EXIT_OK;

    if (options_read_json(options_text_or(options, OPT_INPUT, "{}"), &text, &bytes, &err) ||
        json_parse(text, bytes, &input, &err))
        return command_usage(options, "--input: %s: %s", err.where, err.message);
    free(text);
    /* An operation may start what takes its time: it is waited for here. */
    struct client *client = api_open_with(&(struct client_options){.options = options, .stays = true}, &code);
    if (client && (code = api_call(client, options, options->arguments[0], input, &answer)) == EXIT_OK)
        output_json(answer, true);
    client_close(client);
    return code;
}
