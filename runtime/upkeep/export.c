/* export.c - an execution into a file; see transfer.h. */
#include "config.h"

#include "runtime/upkeep/transfer_priv.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct export
{
    struct store *store;
    FILE *out;
    EVP_MD_CTX *sum;
    struct transfer_counts *counts;
    struct json_object *found;    /* array: of the map run that is looked at */
    struct json_object *arns;     /* array: the execution, its children, their children ... */
    struct json_object *keys;     /* of definitions that are needed, as members */
    struct json_object *map_runs; /* ARN of an execution to an array of the ARNs of its map runs */
    struct err *err;
};

static int write_line(struct export *export, struct buf *line)
{
    buf_add_char(line, '\n');
    EVP_DigestUpdate(export->sum, line->data, line->bytes);
    if (fwrite(line->data, 1, line->bytes, export->out) == line->bytes)
        return 0;
    return err_set(export->err, errno == ENOSPC ? ERR_FULL : ERR_IO, "could not write: %s", strerror(errno));
}

/* --- what belongs to it -------------------------------------------------------------------------------------- */

static int note_execution(void *context, const struct store_execution *row)
{
    struct export *export = context;
    AUTO_JSON struct json_object *meta = NULL;

    if (row->status == EXECUTION_RUNNING || row->status == EXECUTION_PENDING_REDRIVE) {
        err_set(export->err, ERR_INVALID, "%s is still running: in two stores it would run twice", row->arn);
        err_hint(export->err, "wait for its end, or stop it; `orchestrator migrate` moves a whole store");
        return ERR_INVALID;
    }
    if (json_parse_stored(row->meta, strlen(row->meta), &meta, NULL))
        return err_set(export->err, ERR_CORRUPT, "the record of %s is damaged", row->arn);
    if (json_member_text(meta, "definition"))
        json_add_bool(export->keys, json_member_text(meta, "definition"), true);
    json_append(export->found, json_object_new_string(row->arn));
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(json_object_get_string(*(struct json_object *const *)a),
                  json_object_get_string(*(struct json_object *const *)b));
}

/* In an order that does not depend on the store. */
static void keep_found(struct export *export)
{
    json_object_array_sort(export->found, by_text);
    for (size_t i = 0; i < json_object_array_length(export->found); i++)
        json_append(export->arns, json_object_get(json_object_array_get_idx(export->found, i)));
    json_object_put(export->found);
    export->found = json_object_new_array();
}

static int note_map_run(void *context, const char *key, const char *body, int64_t version)
{
    struct export *export = context;
    AUTO_JSON struct json_object *record = NULL;
    struct json_object *list = NULL;
    const char *parent;

    (void)version;
    if (json_parse_stored(body, strlen(body), &record, NULL) || !(parent = json_member_text(record, "executionArn")))
        return err_set(export->err, ERR_CORRUPT, "the record of %s is damaged", key);
    if (!json_member(export->map_runs, parent, &list)) {
        list = json_object_new_array();
        json_add(export->map_runs, parent, list);
    }
    json_append(list, json_object_new_string(key));
    return 0;
}

/* "arn:...:execution:MACHINE/LABEL:NAME" to "MACHINE". On the heap; NULL: it is no such ARN. */
static char *machine_of(const char *arn)
{
    const char *at = strstr(arn, ":execution:");

    at = at ? at + strlen(":execution:") : NULL;
    return at ? mem_strndup(at, strcspn(at, "/:")) : NULL;
}

/* The map runs of a machine all begin alike: its own, and those of its map runs' children. */
static int find_map_runs(struct export *export, const char *arn, const char *machine)
{
    char *prefix = mem_printf("%.*s:mapRun:%s/", (int)(strstr(arn, ":execution:") - arn), arn, machine);
    int result = store_documents(export->store, "maprun", prefix, NULL, false, 0, note_map_run, export, export->err);

    free(prefix);
    return result;
}

