/*
 * import_write.c - what was read from files goes into the store, in one commit.
 *
 * Numbers   an execution's number tells when it started, as those of the store's own do (runtime/executor/run.c), so
 *           that it takes its place among them. Running processes give numbers of now; an import takes free ones of
 *           the past.
 */
#include "config.h"

#include "runtime/upkeep/transfer_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAST_MS = 60000 };

struct writing {
    struct import *import;
    struct store *store;
    struct store_batch *batch;
    struct lh_table *ids; /* given to executions of this import */
    struct transfer_counts *counts;
    struct err *err;
};

/* --- documents -------------------------------------------------------------------------------------------------- */

struct machine_record {
    struct json_object *value;
    int64_t version;
};

static int take_record(void *context, const char *key, const char *body, int64_t version)
{
    struct machine_record *record = context;

    (void)key;
    record->version = version;
    return json_parse_stored(body, strlen(body), &record->value, NULL);
}

static struct json_object *versions_of(struct json_object *machine)
{
    struct json_object *versions = NULL;

    json_member(machine, "versions", &versions);
    return versions;
}

/* Whether an execution of the files ran this version of the machine. */
static bool is_wanted(const struct writing *writing, const char *machine, int64_t number)
{
    AUTO_BUF suffix = BUF_INIT;

    buf_printf(&suffix, ":stateMachine:%s:%lld", machine, (long long)number);
    for (size_t i = 0; i < writing->import->count; i++) {
        const char *arn = json_member_text(writing->import->executions[i].meta, "stateMachineVersionArn");
        size_t bytes = arn ? strlen(arn) : 0;

        if (bytes >= suffix.bytes && !strcmp(arn + bytes - suffix.bytes, buf_text(&suffix)))
            return true;
    }
    return false;
}

/* Versions that ran and that the machine here has not come to yet; one whose number it has had is left alone. */
static bool add_versions(const struct writing *writing, struct json_object *here, struct json_object *there)
{
    struct json_object *versions = versions_of(there);
    bool changed = false;

    for (size_t i = 0; versions && versions_of(here) && i < json_object_array_length(versions); i++) {
        struct json_object *version = json_object_array_get_idx(versions, i);
        int64_t number = json_member_int(version, "number", 0);

        if (number <= json_member_int(here, "lastVersion", 0) ||
            !is_wanted(writing, json_member_text(here, "name"), number))
            continue;
        json_append(versions_of(here), json_object_get(version));
        json_add_int(here, "lastVersion", number);
        changed = true;
    }
    return changed;
}

static int write_machine(struct writing *writing, const char *key, struct json_object *body)
{
    struct machine_record record = {0};
    int result = store_document(writing->store, "machine", key, take_record, &record, writing->err);
    char *text = NULL;

    if (result == ERR_NOT_FOUND)
        text = json_text(body);
    else if (result)
        return err_set(writing->err, (enum err_code)result, "the stored machine \"%s\" could not be read", key);
    else if (add_versions(writing, record.value, body))
        text = json_text(record.value);
    json_object_put(record.value);
    if (!text)
        return 0;
    /* Whoever makes or changes it in this moment wins: it is there then. */
    store_batch_put_document(writing->batch, "machine", key, text, record.version, NULL);
    writing->counts->documents++;
    free(text);
    return 0;
}

static int write_documents(struct writing *writing)
{
    struct json_object *documents = writing->import->documents;
    int result = 0;

    for (size_t i = 0; i < json_object_array_length(documents) && !result; i++) {
        struct json_object *document = json_object_array_get_idx(documents, i);
        const char *kind = json_member_text(document, "kind");
        const char *key = json_member_text(document, "key");
        struct json_object *body = NULL;

        json_member(document, "body", &body);
        if (!strcmp(kind, "machine")) {
            result = write_machine(writing, key, body);
            continue;
        }
        char *text = json_text(body);
        /* A definition is the same wherever it is; written again, a sweep does not take it for unused. */
        store_batch_put_document(writing->batch, kind, key, text, -1, NULL);
        writing->counts->documents++;
        free(text);
    }
    return result;
}

/* --- executions --------------------------------------------------------------------------------------------------- */

static int found(void *context, const struct store_execution *row)
{
    (void)context;
    (void)row;
    return 0;
}

static int find_id(struct writing *writing, const struct store_execution *row, int64_t *ret_id)
{
    int64_t latest_ms = (int64_t)time(NULL) * 1000 - PAST_MS;
    int64_t ms = row->started_ms < latest_ms ? row->started_ms : latest_ms;
    int result = 0;

    for (int64_t part = 0; !result; part++) {
        int64_t id = (ms + part / 256) << 20 | (int64_t)row->shard << 8 | part % 256;

        if (lh_table_lookup_entry(writing->ids, (const void *)(uintptr_t)id))
            continue;
        result = store_execution_by_id(writing->store, row->shard, id, found, NULL, writing->err);
        *ret_id = id;
    }
    if (result != ERR_NOT_FOUND)
        return result;
    lh_table_insert(writing->ids, (void *)(uintptr_t)*ret_id, writing);
    return 0;
}

static int write_execution(struct writing *writing, struct import_execution *execution)
{
    struct store_execution *row = &execution->parsed;
    int result = store_execution_by_arn(writing->store, row->arn, found, NULL, writing->err);

    if (result != ERR_NOT_FOUND)
        return result ? result : err_set(writing->err, ERR_EXISTS, "there is an execution %s already", row->arn);
    row->shard = store_shard_of(writing->store, row->arn);
    if ((result = find_id(writing, row, &row->id)))
        return result;
    store_batch_add_execution(writing->batch, row);
    writing->counts->executions++;
    for (size_t i = 0; i < execution->count; i++) {
        struct json_object *events = NULL;

        json_member(execution->history[i], "events", &events);
        char *body = json_text(events);
        store_batch_add_history(writing->batch, row->shard, row->id, json_member_int(execution->history[i], "first", 0),
                                json_member_int(execution->history[i], "last", 0), body, strlen(body));
        writing->counts->rows++;
        free(body);
    }
    return 0;
}

int import_write(struct import *import, struct store *store, struct transfer_counts *counts, struct err *err)
{
    struct writing writing = {
        .import = import,
        .store = store,
        .batch = store_batch_new(),
        .ids = lh_kptr_table_new(1024, NULL),
        .counts = counts,
        .err = err,
    };
    int result = 0;

    *counts = (struct transfer_counts){0};
    for (size_t i = 0; i < import->count && !result; i++)
        result = write_execution(&writing, &import->executions[i]);
    if (!result)
        result = write_documents(&writing);
    if (!result)
        result = store_commit(store, writing.batch, err);
    store_batch_free(writing.batch);
    lh_table_free(writing.ids);
    return result;
}
