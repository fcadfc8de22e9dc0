/* list.c - `list`: executions, state machines, activities, versions, aliases, map runs. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_DEFAULT = 100, COLUMNS_MAX = 5 };

/* What a listing needs to know first. */
enum list_of { LIST_OF_NOTHING, LIST_OF_MACHINE, LIST_OF_EXECUTION };

static const struct listing {
    const char *name;
    const char *operation;
    const char *member;    /* of the answer */
    const char *id_member; /* of an entry */
    enum list_of of;
    struct output_column columns[COLUMNS_MAX];
} listings[] = {
    {"executions",
     NULL,
     NULL,
     "executionArn",
     LIST_OF_NOTHING,
     {{"NAME", "name"},
      {"STATUS", "status"},
      {"STARTED", "startDate"},
      {"STOPPED", "stopDate"},
      {"MACHINE", "stateMachineArn"}}},
    {"machines",
     "ListStateMachines",
     "stateMachines",
     "stateMachineArn",
     LIST_OF_NOTHING,
     {{"NAME", "name"}, {"TYPE", "type"}, {"CREATED", "creationDate"}, {"ARN", "stateMachineArn"}}},
    {"activities",
     "ListActivities",
     "activities",
     "activityArn",
     LIST_OF_NOTHING,
     {{"NAME", "name"}, {"CREATED", "creationDate"}, {"ARN", "activityArn"}}},
    {"versions",
     "ListStateMachineVersions",
     "stateMachineVersions",
     "stateMachineVersionArn",
     LIST_OF_MACHINE,
     {{"CREATED", "creationDate"}, {"ARN", "stateMachineVersionArn"}}},
    {"aliases",
     "ListStateMachineAliases",
     "stateMachineAliases",
     "stateMachineAliasArn",
     LIST_OF_MACHINE,
     {{"CREATED", "creationDate"}, {"ARN", "stateMachineAliasArn"}}},
    {"map-runs",
     "ListMapRuns",
     "mapRuns",
     "mapRunArn",
     LIST_OF_EXECUTION,
     {{"STARTED", "startDate"}, {"STOPPED", "stopDate"}, {"ARN", "mapRunArn"}}},
};

static const struct listing *find_listing(const char *name)
{
    for (size_t i = 0; i < sizeof(listings) / sizeof(*listings); i++)
        if (!strcmp(listings[i].name, name))
            return &listings[i];
    return NULL;
}

static int read_list(struct client *client, const struct options *options, const struct listing *listing, int limit,
                     struct json_object **ret_list)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    struct client_error error = CLIENT_ERROR_INIT;
    const char *machine = options_text(options, OPT_MACHINE);
    char *arn = machine ? names_machine(client, machine) : NULL;
    int result;

    if (listing->of == LIST_OF_EXECUTION)
        result = names_execution(client, options_text(options, OPT_EXECUTION), &arn, &error);
    else
        result = 0;
    if (!result && listing->of != LIST_OF_NOTHING)
        json_add_text(input, listing->of == LIST_OF_MACHINE ? "stateMachineArn" : "executionArn", arn);
    if (!result && listing->operation)
        result = names_list(client, listing->operation, input, listing->member, limit, ret_list, &error);
    else if (!result)
        result = names_executions(client, arn, options_text(options, OPT_STATUS), limit, ret_list, &error);
    free(arn);
    return result ? api_fail(options, &error) : EXIT_OK;
}

static int print_listing(const struct options *options, const struct listing *listing)
{
    AUTO_JSON struct json_object *list = NULL;
    struct err err = {0};
    enum output_format format;
    int64_t limit;
    size_t columns = 0;
    int code = EXIT_OK;

    if (!output_format(options, &format))
        return EXIT_USAGE;
    if (options_int(options, OPT_LIMIT, 1, INT32_MAX, LIMIT_DEFAULT, &limit, &err))
        return command_usage(options, "%s", err.message);
    struct client *client = api_open(options, &code);
    if (!client)
        return code;
    code = read_list(client, options, listing, (int)limit, &list);
    client_close(client);
    while (columns < COLUMNS_MAX && listing->columns[columns].title)
        columns++;
    if (code == EXIT_OK)
        output_list(format, list, listing->columns, columns, listing->id_member);
    return code;
}

int cmd_list(const struct options *options)
{
    const char *name = options->argument_count ? options->arguments[0] : "executions";
    const struct listing *listing = find_listing(name);

    if (!listing)
        return command_usage(options, "nothing to list is called \"%s\"", name);
    if (listing->of == LIST_OF_MACHINE && !options_has(options, OPT_MACHINE))
        return command_usage(options, "whose %s? name the state machine with --machine", name);
    if (listing->of == LIST_OF_EXECUTION && !options_has(options, OPT_EXECUTION))
        return command_usage(options, "whose %s? name the execution with --execution", name);
    return print_listing(options, listing);
}

int cmd_activity_list(const struct options *options)
{
    return print_listing(options, find_listing("activities"));
}
