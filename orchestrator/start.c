#include "config.h"

#include "orchestrator/start.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/machines.h"
#include "orchestrator/names.h"
#include "orchestrator/watch.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A name of our own: a request that is answered twice (its owner died in between) starts one execution. */
static void add_name(const struct options *options, struct json_object *input)
{
    unsigned char random[16];
    char uuid[40];

    if (options_has(options, OPT_NAME) || getentropy(random, sizeof(random))) {
        api_add_option(options, OPT_NAME, input, "name");
        return;
    }
    random[6] = (unsigned char)((random[6] & 0x0f) | 0x40);
    random[8] = (unsigned char)((random[8] & 0x3f) | 0x80);
    for (size_t i = 0, at = 0; i < sizeof(random); i++)
        at += (size_t)snprintf(uuid + at, sizeof(uuid) - at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               random[i]);
    json_add_text(input, "name", uuid);
}

static int make_input(struct client *client, const struct options *options, const char *machine,
                      struct json_object **ret_input)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    char *arn = names_machine(client, machine);
    const char *test_case = options_text(options, OPT_TEST_CASE);
    char *with_case = test_case ? mem_printf("%s#%s", arn, test_case) : NULL;

    json_add_text(input, "stateMachineArn", with_case ? with_case : arn);
    free(with_case);
    free(arn);
    add_name(options, input);
    int code = api_add_json(options, OPT_INPUT, input, "input", "{}");
    if (code == EXIT_OK)
        *ret_input = json_take(&input);
    return code;
}

int start_machine(struct client *client, const struct options *options, const char *argument, char **ret_name)
{
    AUTO_JSON struct json_object *answer = NULL;
    char *name;
    int code;

    if (!machines_is_file(argument)) {
        *ret_name = mem_strdup(argument);
        return EXIT_OK;
    }
    name = machines_name_of(argument);
    if ((code = machines_create(client, options, argument, name, true, &answer)) == EXIT_OK)
        *ret_name = name;
    else
        free(name);
    return code;
}

int start_execution_of(struct client *client, const struct options *options, const char *machine,
                       struct json_object **ret_answer)
{
    AUTO_JSON struct json_object *input = NULL;
    int code = make_input(client, options, machine, &input);

    return code == EXIT_OK ? api_call(client, options, "StartExecution", input, ret_answer) : code;
}

static int is_express(struct client *client, const struct options *options, const char *machine, bool *ret_express)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    char *arn = names_machine(client, machine);
    int code;

    json_add_text(input, "stateMachineArn", arn);
    json_add_text(input, "includedData", "METADATA_ONLY");
    free(arn);
    code = api_call(client, options, "DescribeStateMachine", input, &answer);
    const char *type = json_member_text(answer, "type");
    *ret_express = type && !strcmp(type, "EXPRESS");
    return code;
}

int start_and_watch(struct client *client, const struct options *options, const char *machine)
{
    AUTO_JSON struct json_object *answer = NULL;
    bool express;
    int code = is_express(client, options, machine, &express);

    if (code != EXIT_OK)
        return code;
    if (express) {
        AUTO_JSON struct json_object *input = NULL;
        code = make_input(client, options, machine, &input);
        if (code == EXIT_OK)
            code = api_call(client, options, "StartSyncExecution", input, &answer);
        return code == EXIT_OK ? watch_outcome(options, answer) : code;
    }
    code = start_execution_of(client, options, machine, &answer);
    if (code != EXIT_OK)
        return code;
    return watch_execution(client, options, json_member_text(answer, "executionArn"), options_has(options, OPT_QUIET));
}
