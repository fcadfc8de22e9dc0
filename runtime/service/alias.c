/* alias.c - aliases of state machines (reference/api.md "Versions and aliases"). */
#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/service/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[a, b]" of one member of the routing configuration, as the messages show it. */
static void list_members(struct json_object *routing, const char *member, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < json_object_array_length(routing); i++) {
        struct json_object *value = NULL;
        json_member(json_object_array_get_idx(routing, i), member, &value);
        buf_printf(out, "%s%s", i ? ", " : "", json_object_get_string(value));
    }
    buf_add_char(out, ']');
}

static void fail_routing(struct service_call *call, struct json_object *routing, const char *member, const char *what)
{
    AUTO_BUF received = BUF_INIT;
    list_members(routing, member, &received);
    call_fail_with(call, "ValidationException", "reason", "INVALID_ROUTING_CONFIGURATION", "%s Received: %s", what,
                   buf_text(&received));
}

/*
 * Checks the input's routing configuration: one or two different versions of one machine, weights of 100
 * together. ret_arn is the ARN of the first version.
 */
static bool check_routing(struct service_call *call, struct json_object *routing, struct arn *ret_arn)
{
    int64_t weights = 0;
    size_t count = json_object_array_length(routing);
    char first[ARN_BYTES_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        struct json_object *route = json_object_array_get_idx(routing, i);
        const char *text = json_member_text(route, "stateMachineVersionArn");
        struct arn arn;
        struct err err;
        if (arn_parse(text, &arn, &err) < 0) {
            call_fail(call, "InvalidArn", "Invalid Arn: '%s'", err.message);
            return false;
        }
        if (arn.kind != ARN_MACHINE || !arn_is_version(arn.qualifier)) {
            fail_routing(call, routing, "stateMachineVersionArn",
                         "Routing configuration must contain state machine version ARNs.");
            return false;
        }
        if (i > 0 && strcmp(first, text) == 0) {
            fail_routing(call, routing, "stateMachineVersionArn",
                         "Routing configuration must contain distinct state machine version ARNs.");
            return false;
        }
        snprintf(first, sizeof first, "%s", text);
        weights += json_member_int(route, "weight", 0);
    }
    if (weights != 100) {
        fail_routing(call, routing, "weight", "Sum of routing configuration weights must equal 100.");
        return false;
    }
    struct err err;
    return arn_parse(first, ret_arn, &err) == 0;
}

/* The configuration as it is kept: [{version, weight}]. False: the call has failed, a version is missing. */
static bool keep_routing(struct service_call *call, struct json_object *machine, struct json_object *routing,
                         struct json_object **ret_kept)
{
    AUTO_JSON struct json_object *kept = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(routing); i++) {
        struct json_object *given = json_object_array_get_idx(routing, i);
        struct arn arn;
        struct err err;
        if (arn_parse(json_member_text(given, "stateMachineVersionArn"), &arn, &err) < 0 ||
            strcmp(arn.machine, json_member_text(machine, "name")) != 0) {
            fail_routing(call, routing, "stateMachineVersionArn",
                         "Routing configuration must contain versions of the same state machine.");
            return false;
        }
        if (machine_version(machine, arn.qualifier, NULL) == NULL) {
            call_fail(call, "ResourceNotFound", "Request references a resource that does not exist.");
            return false;
        }
        struct json_object *route = json_object_new_object();
        json_add_int(route, "version", strtoll(arn.qualifier, NULL, 10));
        json_add_int(route, "weight", json_member_int(given, "weight", 0));
        json_append(kept, route);
    }
    *ret_kept = json_take(&kept);
    return true;
}

/* --- CreateStateMachineAlias ------------------------------------------------------------------------------ */

static struct json_object *created_answer(struct service_call *call, struct json_object *machine,
                                          struct json_object *alias)
{
    char *arn = service_arn(call->service, "stateMachine:%s:%s", json_member_text(machine, "name"),
                            json_member_text(alias, "name"));
    struct json_object *output = json_object_new_object();
    json_add_text(output, "stateMachineAliasArn", arn);
    json_add(output, "creationDate", api_time(json_member_int(alias, "createdMs", 0)));
    free(arn);
    return output;
}

