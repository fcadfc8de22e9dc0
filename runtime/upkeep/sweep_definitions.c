/*
 * sweep_definitions.c - definitions that nothing refers to; see sweep.h.
 *
 * A pass reads the definitions first, then what refers to them. Whatever makes a new reference to a definition
 * writes the definition again in the same commit (so that its version rises and it is not removed here), or
 * starts an execution of a definition that a state machine refers to, or did a moment ago.
 */
#include "config.h"

#include "runtime/upkeep/sweep.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/store/store.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500 };

struct definition_notes {
    struct json_object *unused; /* key to the version at which it was found unused */
};

struct definition_notes *definition_notes_new(void)
{
    struct definition_notes *notes = NEW(struct definition_notes);

    notes->unused = json_object_new_object();
    return notes;
}

void definition_notes_free(struct definition_notes *notes)
{
    if (!notes)
        return;
    json_object_put(notes->unused);
    free(notes);
}

bool definition_notes_any(const struct definition_notes *notes)
{
    return json_object_object_length(notes->unused) > 0;
}

struct pass {
    struct store *store;
    const struct sweep_options *options;
    struct json_object *candidates; /* key to version */
    struct json_object *express;    /* those that no stored execution can refer to */
    bool map_run_at_work;
    int64_t last_id;
    int rows;
};

static bool is_ours(const struct pass *pass, const char *key)
{
    return !pass->options->epochs || pass->options->epochs[store_shard_of(pass->store, key)];
}

static int add_candidate(void *context, const char *key, const char *body, int64_t version)
{
    struct pass *pass = context;
    static const char standard[] = "\"type\":\"STANDARD\"}";
    size_t bytes = strlen(body);

    if (!is_ours(pass, key))
        return 0;
    json_add_int(pass->candidates, key, version);
    if (bytes < strlen(standard) || strcmp(body + bytes - strlen(standard), standard))
        json_add_bool(pass->express, key, true);
    return 0;
}

static void spare(struct pass *pass, struct json_object *object, const char *member)
{
    const char *key = json_member_text(object, member);

    if (key)
        json_object_object_del(pass->candidates, key);
}

static int spare_of_machine(void *context, const char *key, const char *body, int64_t version)
{
    struct pass *pass = context;
    AUTO_JSON struct json_object *record = NULL;
    struct json_object *versions = NULL;

    (void)key;
    (void)version;
    if (json_parse_stored(body, strlen(body), &record, NULL))
        return ERR_CORRUPT;
    spare(pass, record, "definitionKey");
    json_member(record, "versions", &versions);
    for (size_t i = 0; versions && i < json_object_array_length(versions); i++)
        spare(pass, json_object_array_get_idx(versions, i), "definitionKey");
    return 0;
}

static int look_at_map_run(void *context, const char *key, const char *body, int64_t version)
{
    struct pass *pass = context;

    (void)key;
    (void)version;
    pass->map_run_at_work = strstr(body, "\"status\":\"RUNNING\"") != NULL;
    return pass->map_run_at_work;
}

static int spare_of_execution(void *context, const struct store_execution *row)
{
    struct pass *pass = context;
    AUTO_JSON struct json_object *meta = NULL;

    pass->rows++;
    pass->last_id = row->id;
    if (json_parse_stored(row->meta, strlen(row->meta), &meta, NULL))
        return ERR_CORRUPT;
    spare(pass, meta, "definition");
    return json_object_object_length(pass->candidates) == 0;
}

/* Children of Express map runs leave no execution behind; while one is at work its definition must stay. */
static int spare_of_map_runs(struct pass *pass, struct err *err)
{
    int result = store_documents(pass->store, "maprun", "", NULL, false, 0, look_at_map_run, pass, err);

    if (!result && pass->map_run_at_work) {
        json_object_object_foreach (pass->express, key, is_express) {
            (void)is_express;
            json_object_object_del(pass->candidates, key);
        }
    }
    return result;
}

static int spare_of_executions(struct pass *pass, struct err *err)
{
    int result = 0;

    for (int shard = 0; shard < store_shards(pass->store) && !result; shard++) {
        pass->last_id = 0;
        do {
            pass->rows = 0;
            if (!json_object_object_length(pass->candidates))
                return 0;
            result = store_scan(pass->store, shard, pass->last_id, PAGE, spare_of_execution, NULL, pass, err);
            if (!result && pass->options->pause && !pass->options->pause(pass->options->context, 0))
                result = err_set(err, ERR_BUSY, "interrupted");
        } while (!result && pass->rows == PAGE);
    }
    return result;
}

static int find_unused(struct pass *pass, struct err *err)
{
    int result = store_documents(pass->store, "definition", "", NULL, false, 0, add_candidate, pass, err);

    if (!result)
        result = store_documents(pass->store, "machine", "", NULL, false, 0, spare_of_machine, pass, err);
    if (!result && json_object_object_length(pass->candidates))
        result = spare_of_map_runs(pass, err);
    if (!result)
        result = spare_of_executions(pass, err);
    if (result == ERR_CORRUPT)
        err_set(err, ERR_CORRUPT, "a record of the store is damaged");
    return result;
}

static void remove_one(struct pass *pass, struct store_batch *batch, const char *key, int64_t version)
{
    int shard = store_shard_of(pass->store, key);

    store_batch_delete_document_at(batch, "definition", key, version);
    if (pass->options->epochs)
        store_batch_prove(batch, shard, pass->options->epochs[shard]);
}

static int remove_unused(struct pass *pass, struct definition_notes *notes, struct sweep_counts *counts,
                         struct err *err)
{
    struct store_batch *batch = store_batch_new();
    struct json_object *noted = json_object_new_object();
    int64_t removed = 0;
    int result = 0;

    json_object_object_foreach (pass->candidates, key, version) {
        int64_t number = json_object_get_int64(version);

        if (!notes || json_member_int(notes->unused, key, 0) == number) {
            removed++;
            remove_one(pass, batch, key, number);
        } else {
            json_add_int(noted, key, number);
        }
    }
    if (!pass->options->dry_run)
        result = store_commit(pass->store, batch, err);
    store_batch_free(batch);
    if (!result)
        counts->definitions += removed;
    if (notes) {
        json_object_put(notes->unused);
        notes->unused = json_object_get(noted);
    }
    json_object_put(noted);
    return result;
}

int sweep_definitions(struct store *store, const struct sweep_options *options, struct definition_notes *notes,
                      struct sweep_counts *counts, struct err *err)
{
    struct pass pass = {
        .store = store,
        .options = options,
        .candidates = json_object_new_object(),
        .express = json_object_new_object(),
    };
    int result = find_unused(&pass, err);

    if (!result)
        result = remove_unused(&pass, notes, counts, err);
    json_object_put(pass.candidates);
    json_object_put(pass.express);
    return result;
}