static int find_children(struct export *export, const char *arn)
{
    struct json_object *list = NULL;
    int result = 0;

    json_member(export->map_runs, arn, &list);
    for (size_t i = 0; list && i < json_object_array_length(list) && !result; i++) {
        struct store_execution_query query = {
            .map_run = json_object_get_string(json_object_array_get_idx(list, i)), .status = -1, .redriven = -1};

        result = store_executions(export->store, &query, note_execution, export, export->err);
        keep_found(export);
    }
    return result;
}

/* --- documents ------------------------------------------------------------------------------------------------- */

struct writing {
    struct export *export;
    const char *kind;
};

static int write_document(void *context, const char *key, const char *body, int64_t version)
{
    struct writing *writing = context;
    struct export *export = writing->export;
    AUTO_JSON struct json_object *value = NULL;
    AUTO_BUF line = BUF_INIT;

    (void)version;
    /* Written anew, so that it is one line. */
    if (json_parse_stored(body, strlen(body), &value, NULL))
        return err_set(export->err, ERR_CORRUPT, "the stored %s \"%s\" is damaged", writing->kind, key);
    buf_printf(&line, "{\"document\":{\"kind\":\"%s\",\"key\":", writing->kind);
    json_write_string(&line, key, strlen(key));
    buf_add_text(&line, ",\"body\":");
    json_write(&line, value);
    buf_add_text(&line, "}}");
    export->counts->documents++;
    return write_line(export, &line);
}

static int write_one(struct export *export, const char *kind, const char *key)
{
    struct writing writing = {export, kind};

    return store_document(export->store, kind, key, write_document, &writing, export->err);
}

static int note_keys(void *context, const char *key, const char *body, int64_t version)
{
    struct export *export = context;
    AUTO_JSON struct json_object *record = NULL;
    struct json_object *versions = NULL;

    (void)version;
    if (json_parse_stored(body, strlen(body), &record, NULL))
        return err_set(export->err, ERR_CORRUPT, "the stored machine \"%s\" is damaged", key);
    if (json_member_text(record, "definitionKey"))
        json_add_bool(export->keys, json_member_text(record, "definitionKey"), true);
    json_member(record, "versions", &versions);
    for (size_t i = 0; versions && i < json_object_array_length(versions); i++) {
        const char *text = json_member_text(json_object_array_get_idx(versions, i), "definitionKey");

        if (text)
            json_add_bool(export->keys, text, true);
    }
    return 0;
}

static int write_documents(struct export *export, const char *machine)
{
    int result = store_document(export->store, "machine", machine, note_keys, export, export->err);

    if (!result)
        result = write_one(export, "machine", machine);
    if (result && result != ERR_NOT_FOUND) /* it may have been deleted since */
        return result;
    json_object_object_foreach (export->keys, key, needed) {
        (void)needed;
        if ((result = write_one(export, "definition", key)))
            return result;
    }
    for (size_t i = 0; i < json_object_array_length(export->arns); i++) {
        struct json_object *list = NULL;

        json_member(export->map_runs, json_object_get_string(json_object_array_get_idx(export->arns, i)), &list);
        for (size_t k = 0; list && k < json_object_array_length(list); k++)
            if ((result = write_one(export, "maprun", json_object_get_string(json_object_array_get_idx(list, k)))))
                return result;
    }
    return 0;
}

/* --- executions --------------------------------------------------------------------------------------------------- */

static int write_row(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    struct export *export = context;
    AUTO_JSON struct json_object *events = NULL;
    AUTO_BUF line = BUF_INIT;

    if (json_parse_stored(body, bytes, &events, NULL))
        return err_set(export->err, ERR_CORRUPT, "a history is damaged");
    buf_printf(&line, "{\"history\":{\"first\":%lld,\"last\":%lld,\"events\":", (long long)first, (long long)last);
    json_write(&line, events);
    buf_add_text(&line, "}}");
    export->counts->rows++;
    return write_line(export, &line);
}