static bool same_description(struct json_object *alias, const char *given)
{
    const char *kept = json_member_text(alias, "description");
    return strcmp(kept ? kept : "", given ? given : "") == 0;
}

static bool same_alias(struct service_call *call, struct json_object *alias, struct json_object *routing)
{
    return same_description(alias, call_text(call, "description")) &&
           json_same(record_array(alias, "routing"), routing);
}

static void create_in(struct service_call *call, struct json_object *machine, int64_t record_version,
                      struct json_object *routing)
{
    const char *name = call_text(call, "name");
    struct json_object *aliases = record_array(machine, "aliases");
    struct json_object *alias = machine_alias(machine, name, NULL);
    if (alias && same_alias(call, alias, routing)) {
        call_succeed(call, created_answer(call, machine, alias));
        return;
    }
    if (alias) {
        call_fail(call, "ConflictException",
                  "Failed to create alias because an alias with the same name and a different routing configuration "
                  "already exists.");
        return;
    }
    if (json_object_array_length(aliases) >= LIMIT_ALIASES) {
        call_fail(call, "ServiceQuotaExceededException", "The maximum number of aliases is reached.");
        return;
    }
    int64_t now = engine_now_ms(call->service->engine);
    alias = json_object_new_object();
    json_add_text(alias, "name", name);
    if (call_text(call, "description"))
        json_add_text(alias, "description", call_text(call, "description"));
    json_add(alias, "routing", json_object_get(routing));
    json_add_int(alias, "createdMs", now);
    json_add_int(alias, "updatedMs", now);
    json_append(aliases, alias);
    machine_write(call, machine, record_version);
    call_commit_and_succeed(call, created_answer(call, machine, alias));
}

void create_alias(struct service_call *call)
{
    struct json_object *given = record_array(call->input, "routingConfiguration");
    struct arn arn;
    AUTO_JSON struct json_object *machine = NULL;
    AUTO_JSON struct json_object *routing = NULL;
    int64_t record_version;
    if (!check_routing(call, given, &arn) || !machine_read(call, &arn, &machine, &record_version) ||
        !keep_routing(call, machine, given, &routing))
        return;
    create_in(call, machine, record_version, routing);
}

/* --- the others ------------------------------------------------------------------------------------------- */

/*
 * Reads the machine and finds the alias that the input names. False: the call has ended, with ResourceNotFound
 * or, where a missing one is no fault, with the empty answer.
 */
static bool find_alias(struct service_call *call, bool missing_is_fine, struct json_object **ret_machine,
                       int64_t *ret_record_version, size_t *ret_index)
{
    struct arn arn;
    struct err err = {0};
    if (!call_arn(call, "stateMachineAliasArn", ANY_MACHINE, &arn))
        return false;
    if (arn.qualifier == NULL || arn_is_version(arn.qualifier)) {
        call_fail(call, "InvalidArn", "Invalid Arn: 'Invalid state machine alias ARN: %s'",
                  call_text(call, "stateMachineAliasArn"));
        return false;
    }
    int code = ERR_NOT_FOUND;
    if (service_owns_arn(call->service, &arn))
        code = record_read(call->service, "machine", arn.machine, ret_machine, ret_record_version, &err);
    if (code < 0 && code != ERR_NOT_FOUND)
        call_fail_internal(call, code, &err);
    else if (code == 0 && machine_alias(*ret_machine, arn.qualifier, ret_index))
        return true;
    else if (missing_is_fine)
        call_succeed(call, NULL);
    else
        call_fail(call, "ResourceNotFound", "Request references a resource that does not exist.");
    return false;
}

/* The same update over again is answered like the first. */
void update_alias(struct service_call *call)
{
    AUTO_JSON struct json_object *machine = NULL;
    int64_t record_version;
    size_t index;
    struct json_object *given = record_array(call->input, "routingConfiguration");
    struct arn arn;
    if (given && !check_routing(call, given, &arn))
        return;
    if (!find_alias(call, false, &machine, &record_version, &index))
        return;
    if (given == NULL && call_text(call, "description") == NULL) {
        call_fail_with(call, "ValidationException", "reason", "MISSING_REQUIRED_PARAMETER",
                       "Either the description or the routing configuration must be specified.");
        return;
    }
    struct json_object *alias = json_object_array_get_idx(record_array(machine, "aliases"), index);
    AUTO_JSON struct json_object *routing = NULL;
    const char *description = call_text(call, "description");
    if (given && !keep_routing(call, machine, given, &routing))
        return;
    bool changes = (routing && !json_same(record_array(alias, "routing"), routing)) ||
                   (description && !same_description(alias, description));
    if (changes) {
        if (routing)
            json_add(alias, "routing", json_object_get(routing));
        if (description)
            json_add_text(alias, "description", description);
        json_add_int(alias, "updatedMs", engine_now_ms(call->service->engine));
        machine_write(call, machine, record_version);
    }
    struct json_object *output = json_object_new_object();
    json_add(output, "updateDate", api_time(json_member_int(alias, "updatedMs", 0)));
    call_commit_and_succeed(call, output);
}

