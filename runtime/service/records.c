/* records.c - the API's resources as documents of the store, and definitions kept once per text. */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "runtime/service/service_priv.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct json_object *value;
    int64_t version;
    int code;
    struct err *err;
};

static int take_document(void *context, const char *key, const char *body, int64_t version)
{
    struct reading *reading = context;
    (void)key;
    reading->version = version;
    reading->code = json_parse(body, strlen(body), &reading->value, reading->err);
    return 0;
}

int record_read(struct service *service, const char *kind, const char *key, struct json_object **ret_value,
                int64_t *ret_version, struct err *err)
{
    struct reading reading = {.err = err};
    int code = store_document(service->store, kind, key, take_document, &reading, err);
    if (code < 0)
        return code;
    if (reading.code < 0)
        return err_set(err, ERR_CORRUPT, "the stored %s \"%.80s\" is damaged", kind, key);
    *ret_value = reading.value;
    if (ret_version)
        *ret_version = reading.version;
    return 0;
}

/* --- documents that are only looked at --------------------------------------------------------------------------- */

enum { CACHE_SLOTS = 256, CACHED_BYTES_MAX = 64 * 1024 };

/* By a hash of kind and key; a newcomer takes the slot. */
struct record_cache {
    struct cached {
        char *key, *body;
        const char *kind; /* static */
        size_t bytes;
        struct json_object *value;
    } slots[CACHE_SLOTS];
};

struct looking {
    struct record_cache *cache;
    const char *kind;
    struct json_object *value;
    int code;
    struct err *err;
};

static size_t slot_of(const char *kind, const char *key)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *c = kind; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    for (const char *c = key; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    return hash % CACHE_SLOTS;
}

static void forget(struct cached *slot)
{
    free(slot->key);
    free(slot->body);
    json_object_put(slot->value);
    *slot = (struct cached){0};
}

static int look(void *context, const char *key, const char *body, int64_t version)
{
    struct looking *looking = context;
    struct cached *slot = &looking->cache->slots[slot_of(looking->kind, key)];
    size_t bytes = strlen(body);
    (void)version;
    if (slot->bytes == bytes && slot->key && strcmp(slot->kind, looking->kind) == 0 && strcmp(slot->key, key) == 0 &&
        memcmp(slot->body, body, bytes) == 0) {
        looking->value = json_object_get(slot->value);
        return 0;
    }
    looking->code = json_parse(body, bytes, &looking->value, looking->err);
    forget(slot);
    if (looking->code == 0 && bytes <= CACHED_BYTES_MAX)
        *slot = (struct cached){.key = mem_strdup(key),
                                .body = mem_strndup(body, bytes),
                                .kind = looking->kind,
                                .bytes = bytes,
                                .value = json_object_get(looking->value)};
    return 0;
}

int record_look(struct service *service, const char *kind, const char *key, struct json_object **ret_value,
                struct err *err)
{
    if (service->record_cache == NULL)
        service->record_cache = NEW(struct record_cache);
    struct looking looking = {.cache = service->record_cache, .kind = kind, .err = err};
    int code = store_document(service->store, kind, key, look, &looking, err);
    if (code < 0)
        return code;
    if (looking.code < 0)
        return err_set(err, ERR_CORRUPT, "the stored %s \"%.80s\" is damaged", kind, key);
    *ret_value = looking.value;
    return 0;
}

void record_cache_release(struct service *service)
{
    for (size_t i = 0; service->record_cache && i < CACHE_SLOTS; i++)
        forget(&service->record_cache->slots[i]);
    free(service->record_cache);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

void record_put(struct service_call *call, const char *kind, const char *key, struct json_object *value,
                int64_t version)
{
    char *body = json_text(value);
    store_batch_put_document(engine_batch(call->service->engine), kind, key, body, version, &call->conflict);
    free(body);
}

bool definition_accept(struct service_call *call, const char *text, bool express, char *key)
{
    size_t bytes = strlen(text);
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    int code = definition_compile(text, bytes, (struct definition_options){.express = express}, NULL, &diagnostics);
    if (code < 0) {
        char *refusal = diagnostics_refusal(&diagnostics, text);
        call_fail(call, "InvalidDefinition", "%s", refusal);
        free(refusal);
    } else {
        engine_definition_key(text, bytes, express, key);
        AUTO_JSON struct json_object *document = json_object_new_object();
        json_add_text(document, "definition", text);
        json_add_text(document, "type", express ? "EXPRESS" : "STANDARD");
        char *body = json_text(document);
        /* the key is made from the content: whoever was first wrote the same */
        store_batch_put_document(engine_batch(call->service->engine), "definition", key, body, -1, NULL);
        free(body);
    }
    diagnostics_release(&diagnostics);
    return code == 0;
}

char *definition_text(struct service *service, const char *key)
{
    AUTO_JSON struct json_object *document = NULL;
    if (record_read(service, "definition", key, &document, NULL, NULL) < 0)
        return NULL;
    return mem_strdup(json_member_text(document, "definition"));
}
