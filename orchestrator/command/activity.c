/* activity.c - `activity create|poll`; `activity list` is in list.c, `activity delete` in machine.c. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"

#include "asl/base/json.h"

#include <stdio.h>
#include <stdlib.h>

int cmd_activity_create(const struct options *options)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    enum output_format format;
    int code = EXIT_OK;
    struct client *client = api_open_output(options, &format, &code);

    if (!client)
        return code;
    json_add_text(input, "name", options->arguments[0]);
    code = api_call(client, options, "CreateActivity", input, &answer);
    if (code == EXIT_OK)
        output_record(format == OUTPUT_TABLE ? OUTPUT_IDS : format, answer, "activityArn");
    client_close(client);
    return code;
}

int cmd_activity_poll(const struct options *options)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    enum output_format format;
    int code = EXIT_OK;
    struct client *client = api_open_output(options, &format, &code);

    if (!client)
        return code;
    char *arn = names_activity(client, options->arguments[0]);
    json_add_text(input, "activityArn", arn);
    free(arn);
    api_add_option(options, OPT_WORKER, input, "workerName");
    code = api_call(client, options, "GetActivityTask", input, &answer);
    client_close(client);
    if (code != EXIT_OK)
        return code;
    if (!json_member_text(answer, "taskToken")) {
        fputs("orchestrator activity poll: no task came within a minute\n", stderr);
        return EXIT_NOT_FOUND;
    }
    output_record(format, answer, "taskToken");
    return EXIT_OK;
}
