/*
 * definition_cache.c - compiled definitions, by the key of their document.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "runtime/executor/engine_priv.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void engine_definition_key(const char *text, size_t bytes, bool express, char *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int count = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    EVP_DigestUpdate(context, express ? "E" : "S", 1);
    EVP_DigestUpdate(context, text, bytes);
    EVP_DigestFinal_ex(context, digest, &count);
    EVP_MD_CTX_free(context);
    for (unsigned i = 0; i < count; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

struct compiling {
    struct engine *engine;
    struct machine *machine;
};

static int compile(void *context, const char *key, const char *body, int64_t version)
{
    (void)version;
    struct compiling *compiling = context;
    AUTO_JSON struct json_object *document = NULL;
    if (json_parse(body, strlen(body), &document, NULL) != 0)
        return 0;
    const char *text = json_member_text(document, "definition");
    const char *type = json_member_text(document, "type");
    struct definition_options options = {.express = type && strcmp(type, "EXPRESS") == 0, .allow_placeholders = true};
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    if (text && definition_compile(text, strlen(text), options, &compiling->machine, &diagnostics) != 0)
        engine_log(compiling->engine, 3, "the stored definition %s does not compile: %s", key,
                   diagnostics.count ? diagnostics.list[0].message : "unknown fault");
    diagnostics_release(&diagnostics);
    return 0;
}

static void drop_oldest(struct lh_table *table)
{
    struct lh_entry *oldest = lh_table_head(table);
    char *key = (char *)lh_entry_k(oldest);
    definition_unref((struct machine *)lh_entry_v(oldest));
    lh_table_delete_entry(table, oldest);
    free(key);
}

int engine_find_definition(struct engine *engine, const char *key, struct machine **ret_machine, struct err *err)
{
    void *found = NULL;
    if (lh_table_lookup_ex(engine->definitions, key, &found)) {
        *ret_machine = found;
        return 0;
    }
    struct compiling compiling = {engine, NULL};
    int code =
        engine->store ? store_document(engine->store, "definition", key, compile, &compiling, err) : ERR_NOT_FOUND;
    if (code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "the definition %s is not in the store", key);
    if (code == 0 && compiling.machine == NULL)
        return err_set(err, ERR_CORRUPT, "the stored definition %s does not compile", key);
    if (code != 0)
        return code;
    engine_keep_definition(engine, key, compiling.machine);
    definition_unref(compiling.machine);
    *ret_machine = compiling.machine;
    return 0;
}

struct machine *engine_definition(struct engine *engine, const char *key)
{
    struct machine *machine = NULL;
    return engine_find_definition(engine, key, &machine, NULL) == 0 ? machine : NULL;
}

void engine_keep_definition(struct engine *engine, const char *key, struct machine *machine)
{
    void *found = NULL;
    if (lh_table_lookup_ex(engine->definitions, key, &found))
        return;
    if (lh_table_length(engine->definitions) >= ENGINE_DEFINITIONS_MAX)
        drop_oldest(engine->definitions);
    lh_table_insert(engine->definitions, mem_strdup(key), definition_ref(machine));
}

void definitions_close(struct engine *engine)
{
    while (lh_table_length(engine->definitions))
        drop_oldest(engine->definitions);
    lh_table_free(engine->definitions);
}
