/*
 * state_parallel.c - Parallel and the part that it shares with the inline Map: children that run side by side.
 */
#include "asl/base/json.h"
#include "asl/dataflow/dataflow.h"
#include "runtime/execution/execution_priv.h"

int work_parallel(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *arguments = NULL;
    if (dataflow_input(frame->state, env, &effective, failure) != 0 ||
        dataflow_arguments(frame->state, env, effective, &arguments, failure) != 0)
        return -1;
    struct event event = event_with(frame, EVENT_PARALLEL_STARTED, arguments);
    event.number = (int64_t)frame->state->scope_count;
    emit(x, event);
    return 0;
}

/* All children have ended well: ...Succeeded and the exit after it both follow the last child's last event. */
static void succeed(struct execution *x, struct frame *frame, enum event_type type)
{
    emit(x, event_of(frame, type));
}

/* The input of iteration `slot`, or a failure that ends the Map. */
static bool start_iteration(struct execution *x, struct frame *frame)
{
    struct children *children = frame->children;
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    owner.item_slot = children->started;
    owner.item = json_object_array_get_idx(children->items, children->started);
    owner.item_keyed = children->keyed;
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *input = NULL;
    bool good = true;
    if (frame->state->item_selector == NULL) {
        input = json_object_get(owner.item);
    } else {
        good = dataflow_input(frame->state, &env, &effective, &failure) == 0 &&
               dataflow_map_item_input(frame->state, &env, effective, owner.item, &input, &failure) == 0;
    }
    if (good) {
        struct event event = event_with(frame, EVENT_ITERATION_STARTED, input);
        event.number = children->started;
        event.same = false;
        event.previous_id = children->last_event_id;
        emit(x, event);
    } else {
        fail_state(x, frame, &failure);
    }
    asl_env_release(&env);
    return good;
}

void step_children(struct execution *x, struct frame *frame)
{
    struct children *children = frame->children;
    bool map = frame->state->type == STATE_MAP;
    if (children->ended == children->count) {
        succeed(x, frame, map ? EVENT_MAP_SUCCEEDED : EVENT_PARALLEL_SUCCEEDED);
        return;
    }
    while (map && children->started < children->count && !x->full && x->phase == EXECUTION_OPEN &&
           (children->max_concurrency == 0 || children->live < children->max_concurrency))
        if (!start_iteration(x, frame))
            return;
}
