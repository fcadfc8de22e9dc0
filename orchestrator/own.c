#include "config.h"

#include "orchestrator/own.h"

#include "orchestrator/nodes.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- DescribeNode --------------------------------------------------------------------------------------- */

static int on_node(void *context, const struct store_node *node)
{
    struct json_object *info = context;
    const char *before = json_member_text(info, "owner");

    if (node->alive && before) {
        char *both = mem_printf("%s, %s", before, node->name);
        json_add_text(info, "owner", both);
        free(both);
    } else if (node->alive) {
        json_add_text(info, "owner", node->name);
    }
    return 0;
}

void own_add_store(struct store *store, struct json_object *info)
{
    AUTO_JSON struct json_object *details = NULL;
    const struct store_view view = {.node = on_node, .context = info};
    char *text = store_info(store);

    int64_t open = store_count_open(store);

    if (open >= 0)
        json_add_int(info, "openExecutions", open);
    store_nodes(store, &view, NULL);
    if (text && !json_parse(text, strlen(text), &details, NULL))
        json_add(info, "storeDetails", json_take(&details));
    free(text);
}

static int describe_node(struct engine *engine, struct json_object *output, struct err *err)
{
    (void)err;
    json_add_text(output, "version", PACKAGE_VERSION);
    json_add_text(output, "region", engine_region(engine));
    json_add_text(output, "account", engine_account(engine));
    own_add_store(engine_store(engine), output);
    return 0;
}

/* --- ListTaskTokens ------------------------------------------------------------------------------------- */

static void add_moment(struct json_object *row, const char *member, int64_t ms)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
    json_add(row, member, json_object_new_double_s((double)ms / 1000, text));
}

static void on_waiting(void *context, const struct engine_waiting *waiting)
{
    struct json_object *row = json_object_new_object();
    const char *name = strrchr(waiting->execution_arn, ':');

    json_add_text(row, "state", waiting->state_name);
    json_add_text(row, "execution", name ? name + 1 : waiting->execution_arn);
    json_add_text(row, "resource", waiting->resource);
    add_moment(row, "sinceDate", waiting->since_ms);
    if (waiting->deadline_ms)
        add_moment(row, "deadlineDate", waiting->deadline_ms);
    json_add_text(row, "executionArn", waiting->execution_arn);
    json_add_text(row, "taskToken", waiting->token);
    json_append(context, row);
}

static int list_task_tokens(struct engine *engine, struct json_object *output, struct err *err)
{
    struct json_object *tasks = json_object_new_array();

    json_add(output, "tasks", tasks);
    return engine_list_waiting(engine, on_waiting, tasks, err);
}

static int list_nodes(struct engine *engine, struct json_object *output, struct err *err)
{
    return nodes_list(engine_store(engine), engine_now_ms(engine), output, err);
}

/* --- all of them ------------------------------------------------------------------------------------------ */

static const struct own_operation {
    const char *name;
    enum service_access access;
    int (*call)(struct engine *engine, struct json_object *output, struct err *err);
} operations[] = {
    {"DescribeNode", SERVICE_READ, describe_node},
    {"ListNodes", SERVICE_READ, list_nodes},
    {"ListTaskTokens", SERVICE_ADMIN, list_task_tokens},
};

static const struct own_operation *find(const char *name)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
        if (!strcmp(operations[i].name, name))
            return &operations[i];
    return NULL;
}

enum service_access own_access_of(const char *operation)
{
    const struct own_operation *own = find(operation);
    return own ? own->access : SERVICE_UNKNOWN;
}

int own_call(struct engine *engine, const char *operation, struct json_object **ret_output, struct err *err)
{
    const struct own_operation *own = find(operation);
    AUTO_JSON struct json_object *output = json_object_new_object();
    int result = own ? own->call(engine, output, err) : err_set(err, ERR_NOT_FOUND, "no operation \"%s\"", operation);

    if (!result)
        *ret_output = json_take(&output);
    return result;
}
