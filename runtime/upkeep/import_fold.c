/* import_fold.c - whether the history of a file is one that this program can carry on. */
#include "config.h"

#include "runtime/upkeep/transfer_priv.h"

#include "asl/base/err.h"
#include "asl/definition/definition.h"
#include "runtime/execution/event_codec.h"
#include "runtime/execution/execution.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *find_definition(const struct import *import, const char *key)
{
    for (size_t i = 0; i < json_object_array_length(import->documents); i++) {
        struct json_object *document = json_object_array_get_idx(import->documents, i);
        struct json_object *body = NULL;

        if (strcmp(json_member_text(document, "kind"), "definition") || strcmp(json_member_text(document, "key"), key))
            continue;
        json_member(document, "body", &body);
        return body;
    }
    return NULL;
}

static int compile(const struct import *import, const char *key, const char *arn, struct machine **ret_machine,
                   struct err *err)
{
    struct json_object *body = find_definition(import, key);
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    int result;

    if (!body)
        return err_set(err, ERR_INVALID, "the definition of %s is not in the file", arn);
    const char *text = json_member_text(body, "definition");
    struct definition_options options = {.express = !strcmp(json_member_text(body, "type"), "EXPRESS"),
                                         .allow_placeholders = true};
    result = definition_compile(text, strlen(text), options, ret_machine, &diagnostics);
    if (result)
        err_set(err, ERR_INVALID, "the definition of %s does not compile: %s", arn,
                diagnostics.count ? diagnostics.list[0].message : "unknown fault");
    diagnostics_release(&diagnostics);
    return result;
}

/* Many executions have the same one. Borrowed. */
static int find_machine(const struct import *import, const struct import_execution *execution,
                        struct machine **ret_machine, struct err *err)
{
    const char *key = json_member_text(execution->meta, "definition");
    struct lh_entry *entry = lh_table_lookup_entry(import->machines, key);
    int result = 0;

    if (entry)
        *ret_machine = (struct machine *)lh_entry_v(entry);
    else if (!(result = compile(import, key, execution->parsed.arn, ret_machine, err)))
        lh_table_insert(import->machines, (void *)(uintptr_t)key, *ret_machine);
    return result;
}

static int replay(const struct import_execution *given, struct execution *execution, struct err *err)
{
    const char *arn = given->parsed.arn;
    int result = 0;

    for (size_t i = 0; i < given->count && !result; i++) {
        struct json_object *events = NULL;
        int64_t last = json_member_int(given->history[i], "last", 0);

        json_member(given->history[i], "events", &events);
        char *text = json_text(events);
        if ((result = event_replay(execution, text, strlen(text), err)))
            err_set(err, ERR_INVALID, "the history of %s does not fit its definition", arn);
        else if (execution_last_event_id(execution) != last)
            result = err_set(err, ERR_INVALID, "the history of %s ends with event %lld, expected %lld", arn,
                             (long long)execution_last_event_id(execution), (long long)last);
        free(text);
    }
    if (!result && execution_status(execution) != given->parsed.status)
        result =
            err_set(err, ERR_INVALID, "the history of %s ends as %s, its record says %s", arn,
                    execution_status_name(execution_status(execution)), execution_status_name(given->parsed.status));
    return result;
}

int import_fold(const struct import *import, const struct import_execution *given, struct err *err)
{
    struct machine *machine = NULL;
    struct execution_identity identity = {
        .arn = given->parsed.arn,
        .name = json_member_text(given->meta, "name"),
        .machine_arn = given->parsed.machine,
        .machine_name = json_member_text(given->meta, "machineName"),
        .role_arn = json_member_text(given->meta, "roleArn"),
        .version_arn = json_member_text(given->meta, "stateMachineVersionArn"),
        .alias_arn = json_member_text(given->meta, "stateMachineAliasArn"),
        .region = "",
        .account = "",
    };
    struct execution_settings settings = {
        .payload_bytes_max = SIZE_MAX, .history_events_max = INT64_MAX, .wait_time_scale = 1, .keep_events = true};
    int result = find_machine(import, given, &machine, err);

    if (result)
        return result;
    struct execution *execution = execution_new(machine, &identity, &settings);
    result = replay(given, execution, err);
    execution_free(execution);
    return result;
}
