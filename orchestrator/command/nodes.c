#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"

int cmd_nodes(const struct options *options)
{
    static const struct output_column columns[] = {{"NODE", "node"},        {"STATE", "state"},
                                                   {"SHARDS", "shards"},    {"SEEN", "seenSecondsAgo"},
                                                   {"LATE", "lateSeconds"}, {"REQUESTS", "requests"}};
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *answer = NULL;
    struct json_object *list = NULL;
    enum output_format format;
    int code = EXIT_OK;

    if (!output_format(options, &format))
        return EXIT_USAGE;
    struct client *client = api_open(options, &code);
    if (!client)
        return code;
    code = api_call(client, options, "ListNodes", input, &answer);
    client_close(client);
    if (code == EXIT_OK && json_member(answer, "nodes", &list))
        output_list(format, list, columns, sizeof(columns) / sizeof(*columns), "node");
    return code;
}
