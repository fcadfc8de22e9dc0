/*
 * state_map.c - Map: the items are known, iterations follow (inline), or a map run takes them (distributed).
 */
#include "asl/base/json.h"
#include "asl/dataflow/dataflow.h"
#include "runtime/execution/execution_priv.h"

#include <stdio.h>

static void start_inline(struct execution *x, struct frame *frame, struct json_object *items, int64_t max_concurrency)
{
    struct event event = event_with(frame, EVENT_MAP_STARTED, items);
    event.number = (int64_t)json_object_array_length(items);
    if (max_concurrency) {
        event.details = json_object_new_object();
        json_add_int(event.details, "_maxConcurrency", max_concurrency);
    }
    emit(x, event);
}

/* A random (version 4) UUID from the outside's bytes. */
static void make_uuid(const struct inputs *inputs, char text[37])
{
    unsigned char b[16];
    inputs->random(inputs->owner, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 15) | 64);
    b[8] = (unsigned char)((b[8] & 63) | 128);
    snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/*
 * MapStateStarted, then MapRunStarted. The fields that are looked at in between fail where AWS's do
 * (reference/history.md section 3.4).
 */
static void start_distributed(struct execution *x, struct frame *frame, struct asl_env *env, struct json_object *items,
                              int64_t max_concurrency)
{
    struct event started = event_with(frame, EVENT_MAP_STARTED, items);
    started.number = items ? (int64_t)json_object_array_length(items) : 0;
    emit(x, started);
    struct asl_failure failure = ASL_FAILURE_INIT;
    int64_t tolerated_count;
    double tolerated_percentage;
    if (dataflow_map_tolerated(frame->state, env, &tolerated_count, &tolerated_percentage, &failure) != 0) {
        fail_state(x, frame, &failure);
        return;
    }
    char uuid[37], arn[512];
    make_uuid(x->inputs, uuid);
    snprintf(arn, sizeof arn, "arn:aws:states:%s:%s:mapRun:%s/%s:%s", x->identity.region, x->identity.account,
             x->identity.machine_name, frame->state->label, uuid);
    struct event event = event_of(frame, EVENT_MAP_RUN_STARTED);
    event.details = json_object_new_object();
    json_add_text(event.details, "mapRunArn", arn);
    json_add_int(event.details, "_maxConcurrency", max_concurrency);
    json_add_int(event.details, "_toleratedCount", tolerated_count);
    json_add(event.details, "_toleratedPercentage", json_object_new_double(tolerated_percentage));
    emit(x, event);
}

void work_map(struct execution *x, struct frame *frame)
{
    const struct state *state = frame->state;
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *items = NULL;
    int64_t max_concurrency = 0;
    if (dataflow_input(state, &env, &effective, &failure) != 0 ||
        (state->item_reader == NULL && dataflow_map_items(state, &env, effective, &items, &failure) != 0) ||
        dataflow_map_max_concurrency(state, &env, &max_concurrency, &failure) != 0)
        fail_state(x, frame, &failure);
    else if (state->distributed)
        start_distributed(x, frame, &env, items, max_concurrency);
    else
        start_inline(x, frame, items, max_concurrency);
    asl_env_release(&env);
}

void execution_env(struct execution *x, uint32_t id, const struct inputs *inputs, struct env_owner *owner,
                   struct asl_env *ret_env)
{
    x->inputs = inputs;
    frame_env(x, frame_of(x, id), owner, ret_env);
    x->inputs = NULL;
}
