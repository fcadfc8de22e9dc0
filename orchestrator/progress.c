#include "config.h"

#include "orchestrator/progress.h"

#include "orchestrator/history_reader.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { EXECUTION = -1 };

void progress_init(struct progress *progress)
{
    memset(progress, 0, sizeof(*progress));
    progress->index = json_object_new_object();
}

void progress_release(struct progress *progress)
{
    for (size_t i = 0; i < progress->count; i++) {
        free(progress->nodes[i].name);
        free(progress->nodes[i].type);
        free(progress->nodes[i].error);
    }
    free(progress->nodes);
    free(progress->places);
    free(progress->error);
    free(progress->cause);
    json_object_put(progress->index);
    memset(progress, 0, sizeof(*progress));
}

enum progress_state progress_state_of(const struct progress_node *node)
{
    if (node->failed)
        return PROGRESS_FAILED;
    if (node->aborted)
        return PROGRESS_ABORTED;
    if (node->running > 0)
        return PROGRESS_RUNNING;
    return node->caught ? PROGRESS_CAUGHT : PROGRESS_SUCCEEDED;
}

static int find(const struct progress *progress, const char *name)
{
    return name ? (int)json_member_int(progress->index, name, EXECUTION) : EXECUTION;
}

const struct progress_node *progress_find(const struct progress *progress, const char *name)
{
    int node = find(progress, name);
    return node == EXECUTION ? NULL : &progress->nodes[node];
}

static struct progress_place place_of(const struct progress *progress, int64_t event_id)
{
    if (event_id <= 0 || (size_t)event_id >= progress->place_count)
        return (struct progress_place){EXECUTION, false};
    return progress->places[event_id];
}

static void set_place(struct progress *progress, int64_t event_id, struct progress_place place)
{
    if (event_id <= 0 || event_id > INT32_MAX)
        return;
    progress->places =
        mem_grow(progress->places, &progress->place_capacity, (size_t)event_id + 1, sizeof(*progress->places));
    while (progress->place_count <= (size_t)event_id)
        progress->places[progress->place_count++] = (struct progress_place){EXECUTION, false};
    progress->places[event_id] = place;
}

/* "TaskStateEntered" with suffix "StateEntered" gives 4, else 0. */
static size_t prefix_before(const char *type, const char *suffix)
{
    size_t bytes = strlen(type), end = strlen(suffix);
    return bytes > end && !strcmp(type + bytes - end, suffix) ? bytes - end : 0;
}

static bool has_prefix(const char *type, const char *prefix)
{
    return !strncmp(type, prefix, strlen(prefix));
}

/* --- what the events do ------------------------------------------------------------------------------- */

static int enter(struct progress *progress, const char *name, const char *type, size_t type_bytes,
                 struct progress_place from, int64_t at_ms)
{
    int index = find(progress, name);

    if (index == EXECUTION) {
        progress->nodes = mem_grow(progress->nodes, &progress->capacity, progress->count + 1, sizeof(*progress->nodes));
        index = (int)progress->count++;
        int parent = from.node == EXECUTION || from.opens ? from.node : progress->nodes[from.node].parent;
        progress->nodes[index] = (struct progress_node){
            .name = mem_strdup(name),
            .type = mem_strndup(type, type_bytes),
            .parent = parent,
            .depth = parent == EXECUTION ? 0 : progress->nodes[parent].depth + 1,
            .started_ms = at_ms,
            .items = -1,
        };
        json_object_object_add(progress->index, name, json_object_new_int(index));
    }
    struct progress_node *node = &progress->nodes[index];
    node->visits++;
    node->running++;
    node->starts = 0;
    node->failing = node->failed = node->aborted = false;
    return index;
}

static int leave(struct progress *progress, int index, int64_t at_ms)
{
    if (index == EXECUTION)
        return index;
    struct progress_node *node = &progress->nodes[index];
    if (node->running > 0)
        node->running--;
    if (node->failing)
        node->caught++;
    node->failing = false;
    node->ended_ms = at_ms;
    return index;
}

static bool is_below(const struct progress *progress, size_t index, int ancestor)
{
    for (int at = progress->nodes[index].parent; at != EXECUTION; at = progress->nodes[at].parent)
        if (at == ancestor)
            return true;
    return ancestor == EXECUTION;
}

/* Whatever still runs below a node ends with it. */
static void abort_below(struct progress *progress, int ancestor, int64_t at_ms)
{
    for (size_t i = 0; i < progress->count; i++) {
        struct progress_node *node = &progress->nodes[i];
        if (node->running <= 0 || !is_below(progress, i, ancestor))
            continue;
        node->failed = node->failing;
        node->aborted = !node->failing;
        node->running = 0;
        node->ended_ms = at_ms;
    }
}

static int fail(struct progress *progress, int index, struct json_object *details)
{
    if (index == EXECUTION)
        return index;
    struct progress_node *node = &progress->nodes[index];
    const char *error = json_member_text(details, "error");
    node->failing = true;
    if (error) {
        free(node->error);
        node->error = mem_strdup(error);
    }
    return index;
}

