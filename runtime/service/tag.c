/* tag.c - tags of state machines and activities (reference/api.md "Tags"). They stand in the resource's record. */
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/service/machine.h"

#include <stdlib.h>
#include <string.h>

static struct json_object *tag_find(struct json_object *tags, const char *key, size_t *ret_index)
{
    for (size_t i = 0; i < json_object_array_length(tags); i++) {
        struct json_object *tag = json_object_array_get_idx(tags, i);
        if (strcmp(json_member_text(tag, "key"), key) == 0) {
            *ret_index = i;
            return tag;
        }
    }
    return NULL;
}

bool call_merge_tags(struct service_call *call, const char *resource_arn, struct json_object *tags,
                     struct json_object **ret_tags)
{
    AUTO_JSON struct json_object *merged = json_object_new_array();
    for (size_t i = 0; tags && i < json_object_array_length(tags); i++)
        json_append(merged, json_object_get(json_object_array_get_idx(tags, i)));
    struct json_object *given = record_array(call->input, "tags");
    for (size_t i = 0; given && i < json_object_array_length(given); i++) {
        struct json_object *source = json_object_array_get_idx(given, i);
        const char *key = json_member_text(source, "key");
        const char *value = json_member_text(source, "value");
        if (key == NULL || strncmp(key, "aws:", 4) == 0) {
            call_fail(call, "ValidationException",
                      key ? "System tag keys (aws:) cannot be changed." : "A tag needs a key.");
            return false;
        }
        struct json_object *tag = json_object_new_object();
        json_add_text(tag, "key", key);
        json_add_text(tag, "value", value ? value : "");
        size_t index;
        if (tag_find(merged, key, &index))
            json_object_array_put_idx(merged, index, tag);
        else
            json_append(merged, tag);
    }
    if (json_object_array_length(merged) > LIMIT_TAGS) {
        call_fail_with(call, "TooManyTags", "resourceName", resource_arn,
                       "You've exceeded the number of tags allowed for a resource.");
        return false;
    }
    *ret_tags = json_take(&merged);
    return true;
}

/* The record that carries the tags of an ARN. */
struct tagged {
    const char *kind;
    const char *key;
    struct json_object *record;
    int64_t version;
    struct arn arn;
};

/* Reads it; false: the call has failed (ResourceNotFound). */
static bool tagged_read(struct service_call *call, struct tagged *tagged)
{
    *tagged = (struct tagged){0};
    if (!call_arn(call, "resourceArn", ANY_MACHINE | ANY_ACTIVITY, &tagged->arn))
        return false;
    bool machine = tagged->arn.kind == ARN_MACHINE;
    tagged->kind = machine ? "machine" : "activity";
    tagged->key = machine ? tagged->arn.machine : call_text(call, "resourceArn");
    struct err err = {0};
    int code = ERR_NOT_FOUND;
    if (service_owns_arn(call->service, &tagged->arn) && !tagged->arn.qualifier && !tagged->arn.label)
        code = record_read(call->service, tagged->kind, tagged->key, &tagged->record, &tagged->version, &err);
    if (code == ERR_NOT_FOUND)
        call_fail_with(call, "ResourceNotFound", "resourceName", call_text(call, "resourceArn"),
                       "Resource not found: '%s'", call_text(call, "resourceArn"));
    else if (code < 0)
        call_fail_internal(call, code, &err);
    return code == 0;
}

static void tagged_write(struct service_call *call, struct tagged *tagged)
{
    record_put(call, tagged->kind, tagged->key, tagged->record, tagged->version);
    json_object_put(tagged->record);
    call_commit_and_succeed(call, NULL);
}

void tag_resource(struct service_call *call)
{
    struct tagged tagged;
    struct json_object *tags;
    if (!tagged_read(call, &tagged))
        return;
    if (!call_merge_tags(call, call_text(call, "resourceArn"), record_array(tagged.record, "tags"), &tags)) {
        json_object_put(tagged.record);
        return;
    }
    json_add(tagged.record, "tags", tags);
    tagged_write(call, &tagged);
}

void untag_resource(struct service_call *call)
{
    struct tagged tagged;
    if (!tagged_read(call, &tagged))
        return;
    struct json_object *tags = record_array(tagged.record, "tags");
    struct json_object *keys = record_array(call->input, "tagKeys");
    for (size_t i = 0; i < json_object_array_length(keys); i++) {
        size_t index;
        if (tag_find(tags, json_object_get_string(json_object_array_get_idx(keys, i)), &index))
            array_remove(tags, index);
    }
    tagged_write(call, &tagged);
}

void list_tags(struct service_call *call)
{
    struct tagged tagged;
    if (!tagged_read(call, &tagged))
        return;
    struct json_object *output = json_object_new_object();
    json_add(output, "tags", json_object_get(record_array(tagged.record, "tags")));
    json_object_put(tagged.record);
    call_succeed(call, output);
}
