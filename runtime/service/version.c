/* version.c - versions of state machines (reference/api.md "Versions and aliases"). */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void publish_version(struct service_call *call)
{
    struct arn arn;
    AUTO_JSON struct json_object *machine = NULL;
    int64_t record_version;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &arn))
        return;
    if (arn.qualifier || arn.label) {
        machine_fail_missing(call, &arn);
        return;
    }
    if (!machine_read(call, &arn, &machine, &record_version))
        return;

    const char *expected = call_text(call, "revisionId");
    const char *current = json_member_text(machine, "revisionId");
    if (current == NULL)
        current = "INITIAL";
    if (expected && strcmp(expected, current) != 0) {
        call_fail(call, "ConflictException",
                  "Failed to publish the State Machine version for revision %s. The current State Machine revision is "
                  "%s.",
                  expected, current);
        return;
    }
    int64_t number = machine_publish(call, machine, call_text(call, "description"));
    if (number == 0) {
        call_fail(call, "ServiceQuotaExceededException", "The maximum number of versions is reached.");
        return;
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    char *version_arn = service_arn(call->service, "stateMachine:%s:%s", arn.machine, digits);
    struct json_object *output = json_object_new_object();
    json_add_text(output, "stateMachineVersionArn", version_arn);
    json_add(output, "creationDate", api_time(json_member_int(machine_version(machine, digits, NULL), "createdMs", 0)));
    free(version_arn);
    machine_write(call, machine, record_version);
    call_commit_and_succeed(call, output);
}

/* The names of the aliases that route to a version, "a, b"; empty when there are none. */
static void aliases_of_version(struct json_object *machine, int64_t number, struct buf *out)
{
    struct json_object *aliases = record_array(machine, "aliases");
    for (size_t i = 0; i < json_object_array_length(aliases); i++) {
        struct json_object *alias = json_object_array_get_idx(aliases, i);
        struct json_object *routing = record_array(alias, "routing");
        for (size_t k = 0; k < json_object_array_length(routing); k++)
            if (json_member_int(json_object_array_get_idx(routing, k), "version", 0) == number)
                buf_printf(out, "%s%s", out->bytes ? ", " : "", json_member_text(alias, "name"));
    }
}

void delete_version(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "stateMachineVersionArn", ANY_MACHINE, &arn))
        return;
    if (!arn_is_version(arn.qualifier)) {
        call_fail(call, "InvalidArn", "Invalid Arn: 'Invalid state machine version ARN: %s'",
                  call_text(call, "stateMachineVersionArn"));
        return;
    }
    AUTO_JSON struct json_object *machine = NULL;
    int64_t record_version;
    size_t index;
    int code = ERR_NOT_FOUND;
    struct err err = {0};
    if (service_owns_arn(call->service, &arn))
        code = record_read(call->service, "machine", arn.machine, &machine, &record_version, &err);
    if (code < 0 && code != ERR_NOT_FOUND) {
        call_fail_internal(call, code, &err);
        return;
    }
    struct json_object *version = machine ? machine_version(machine, arn.qualifier, &index) : NULL;
    if (version == NULL) { /* deleting again is fine */
        call_succeed(call, NULL);
        return;
    }
    AUTO_BUF aliases = BUF_INIT;
    aliases_of_version(machine, json_member_int(version, "number", 0), &aliases);
    if (aliases.bytes) {
        call_fail(call, "ConflictException",
                  "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
                  "version: [%s]",
                  buf_text(&aliases));
        return;
    }
    array_remove(record_array(machine, "versions"), index);
    machine_write(call, machine, record_version);
    call_commit_and_succeed(call, NULL);
}

/* Newest first; the position of a page is the number of the last version shown. */
void list_versions(struct service_call *call)
{
    struct arn arn;
    AUTO_JSON struct json_object *machine = NULL;
    char *position;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &arn))
        return;
    if (!machine_read(call, &arn, &machine, NULL) || !call_page_position(call, arn.machine, &position))
        return;
    int64_t below = position ? strtoll(position, NULL, 10) : INT64_MAX;
    free(position);

    struct json_object *versions = record_array(machine, "versions");
    struct json_object *items = json_object_new_array();
    struct json_object *output = json_object_new_object();
    json_add(output, "stateMachineVersions", items);
    char *machine_text = machine_arn(call->service, machine);
    int left = call_page_size(call);
    char last[24] = "";
    for (size_t i = json_object_array_length(versions); i-- > 0;) {
        struct json_object *version = json_object_array_get_idx(versions, i);
        long long number = json_member_int(version, "number", 0);
        if (number >= below)
            continue;
        if (left-- == 0) {
            page_add_token(call, output, arn.machine, last);
            break;
        }
        struct json_object *item = json_object_new_object();
        char *text = mem_printf("%s:%lld", machine_text, number);
        json_add_text(item, "stateMachineVersionArn", text);
        free(text);
        json_add(item, "creationDate", api_time(json_member_int(version, "createdMs", 0)));
        json_append(items, item);
        snprintf(last, sizeof last, "%lld", number);
    }
    free(machine_text);
    call_succeed(call, output);
}
