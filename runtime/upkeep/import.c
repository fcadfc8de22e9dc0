/* import.c - reads and checks files of executions; see transfer.h. */
#include "config.h"

#include "runtime/upkeep/transfer_priv.h"

#include "asl/base/err.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "runtime/executor/engine.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* One file, line by line. */
struct reading {
    struct import *import;
    EVP_MD_CTX *sum;
    struct transfer_counts counts;
    int64_t line;
    bool begun, ended;
    size_t first; /* of the import's executions that is this file's */
    struct err *err;
};

struct import *import_new(void)
{
    struct import *import = NEW(struct import);

    import->documents = json_object_new_array();
    import->arns = lh_kchar_table_new(64, NULL);
    import->machines = lh_kchar_table_new(16, NULL);
    return import;
}

void import_free(struct import *import)
{
    struct lh_entry *entry;

    if (!import)
        return;
    for (size_t i = 0; i < import->count; i++) {
        struct import_execution *execution = &import->executions[i];

        for (size_t k = 0; k < execution->count; k++)
            json_object_put(execution->history[k]);
        free(execution->history);
        free(execution->meta_text);
        json_object_put(execution->row);
    }
    lh_foreach(import->machines, entry)
    {
        definition_unref((struct machine *)lh_entry_v(entry));
    }
    lh_table_free(import->machines);
    lh_table_free(import->arns);
    free(import->executions);
    json_object_put(import->documents);
    free(import);
}

/* --- documents -------------------------------------------------------------------------------------------------- */

/* A definition's key is the sum of its text. */
static int check_definition(struct reading *reading, const char *key, struct json_object *body)
{
    const char *text = json_member_text(body, "definition");
    const char *type = json_member_text(body, "type");
    char expected[65];

    if (!text || !type)
        return err_set(reading->err, ERR_INVALID, "the definition \"%s\" has no text or no type", key);
    engine_definition_key(text, strlen(text), !strcmp(type, "EXPRESS"), expected);
    return strcmp(expected, key) ? err_set(reading->err, ERR_INVALID,
                                           "the definition \"%s\" is another one: its key is \"%s\"", key, expected)
                                 : 0;
}

static int take_document(struct reading *reading, struct json_object *document)
{
    const char *kind = json_member_text(document, "kind");
    const char *key = json_member_text(document, "key");
    struct json_object *body = NULL;
    int result = 0;

    if (!kind || !key || !json_member(document, "body", &body) || !json_object_is_type(body, json_type_object))
        return err_set(reading->err, ERR_INVALID, "a document has a kind, a key and a body");
    if (!strcmp(kind, "definition"))
        result = check_definition(reading, key, body);
    else if (!strcmp(kind, "machine") ? !json_member_text(body, "name") || strcmp(json_member_text(body, "name"), key)
                                      : strcmp(kind, "maprun") != 0)
        result = err_set(reading->err, ERR_INVALID, "a document of kind \"%s\" and key \"%s\" does not belong here",
                         kind, key);
    if (result)
        return result;
    reading->counts.documents++;
    json_append(reading->import->documents, json_object_get(document));
    return 0;
}

/* --- executions --------------------------------------------------------------------------------------------------- */

static int check_status(struct reading *reading, const char *arn, int status)
{
    if (status < 0)
        return err_set(reading->err, ERR_INVALID, "%s has no known status", arn);
    if (status == EXECUTION_RUNNING || status == EXECUTION_PENDING_REDRIVE)
        return err_set(reading->err, ERR_INVALID, "%s is still running: only what has ended can be imported", arn);
    return 0;
}

static int take_execution(struct reading *reading, struct json_object *row)
{
    struct import *import = reading->import;
    const char *arn = json_member_text(row, "arn");
    const char *machine = json_member_text(row, "machine");
    int status = execution_status_find(json_member_text(row, "status"));
    struct json_object *meta = NULL;
    struct import_execution *execution;
    int result;

    if (!arn || !machine || !json_member(row, "meta", &meta) || !json_member_text(meta, "definition") ||
        !json_member_text(meta, "name") || json_member_int(row, "startedMs", 0) <= 0 ||
        json_member_int(row, "stoppedMs", 0) < json_member_int(row, "startedMs", 0))
        return err_set(reading->err, ERR_INVALID,
                       "an execution has an arn, a machine, startedMs, stoppedMs and a meta with name and definition");
    if ((result = check_status(reading, arn, status)))
        return result;
    if (lh_table_lookup_entry(import->arns, arn))
        return err_set(reading->err, ERR_INVALID, "%s is in the files twice", arn);
    lh_table_insert(import->arns, (void *)(uintptr_t)arn, import);
    import->executions =
        mem_grow(import->executions, &import->capacity, import->count + 1, sizeof(*import->executions));
    execution = &import->executions[import->count++];
    *execution = (struct import_execution){.row = json_object_get(row), .meta = meta, .meta_text = json_text(meta)};
    execution->parsed = (struct store_execution){
        .arn = arn,
        .machine = machine,
        .meta = execution->meta_text,
        .status = (enum execution_status)status,
        .started_ms = json_member_int(row, "startedMs", 0),
        .stopped_ms = json_member_int(row, "stoppedMs", 0),
        .redrive_count = json_member_int(row, "redriveCount", 0),
        .redriven_ms = json_member_int(row, "redrivenMs", 0),
        .map_run = json_member_text(row, "mapRun"),
    };
    reading->counts.executions++;
    return 0;
}

