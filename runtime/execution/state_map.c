/*
 * state_map.c - Map: the items are known, iterations follow (inline), or a map run takes them (distributed).
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/dataflow/dataflow.h"
#include "asl/dataflow/template.h"
#include "runtime/execution/execution_priv.h"

#include <stdio.h>
#include <stdlib.h>

static void start_inline(struct execution *x, struct frame *frame, struct json_object *items, bool keyed,
                         int64_t max_concurrency)
{
    struct event event = event_with(frame, EVENT_MAP_STARTED, items);
    event.number = (int64_t)json_object_array_length(items);
    if (max_concurrency || keyed)
        event.details = json_object_new_object();
    if (max_concurrency)
        json_add_int(event.details, "_maxConcurrency", max_concurrency);
    if (keyed)
        json_add_int(event.details, "_keyed", 1);
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

/* A number of the run under its private name; absent where the field is not set. */
static int add_number(struct event *event, const struct state *state, const struct number_field *field,
                      const char *name, struct asl_env *env, struct asl_failure *failure)
{
    bool given;
    int64_t number;
    if (dataflow_number(state, field, env, &given, &number, failure) != 0)
        return -1;
    if (given)
        json_add_int(event->details, name, number);
    return 0;
}

static int add_template(struct event *event, struct template *template, const char *name, struct json_object *effective,
                        struct asl_env *env, struct asl_failure *failure)
{
    struct json_object *value;
    if (template == NULL)
        return 0;
    if (template_eval(template, effective, env, &value, failure) != 0)
        return -1;
    json_add(event->details, name, value);
    return 0;
}

static int add_batch_size(struct event *event, const struct state *state, const struct number_field *field,
                          const char *field_name, const char *name, struct asl_env *env, struct asl_failure *failure)
{
    bool given;
    int64_t size;
    if (dataflow_map_batch_size(state, field, field_name, env, &given, &size, failure) != 0)
        return -1;
    if (given)
        json_add_int(event->details, name, size);
    return 0;
}

/*
 * What expressions say about the run is settled once, before it starts, and rides on MapRunStarted: so a run that is
 * taken up again after a crash does the same.
 */
static int settle_run(struct event *event, const struct state *state, struct asl_env *env,
                      struct json_object *effective, struct asl_failure *failure)
{
    int64_t tolerated_count;
    double tolerated_percentage;
    if (dataflow_map_tolerated(state, env, &tolerated_count, &tolerated_percentage, failure) != 0)
        return -1;
    json_add_int(event->details, "_toleratedCount", tolerated_count);
    json_add(event->details, "_toleratedPercentage", json_object_new_double(tolerated_percentage));
    const struct item_reader *reader = state->item_reader;
    if (reader && (add_number(event, state, &reader->max_items, "_maxItems", env, failure) != 0 ||
                   add_template(event, reader->arguments, "_reader", effective, env, failure) != 0))
        return -1;
    const struct item_batcher *batcher = state->item_batcher;
    if (batcher && (add_batch_size(event, state, &batcher->max_items_per_batch, "MaxItemsPerBatch", "_maxItemsPerBatch",
                                   env, failure) != 0 ||
                    add_batch_size(event, state, &batcher->max_input_bytes_per_batch, "MaxInputBytesPerBatch",
                                   "_maxInputBytesPerBatch", env, failure) != 0 ||
                    add_template(event, batcher->batch_input, "_batchInput", effective, env, failure) != 0))
        return -1;
    const struct result_writer *writer = state->result_writer;
    return writer ? add_template(event, writer->arguments, "_writer", effective, env, failure) : 0;
}

/*
 * MapStateStarted, then MapRunStarted. The fields that are looked at in between fail where AWS's do
 * (reference/history.md section 3.4).
 */
static int start_distributed(struct execution *x, struct frame *frame, struct asl_env *env,
                             struct json_object *effective, struct json_object *items, bool keyed,
                             int64_t max_concurrency, struct asl_failure *failure)
{
    struct event started = event_with(frame, EVENT_MAP_STARTED, items);
    started.number = items ? (int64_t)json_object_array_length(items) : 0;
    emit(x, started);
    char uuid[37], arn[512];
    make_uuid(x->inputs, uuid);
    snprintf(arn, sizeof arn, "arn:aws:states:%s:%s:mapRun:%s/%s:%s", x->identity.region, x->identity.account,
             x->identity.machine_name, frame->state->label, uuid);
    struct event event = event_of(frame, EVENT_MAP_RUN_STARTED);
    event.details = json_object_new_object();
    json_add_text(event.details, "mapRunArn", arn);
    json_add_int(event.details, "_maxConcurrency", max_concurrency);
    if (keyed)
        json_add_int(event.details, "_keyed", 1);
    if (settle_run(&event, frame->state, env, effective, failure) != 0) {
        event_release(&event);
        return -1;
    }
    emit(x, event);
    return 0;
}

int work_map(struct execution *x, struct frame *frame, struct asl_env *env, struct asl_failure *failure)
{
    const struct state *state = frame->state;
    AUTO_JSON struct json_object *effective = NULL;
    AUTO_JSON struct json_object *items = NULL;
    int64_t max_concurrency = 0;
    bool keyed = false;
    if (dataflow_input(state, env, &effective, failure) != 0 ||
        (state->item_reader == NULL && dataflow_map_items(state, env, effective, &items, &keyed, failure) != 0) ||
        dataflow_map_max_concurrency(state, env, &max_concurrency, failure) != 0)
        return -1;
    if (state->distributed)
        return start_distributed(x, frame, env, effective, items, keyed, max_concurrency, failure);
    start_inline(x, frame, items, keyed, max_concurrency);
    return 0;
}

/*
 * $$.Map.Item.Source: STATE_DATA, or where the reader took the item from: s3://BUCKET/KEY, and s3://BUCKET for a
 * listing of keys. From the heap.
 */
static char *item_source(const struct frame *frame)
{
    struct json_object *reader;
    if (frame->state->item_reader == NULL || !json_member(frame->map_run, "_reader", &reader))
        return mem_strdup("STATE_DATA");
    const char *bucket = json_member_text(reader, "Bucket");
    const char *key = json_member_text(reader, "Key");
    return mem_printf("s3://%s%s%s", bucket ? bucket : "", key ? "/" : "", key ? key : "");
}

int execution_map_item_input(struct execution *x, uint32_t id, const struct inputs *inputs, uint32_t index,
                             struct json_object *item, struct json_object **ret_input, struct asl_failure *failure)
{
    x->inputs = inputs;
    struct frame *frame = frame_of(x, id);
    struct env_owner owner;
    struct asl_env env;
    frame_env(x, frame, &owner, &env);
    owner.item_slot = index;
    owner.item = item;
    owner.item_keyed = json_member_int(frame->map_run, "_keyed", 0) != 0;
    char *source = item_source(frame);
    owner.item_source = source;
    AUTO_JSON struct json_object *effective = NULL;
    int code = dataflow_input(frame->state, &env, &effective, failure);
    if (code == 0)
        code = dataflow_map_item_input(frame->state, &env, effective, item, ret_input, failure);
    asl_env_release(&env);
    free(source);
    x->inputs = NULL;
    return code;
}
