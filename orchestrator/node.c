#include "config.h"

#include "orchestrator/node.h"

#include "orchestrator/options.h"
#include "orchestrator/parked.h"
#include "orchestrator/settings.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/elsewhere.h"
#include "runtime/executor/engine.h"
#include "runtime/service/inbox.h"
#include "runtime/service/nested.h"
#include "runtime/service/service.h"
#include "runtime/store/store.h"
#include "runtime/task/callback.h"
#include "runtime/task/functions.h"
#include "runtime/task/mock.h"

#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *node_store_url(const struct options *options)
{
    const char *url = options_text(options, OPT_STORE);
    if (url)
        return strchr(url, ':') ? mem_strdup(url) : mem_printf("sqlite:%s", url);
    char *path = settings_user_path("XDG_DATA_HOME", ".local/share", "store.db");
    char *own = mem_printf("sqlite:%s", path);
    free(path);
    return own;
}

const char *node_region(const struct options *options)
{
    return options_text_or(options, OPT_REGION, "us-east-1");
}

const char *node_account(const struct options *options)
{
    return options_text_or(options, OPT_ACCOUNT, "123456789012");
}

static int read_engine_options(const struct options *options, struct engine_options *engine, struct err *err)
{
    const char *scale = options_text(options, OPT_WAIT_SCALE);
    int64_t payload, history, tasks;
    char *end;
    int result;

    if ((result = options_limit(options, OPT_PAYLOAD_LIMIT, 0, &payload, err)) ||
        (result = options_limit(options, OPT_HISTORY_LIMIT, 0, &history, err)) ||
        (result = options_int(options, OPT_TASKS_MAX, 1, INT_MAX, 0, &tasks, err)))
        return result;
    engine->payload_bytes_max = payload == INT64_MAX ? SIZE_MAX : (size_t)payload;
    engine->history_events_max = history;
    engine->tasks_max = (int)tasks;
    if (scale) {
        engine->wait_time_scale = strtod(scale, &end);
        if (!*scale || *end || !(engine->wait_time_scale > 0) || engine->wait_time_scale > 1e6)
            return err_set(err, ERR_INVALID, "--wait-scale: expected a number above 0, found \"%s\"", scale);
    }
    return 0;
}

/* The directory `functions` beside the definition, where there is one. */
static char *functions_beside(const char *definition_path)
{
    const char *slash = definition_path ? strrchr(definition_path, '/') : NULL;
    struct stat status;
    char *path;

    if (!definition_path)
        return NULL;
    path = mem_printf("%.*sfunctions", slash ? (int)(slash - definition_path + 1) : 0, definition_path);
    if (!stat(path, &status) && S_ISDIR(status.st_mode))
        return path;
    free(path);
    return NULL;
}

/* Handlers write their log to our standard error, with their name before each line. */
static void log_function(void *context, const char *function, const char *line)
{
    const struct node *node = context;

    if (node->function_log)
        node->function_log(node->function_log_context, function, line);
    else
        fprintf(stderr, "%s: %s\n", function, line);
}

/* The order is the order in which they are asked: a mocked task never reaches a handler. */
static int add_connectors(struct node *node, const struct node_options *given, struct connector **ret_mock,
                          struct err *err)
{
    const struct options *options = given->options;
    const struct option_values *directories = &options->given[OPT_FUNCTIONS];
    const char *mock_path = options_text(options, OPT_MOCK);
    struct connector *functions = NULL;
    int result;

    if (given->parks_tasks) {
        engine_add_connector(node->engine, parked_new());
        return 0;
    }
    if (mock_path) {
        if ((result = mock_open(node->base, mock_path, ret_mock, err)))
            return result;
        engine_add_connector(node->engine, *ret_mock);
    }
    node->functions_beside = directories->count ? NULL : functions_beside(given->definition_path);
    const char *const beside[] = {node->functions_beside};
    struct functions_options functions_options = {
        .directories = directories->count ? directories->list : beside,
        .directory_count = directories->count       ? directories->count
                           : node->functions_beside ? 1
                                                    : 0,
        .configuration = options_section(options, "functions"),
        .log = log_function,
        .log_context = node,
    };
    if ((result = functions_open(node->base, &functions_options, &functions, err)))
        return result;
    engine_add_connector(node->engine, elsewhere_open(node->engine, functions));
    engine_add_connector(node->engine, functions);
    return 0;
}

static int open_parts(struct node *node, const struct node_options *given, struct err *err)
{
    char *url = node_store_url(given->options);
    int result = store_open(url, &node->store, err);
    free(url);
    if (result)
        return result;

    struct engine_options engine_options = {
        .base = node->base,
        .store = node->store,
        .region = node_region(given->options),
        .account = node_account(given->options),
        .node = node->name,
        .virtual_clock = given->virtual_clock,
        .logs = options_text(given->options, OPT_LOGS),
        .retention = given->retention,
        .buckets = options_text(given->options, OPT_BUCKETS),
        .log = given->log,
        .log_context = given->log_context,
    };
    struct service_options service_options = {.log = given->log, .log_context = given->log_context};
    if ((result = read_engine_options(given->options, &engine_options, err)) ||
        (result = engine_open(&engine_options, &node->engine, err)) ||
        (result = add_connectors(node, given, &service_options.mock, err)))
        return result;
    service_options.engine = node->engine;
    if ((result = service_open(&service_options, &node->service, err)) || given->parks_tasks)
        return result;
    engine_add_connector(node->engine, nested_open(node->service));
    engine_add_connector(node->engine, callback_open(node->base));
    return 0;
}

int node_open(const struct node_options *options, struct node **ret_node, struct err *err)
{
    struct node *node = NEW(struct node);
    char host[HOST_NAME_MAX + 1] = "localhost";
    int result;

    gethostname(host, sizeof(host) - 1);
    node->name = mem_printf("%s:%ld", host, (long)getpid());
    node->virtual_clock = options->virtual_clock;
    node->base = event_base_new();
    result = node->base ? open_parts(node, options, err) : err_set(err, ERR_IO, "could not make an event loop");
    if (result) {
        node_close(node, 0);
        return result;
    }
    *ret_node = node;
    return 0;
}

static int own(struct node *node, int (*become)(struct engine *engine, struct err *err), struct err *err)
{
    int result;

    if (node->inbox)
        return 0;
    /* A virtual clock would let the timers of everything else in the store fire as well. */
    if (node->virtual_clock && store_count_open(node->store) > 0) {
        err_set(err, ERR_INVALID, "executions of this store are open, and a virtual clock would hurry them too");
        err_hint(err, "name another store with --store");
        return ERR_INVALID;
    }
    if ((result = become(node->engine, err)))
        return result;
    node->inbox = service_inbox_open(node->service, node->engine);
    return 0;
}

int node_own(struct node *node, struct err *err)
{
    return own(node, engine_take_ownership, err);
}

int node_join(struct node *node, struct err *err)
{
    return own(node, engine_join, err);
}

bool node_owns(const struct node *node)
{
    return node->inbox != NULL;
}

void node_close(struct node *node, int grace_ms)
{
    if (!node)
        return;
    service_inbox_close(node->inbox);
    if (node->engine)
        engine_halt(node->engine, grace_ms);
    service_close(node->service);
    if (node->engine)
        engine_close(node->engine, grace_ms);
    if (node->store)
        store_close(node->store);
    if (node->base)
        event_base_free(node->base);
    free(node->functions_beside);
    free(node->name);
    free(node);
}
