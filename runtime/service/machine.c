#include "runtime/service/machine.h"

#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

void machine_fail_missing(struct service_call *call, const struct arn *arn)
{
    char *text = mem_printf("arn:%s:states:%s:%s:stateMachine:%s%s%s%s%s", arn->partition, arn->region, arn->account,
                            arn->machine, arn->label ? "/" : "", arn->label ? arn->label : "",
                            arn->qualifier ? ":" : "", arn->qualifier ? arn->qualifier : "");
    call_fail(call, "StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", text);
    free(text);
}

void machine_fail_labelled(struct service_call *call)
{
    call_fail_with(call, "ValidationException", "reason", "API_DOES_NOT_SUPPORT_LABELED_ARNS",
                   "This API does not support labelled ARNs.");
}

static bool read_or_fail(struct service_call *call, const struct arn *arn, int code, const struct err *err)
{
    if (code == ERR_NOT_FOUND)
        machine_fail_missing(call, arn);
    else if (code < 0)
        call_fail_internal(call, code, err);
    return code == 0;
}

bool machine_read(struct service_call *call, const struct arn *arn, struct json_object **ret_machine,
                  int64_t *ret_version)
{
    struct err err = {0};
    int code = ERR_NOT_FOUND;
    if (service_owns_arn(call->service, arn))
        code = record_read(call->service, "machine", arn->machine, ret_machine, ret_version, &err);
    return read_or_fail(call, arn, code, &err);
}

bool machine_look(struct service_call *call, const struct arn *arn, struct json_object **ret_machine)
{
    struct err err = {0};
    int code = ERR_NOT_FOUND;
    if (service_owns_arn(call->service, arn))
        code = record_look(call->service, "machine", arn->machine, ret_machine, &err);
    return read_or_fail(call, arn, code, &err);
}

void machine_write(struct service_call *call, struct json_object *machine, int64_t version)
{
    record_put(call, "machine", json_member_text(machine, "name"), machine, version);
}

struct json_object *record_array(struct json_object *record, const char *name)
{
    struct json_object *array = NULL;
    json_member(record, name, &array);
    return array;
}

void array_remove(struct json_object *array, size_t index)
{
    json_object_array_del_idx(array, index, 1);
}

struct json_object *machine_version(struct json_object *machine, const char *number, size_t *ret_index)
{
    struct json_object *versions = record_array(machine, "versions");
    int64_t wanted = strtoll(number, NULL, 10);
    for (size_t i = 0; i < json_object_array_length(versions); i++) {
        struct json_object *version = json_object_array_get_idx(versions, i);
        if (json_member_int(version, "number", 0) != wanted)
            continue;
        if (ret_index)
            *ret_index = i;
        return version;
    }
    return NULL;
}

struct json_object *machine_alias(struct json_object *machine, const char *name, size_t *ret_index)
{
    struct json_object *aliases = record_array(machine, "aliases");
    for (size_t i = 0; i < json_object_array_length(aliases); i++) {
        struct json_object *alias = json_object_array_get_idx(aliases, i);
        if (strcmp(json_member_text(alias, "name"), name) != 0)
            continue;
        if (ret_index)
            *ret_index = i;
        return alias;
    }
    return NULL;
}

int64_t machine_alias_draw(struct json_object *alias)
{
    struct json_object *routing = record_array(alias, "routing");
    uint32_t random;
    if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
        abort();
    int64_t drawn = random % 100;
    for (size_t i = 0; i < json_object_array_length(routing); i++) {
        struct json_object *route = json_object_array_get_idx(routing, i);
        drawn -= json_member_int(route, "weight", 0);
        if (drawn < 0)
            return json_member_int(route, "version", 0);
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

int64_t machine_publish(struct service_call *call, struct json_object *machine, const char *description)
{
    static const char *const copied[] = {"definitionKey",        "roleArn",
                                         "revisionId",           "loggingConfiguration",
                                         "tracingConfiguration", "encryptionConfiguration"};
    struct json_object *versions = record_array(machine, "versions");
    size_t count = json_object_array_length(versions);
    if (count) {
        struct json_object *latest = json_object_array_get_idx(versions, count - 1);
        bool described = description == NULL || same_text(json_member_text(latest, "description"), description);
        if (described && same_text(json_member_text(latest, "revisionId"), json_member_text(machine, "revisionId")))
            return json_member_int(latest, "number", 0);
    }
    if (count >= LIMIT_VERSIONS)
        return 0;

    int64_t number = json_member_int(machine, "lastVersion", 0) + 1;
    struct json_object *version = json_object_new_object();
    json_add_int(version, "number", number);
    json_add_int(version, "createdMs", engine_now_ms(call->service->engine));
    if (description)
        json_add_text(version, "description", description);
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        struct json_object *member;
        if (json_member(machine, copied[i], &member))
            json_add(version, copied[i], json_object_get(member));
    }
    json_append(versions, version);
    json_add_int(machine, "lastVersion", number);
    return number;
}

char *machine_arn(const struct service *service, struct json_object *machine)
{
    return service_arn_of(service, (const char *const[]){"stateMachine:", json_member_text(machine, "name"), NULL});
}

bool machine_is_express(struct json_object *machine)
{
    return strcmp(json_member_text(machine, "type"), "EXPRESS") == 0;
}

void revision_add_configuration(struct json_object *output, struct json_object *revision)
{
    static const char *const members[] = {"loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct json_object *value;
        if (json_member(revision, members[i], &value))
            json_add(output, members[i], json_object_get(value));
    }
}

void revision_add_variables(struct service *service, struct json_object *output, struct json_object *revision)
{
    const struct machine *graph = engine_definition(service->engine, json_member_text(revision, "definitionKey"));
    struct json_object *references = graph ? definition_variable_references(graph) : NULL;
    if (references)
        json_add(output, "variableReferences", references);
}
