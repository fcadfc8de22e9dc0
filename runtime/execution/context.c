#include "asl/base/json.h"
#include "asl/dataflow/dataflow.h"
#include "asl/dataflow/timestamp.h"
#include "runtime/execution/execution_priv.h"

#include <string.h>

/* The context object (ASL "The Context Object"; reference/asl.md section 4), made only when it is looked at. */

static void add_time(struct json_object *object, const char *name, int64_t ms)
{
    char text[TIMESTAMP_TEXT_BYTES];
    timestamp_format(ms, text);
    json_add_text(object, name, text);
}

static struct json_object *execution_part(struct execution *x)
{
    struct json_object *part = json_object_new_object();
    json_add_text(part, "Id", x->identity.arn);
    json_add(part, "Input", json_object_get(x->input));
    add_time(part, "StartTime", x->started_ms);
    json_add_text(part, "Name", x->identity.name);
    json_add_text(part, "RoleArn", x->identity.role_arn);
    if (strstr(x->identity.arn, ":express:") == NULL)
        json_add_int(part, "RedriveCount", x->redrive_count);
    if (x->redriven_ms)
        add_time(part, "RedriveTime", x->redriven_ms);
    return part;
}

static struct json_object *state_part(const struct frame *frame)
{
    struct json_object *part = json_object_new_object();
    json_add_text(part, "Name", frame->state->name);
    add_time(part, "EnteredTime", frame->entered_ms);
    enum state_type type = frame->state->type;
    if (type == STATE_TASK || type == STATE_MAP || type == STATE_PARALLEL)
        json_add_int(part, "RetryCount", frame->retry_count);
    return part;
}

static struct json_object *item_part(uint32_t slot, struct json_object *item, bool keyed, const char *source)
{
    struct json_object *inner = dataflow_map_item(slot, item, keyed);
    if (source)
        json_add_text(inner, "Source", source);
    struct json_object *part = json_object_new_object();
    json_add(part, "Item", inner);
    return part;
}

static struct json_object *make_context(void *context)
{
    struct env_owner *owner = context;
    struct execution *x = owner->x;
    if (x->context_execution == NULL) {
        x->context_execution = execution_part(x);
        x->context_machine = json_object_new_object();
        json_add_text(x->context_machine, "Id", x->identity.machine_arn);
        json_add_text(x->context_machine, "Name", x->identity.machine_name);
    }
    struct json_object *object = json_object_new_object();
    json_add(object, "Execution", json_object_get(x->context_execution));
    json_add(object, "StateMachine", json_object_get(x->context_machine));
    json_add(object, "State", state_part(owner->frame));
    if (owner->token) {
        struct json_object *task = json_object_new_object();
        json_add_text(task, "Token", owner->token);
        json_add(object, "Task", task);
    }
    if (owner->item_slot != NEVER_SLOT) {
        json_add(object, "Map", item_part(owner->item_slot, owner->item, owner->item_keyed, owner->item_source));
        return object;
    }
    for (const struct frame *f = owner->frame; f->parent; f = f->parent) {
        const struct children *siblings = f->parent->children;
        if (f->parent->state->type == STATE_MAP && siblings && siblings->items) {
            json_add(object, "Map",
                     item_part(f->slot, json_object_array_get_idx(siblings->items, f->slot), siblings->keyed, NULL));
            break;
        }
    }
    return object;
}

void frame_env(struct execution *x, struct frame *frame, struct env_owner *owner, struct asl_env *ret_env)
{
    *owner = (struct env_owner){.x = x, .frame = frame, .item_slot = NEVER_SLOT};
    *ret_env = (struct asl_env){
        .input = frame->input,
        .make_context = make_context,
        .context_owner = owner,
        .variables = &frame->variables,
        .now_ms = x->inputs->now_ms,
        .random = x->inputs->random,
        .random_owner = x->inputs->owner,
    };
}