void delete_alias(struct service_call *call)
{
    AUTO_JSON struct json_object *machine = NULL;
    int64_t record_version;
    size_t index;
    if (!find_alias(call, true, &machine, &record_version, &index))
        return;
    array_remove(record_array(machine, "aliases"), index);
    machine_write(call, machine, record_version);
    call_commit_and_succeed(call, NULL);
}

void describe_alias(struct service_call *call)
{
    AUTO_JSON struct json_object *machine = NULL;
    size_t index;
    if (!find_alias(call, false, &machine, NULL, &index))
        return;
    struct json_object *alias = json_object_array_get_idx(record_array(machine, "aliases"), index);
    struct json_object *output = json_object_new_object();
    json_add_text(output, "stateMachineAliasArn", call_text(call, "stateMachineAliasArn"));
    json_add_text(output, "name", json_member_text(alias, "name"));
    if (json_member_text(alias, "description"))
        json_add_text(output, "description", json_member_text(alias, "description"));
    struct json_object *shown = json_object_new_array();
    struct json_object *routing = record_array(alias, "routing");
    for (size_t i = 0; i < json_object_array_length(routing); i++) {
        struct json_object *route = json_object_array_get_idx(routing, i);
        struct json_object *item = json_object_new_object();
        char *arn = service_arn(call->service, "stateMachine:%s:%lld", json_member_text(machine, "name"),
                                (long long)json_member_int(route, "version", 0));
        json_add_text(item, "stateMachineVersionArn", arn);
        free(arn);
        json_add_int(item, "weight", json_member_int(route, "weight", 0));
        json_append(shown, item);
    }
    json_add(output, "routingConfiguration", shown);
    json_add(output, "creationDate", api_time(json_member_int(alias, "createdMs", 0)));
    json_add(output, "updateDate", api_time(json_member_int(alias, "updatedMs", 0)));
    call_succeed(call, output);
}

static bool routes_to(struct json_object *alias, int64_t version)
{
    struct json_object *routing = record_array(alias, "routing");
    for (size_t i = 0; i < json_object_array_length(routing); i++)
        if (json_member_int(json_object_array_get_idx(routing, i), "version", 0) == version)
            return true;
    return false;
}

/* Oldest first; the position of a page is the index of its first alias. A version's ARN: only those that route
 * to it. */
void list_aliases(struct service_call *call)
{
    struct arn arn;
    AUTO_JSON struct json_object *machine = NULL;
    char *position;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &arn))
        return;
    if (!machine_read(call, &arn, &machine, NULL) ||
        !call_page_position(call, call_text(call, "stateMachineArn"), &position))
        return;
    size_t at = position ? (size_t)strtoull(position, NULL, 10) : 0;
    free(position);

    struct json_object *aliases = record_array(machine, "aliases");
    struct json_object *items = json_object_new_array();
    struct json_object *output = json_object_new_object();
    json_add(output, "stateMachineAliases", items);
    int64_t version = arn_is_version(arn.qualifier) ? strtoll(arn.qualifier, NULL, 10) : 0;
    int left = call_page_size(call);
    for (; at < json_object_array_length(aliases); at++) {
        struct json_object *alias = json_object_array_get_idx(aliases, at);
        if (version && !routes_to(alias, version))
            continue;
        if (left-- == 0) {
            char next[24];
            snprintf(next, sizeof next, "%zu", at);
            page_add_token(call, output, call_text(call, "stateMachineArn"), next);
            break;
        }
        json_append(items, created_answer(call, machine, alias));
    }
    call_succeed(call, output);
}