static int take_history(struct reading *reading, struct json_object *row)
{
    struct import *import = reading->import;
    struct import_execution *execution = import->count ? &import->executions[import->count - 1] : NULL;
    int64_t first = json_member_int(row, "first", 0);
    int64_t last = json_member_int(row, "last", -1);
    struct json_object *events = NULL;
    int64_t before = 0;

    if (!execution || import->count <= reading->first)
        return err_set(reading->err, ERR_INVALID, "a history stands before the first execution");
    if (execution->count)
        before = json_member_int(execution->history[execution->count - 1], "last", 0);
    if (!json_member(row, "events", &events) || !json_object_is_type(events, json_type_array))
        return err_set(reading->err, ERR_INVALID, "a history has first, last and events");
    if (first != before + 1 || last < before)
        return err_set(reading->err, ERR_INVALID, "expected the events from %lld on, found %lld to %lld",
                       (long long)before + 1, (long long)first, (long long)last);
    execution->history =
        mem_grow(execution->history, &execution->capacity, execution->count + 1, sizeof(*execution->history));
    execution->history[execution->count++] = json_object_get(row);
    reading->counts.rows++;
    return 0;
}

/* --- the first and the last line ---------------------------------------------------------------------------------- */

static int take_head(struct reading *reading, struct json_object *head)
{
    const char *format = json_member_text(head, "format");
    int64_t version = json_member_int(head, "version", 0);

    if (!format || strcmp(format, TRANSFER_FORMAT))
        return err_set(reading->err, ERR_INVALID, "this is no export of an execution");
    if (version != TRANSFER_VERSION)
        return err_set(reading->err, ERR_VERSION,
                       "the file has version %lld of the format, this program knows version %d", (long long)version,
                       TRANSFER_VERSION);
    return 0;
}

static int take_end(struct reading *reading, struct json_object *end)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    char sum[2 * EVP_MAX_MD_SIZE + 1] = "";
    const char *given = json_member_text(end, "sha256");

    EVP_DigestFinal_ex(reading->sum, digest, &bytes);
    for (unsigned int i = 0; i < bytes; i++)
        snprintf(sum + 2 * i, 3, "%02x", digest[i]);
    if (json_member_int(end, "documents", -1) != reading->counts.documents ||
        json_member_int(end, "executions", -1) != reading->counts.executions ||
        json_member_int(end, "rows", -1) != reading->counts.rows || !given || strcmp(given, sum))
        return err_set(reading->err, ERR_INVALID,
                       "the file was changed or damaged: its sum is not the one it was made with");
    if (!reading->counts.executions)
        return err_set(reading->err, ERR_INVALID, "there is no execution in the file");
    reading->ended = true;
    return 0;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static const struct line_kind {
    const char *member;
    int (*take)(struct reading *reading, struct json_object *value);
} kinds[] = {
    {"export", take_head},     {"document", take_document}, {"execution", take_execution},
    {"history", take_history}, {"end", take_end},
};

static int take_line(struct reading *reading, const char *text, size_t bytes)
{
    AUTO_JSON struct json_object *line = NULL;
    int result;

    if (reading->ended)
        return err_set(reading->err, ERR_INVALID, "something follows the end");
    if ((result = json_parse_stored(text, bytes, &line, reading->err)))
        return result;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct json_object *value = NULL;

        if (!json_member(line, kinds[i].member, &value))
            continue;
        if (reading->begun == !i)
            break;
        reading->begun = true;
        if (kinds[i].take != take_end)
            EVP_DigestUpdate(reading->sum, text, bytes);
        return kinds[i].take(reading, value);
    }
    return err_set(reading->err, ERR_INVALID, "this is no export of an execution");
}

static int read_lines(struct reading *reading, FILE *file)
{
    char *text = NULL;
    size_t capacity = 0;
    ssize_t bytes;
    int result = 0;

    while (!result && (bytes = getline(&text, &capacity, file)) > 0) {
        reading->line++;
        reading->import->bytes += (size_t)bytes;
        result = reading->import->bytes > LIMIT_IMPORT_BYTES
                     ? err_set(reading->err, ERR_LIMIT, "more than %d MiB at once", LIMIT_IMPORT_BYTES >> 20)
                     : take_line(reading, text, (size_t)bytes);
    }
    if (!result && ferror(file))
        result = err_set(reading->err, ERR_IO, "could not read: %s", strerror(errno));
    if (!result && !reading->line)
        result = err_set(reading->err, ERR_INVALID, "the file is empty");
    else if (!result && !reading->ended)
        result = err_set(reading->err, ERR_INVALID, "the file was cut off: its last line is missing");
    free(text);
    return result;
}

int import_read(struct import *import, FILE *file, const char *name, struct err *err)
{
    struct reading reading = {.import = import, .sum = EVP_MD_CTX_new(), .first = import->count, .err = err};
    int result;

    EVP_DigestInit_ex(reading.sum, EVP_sha256(), NULL);
    if ((result = read_lines(&reading, file)))
        err_at(err, "%s:%lld", name, (long long)reading.line);
    for (size_t i = reading.first; !result && i < import->count; i++)
        if ((result = import_fold(import, &import->executions[i], err)))
            err_at(err, "%s", name);
    EVP_MD_CTX_free(reading.sum);
    return result;
}