/* An attempt begins; after a failed one it is a retry. */
static int attempt(struct progress *progress, int index)
{
    if (index != EXECUTION && progress->nodes[index].failing) {
        progress->nodes[index].failing = false;
        progress->nodes[index].retries++;
        progress->retries++;
    }
    return index;
}

/* The running Parallel or Map that an event inside it (or its own entering) belongs to. */
static int enclosing(const struct progress *progress, int index, const char *type)
{
    for (; index != EXECUTION; index = progress->nodes[index].parent)
        if (!strcmp(progress->nodes[index].type, type) && progress->nodes[index].running > 0)
            return index;
    return EXECUTION;
}

/* ParallelStateStarted, MapStateStarted: branches or iterations begin, for the first time or again. */
static int open_scope(struct progress *progress, int index, struct json_object *details, int64_t at_ms)
{
    if (index == EXECUTION)
        return index;
    struct progress_node *node = &progress->nodes[index];
    if (node->starts++) {
        node->retries++;
        progress->retries++;
        abort_below(progress, index, at_ms);
        node->items -= node->items < 0 ? 0 : json_member_int(details, "length", 0);
    }
    node->failing = false;
    if (details && json_member(details, "length", NULL))
        node->items = (node->items < 0 ? 0 : node->items) + json_member_int(details, "length", 0);
    return index;
}

static int end_execution(struct progress *progress, const char *type, struct json_object *details, int from,
                         int64_t at_ms)
{
    bool succeeded = !strcmp(type, "ExecutionSucceeded");
    const char *error = json_member_text(details, "error");
    const char *cause = json_member_text(details, "cause");

    progress->ended_ms = at_ms;
    progress->state = succeeded                           ? PROGRESS_SUCCEEDED
                      : !strcmp(type, "ExecutionAborted") ? PROGRESS_ABORTED
                                                          : PROGRESS_FAILED;
    free(progress->error);
    free(progress->cause);
    progress->error = mem_strdup(error);
    progress->cause = mem_strdup(cause);
    if (!strcmp(type, "ExecutionFailed"))
        for (int at = from; at != EXECUTION; at = progress->nodes[at].parent)
            fail(progress, at, at == from ? details : NULL);
    abort_below(progress, EXECUTION, at_ms);
    return EXECUTION;
}

static int apply_iteration(struct progress *progress, const char *type, struct json_object *details)
{
    int index = find(progress, json_member_text(details, "name"));
    if (index == EXECUTION)
        return index;
    if (!strcmp(type, "MapIterationSucceeded"))
        progress->nodes[index].items_done++;
    else if (strcmp(type, "MapIterationStarted"))
        progress->nodes[index].items_failed++;
    return index;
}

static int apply(struct progress *progress, const char *type, struct json_object *event, int64_t at_ms, bool *ret_opens)
{
    struct json_object *details = history_details(event);
    const char *name = json_member_text(details, "name");
    struct progress_place from = place_of(progress, json_member_int(event, "previousEventId", 0));
    size_t bytes;

    if (!strcmp(type, "ExecutionStarted") || !strcmp(type, "ExecutionRedriven")) {
        progress->started_ms = progress->started_ms ? progress->started_ms : at_ms;
        progress->ended_ms = 0;
        progress->state = PROGRESS_RUNNING;
        return EXECUTION;
    }
    if (has_prefix(type, "Execution"))
        return end_execution(progress, type, details, from.node, at_ms);
    if ((bytes = prefix_before(type, "StateEntered")))
        return name ? enter(progress, name, type, bytes, from, at_ms) : from.node;
    if (prefix_before(type, "StateExited"))
        return leave(progress, find(progress, name), at_ms);
    if (!strcmp(type, "ParallelStateStarted") || !strcmp(type, "MapStateStarted")) {
        *ret_opens = true;
        return open_scope(progress, enclosing(progress, from.node, *type == 'P' ? "Parallel" : "Map"), details, at_ms);
    }
    if (has_prefix(type, "MapIteration")) {
        *ret_opens = !strcmp(type, "MapIterationStarted");
        return apply_iteration(progress, type, details);
    }
    if (!strcmp(type, "ParallelStateFailed") || !strcmp(type, "MapStateFailed")) {
        int index = enclosing(progress, from.node, *type == 'P' ? "Parallel" : "Map");
        abort_below(progress, index, at_ms);
        return fail(progress, index, details);
    }
    if (prefix_before(type, "Scheduled"))
        return attempt(progress, from.node);
    if (prefix_before(type, "Failed") || prefix_before(type, "TimedOut"))
        return fail(progress, from.node, details);
    return from.node;
}

int progress_apply(struct progress *progress, struct json_object *event)
{
    const char *type = json_member_text(event, "type");
    int64_t at_ms = history_time_ms(event);
    bool opens = false;
    int node = apply(progress, type ? type : "", event, at_ms, &opens);

    progress->now_ms = at_ms;
    set_place(progress, json_member_int(event, "id", 0), (struct progress_place){node, opens});
    return node;
}