static int write_execution(void *context, const struct store_execution *row)
{
    struct export *export = context;
    AUTO_JSON struct json_object *meta = NULL;
    AUTO_JSON struct json_object *line = json_object_new_object();
    struct json_object *execution = json_object_new_object();
    AUTO_BUF text = BUF_INIT;
    int result;

    json_add(line, "execution", execution);
    if (json_parse_stored(row->meta, strlen(row->meta), &meta, NULL))
        return err_set(export->err, ERR_CORRUPT, "the record of %s is damaged", row->arn);
    json_add_text(execution, "arn", row->arn);
    json_add_text(execution, "machine", row->machine);
    json_add_text(execution, "status", execution_status_name(row->status));
    json_add_int(execution, "startedMs", row->started_ms);
    json_add_int(execution, "stoppedMs", row->stopped_ms);
    json_add_int(execution, "redriveCount", row->redrive_count);
    json_add_int(execution, "redrivenMs", row->redriven_ms);
    if (row->map_run)
        json_add_text(execution, "mapRun", row->map_run);
    json_add(execution, "meta", json_take(&meta));
    json_write(&text, line);
    export->counts->executions++;
    if ((result = write_line(export, &text)))
        return result;
    return store_history(export->store, row->shard, row->id, 0, write_row, export, export->err);
}

static int write_end(struct export *export)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    AUTO_BUF line = BUF_INIT;

    EVP_DigestFinal_ex(export->sum, digest, &bytes);
    buf_printf(&line, "{\"end\":{\"documents\":%lld,\"executions\":%lld,\"rows\":%lld,\"sha256\":\"",
               (long long)export->counts->documents, (long long)export->counts->executions,
               (long long)export->counts->rows);
    for (unsigned int i = 0; i < bytes; i++)
        buf_printf(&line, "%02x", digest[i]);
    buf_add_text(&line, "\"}}\n");
    if (fwrite(line.data, 1, line.bytes, export->out) != line.bytes || fflush(export->out))
        return err_set(export->err, errno == ENOSPC ? ERR_FULL : ERR_IO, "could not write: %s", strerror(errno));
    return 0;
}

static int write_head(struct export *export, const char *arn)
{
    AUTO_BUF line = BUF_INIT;

    buf_printf(&line, "{\"export\":{\"format\":\"%s\",\"version\":%d,\"execution\":", TRANSFER_FORMAT,
               TRANSFER_VERSION);
    json_write_string(&line, arn, strlen(arn));
    buf_add_text(&line, "}}");
    return write_line(export, &line);
}

static int write_all(struct export *export, const char *arn, const char *machine)
{
    int result;

    if ((result = write_head(export, arn)) || (result = write_documents(export, machine)))
        return result;
    for (size_t i = 0; i < json_object_array_length(export->arns) && !result; i++)
        result =
            store_execution_by_arn(export->store, json_object_get_string(json_object_array_get_idx(export->arns, i)),
                                   write_execution, export, export->err);
    return result ? result : write_end(export);
}

int transfer_export(struct store *store, const char *arn, FILE *out, struct transfer_counts *counts, struct err *err)
{
    struct export export = {
        .store = store,
        .out = out,
        .sum = EVP_MD_CTX_new(),
        .counts = counts,
        .found = json_object_new_array(),
        .arns = json_object_new_array(),
        .keys = json_object_new_object(),
        .map_runs = json_object_new_object(),
        .err = err,
    };
    char *machine = machine_of(arn);
    int result;

    *counts = (struct transfer_counts){0};
    EVP_DigestInit_ex(export.sum, EVP_sha256(), NULL);
    if (!machine)
        result = err_set(err, ERR_INVALID, "\"%s\" is not the ARN of an execution", arn);
    else if (!(result = store_execution_by_arn(store, arn, note_execution, &export, err)))
        result = find_map_runs(&export, arn, machine);
    keep_found(&export);
    for (size_t i = 0; !result && i < json_object_array_length(export.arns); i++) /* grows meanwhile */
        result = find_children(&export, json_object_get_string(json_object_array_get_idx(export.arns, i)));
    if (!result)
        result = write_all(&export, arn, machine);
    EVP_MD_CTX_free(export.sum);
    json_object_put(export.found);
    json_object_put(export.arns);
    json_object_put(export.keys);
    json_object_put(export.map_runs);
    free(machine);
    return result;
}
