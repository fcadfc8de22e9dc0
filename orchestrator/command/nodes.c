/* nodes.c - `nodes`: the processes that run executions, and their shards. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/command.h"

int cmd_nodes(const struct options *options)
{
    static const struct output_column columns[] = {{"NODE", "node"},        {"STATE", "state"},
                                                   {"SHARDS", "shards"},    {"SEEN", "seenSecondsAgo"},
                                                   {"LATE", "lateSeconds"}, {"REQUESTS", "requests"}};

    return api_list(options, "ListNodes", "nodes", columns, sizeof(columns) / sizeof(*columns), "node");
}
