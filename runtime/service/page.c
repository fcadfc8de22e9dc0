/*
 * page.c - answers that come in pages, and the tokens between them.
 *
 * A token is base64url of {what the listing is about, position, moment}, signed with the store's secret: a
 * client can neither make one up nor use it for another listing, and any process on the store can read it.
 * Tokens live 24 hours (reference/api.md "Pagination").
 */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/service_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_BYTES = 16, PAGE_DEFAULT = 100 };
static const int64_t token_ms_max = 24LL * 3600 * 1000;

int call_page_size(const struct service_call *call)
{
    int64_t given = call_int(call, "maxResults", 0);
    return given > 0 ? (int)given : PAGE_DEFAULT;
}

static void sign(struct service_call *call, const void *data, size_t bytes, unsigned char out[SIGNATURE_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = sizeof digest;
    HMAC(EVP_sha256(), store_secret(call->service->store), 32, data, bytes, digest, &digest_bytes);
    memcpy(out, digest, SIGNATURE_BYTES);
}

char *page_token(struct service_call *call, const char *scope, const char *position)
{
    AUTO_JSON struct json_object *content = json_object_new_object();
    json_add_text(content, "o", call->operation->name);
    json_add_text(content, "s", scope);
    json_add_text(content, "p", position);
    json_add_int(content, "t", engine_now_ms(call->service->engine));
    AUTO_BUF plain = BUF_INIT;
    buf_reserve(&plain, SIGNATURE_BYTES);
    plain.bytes = SIGNATURE_BYTES;
    json_write(&plain, content);
    sign(call, plain.data + SIGNATURE_BYTES, plain.bytes - SIGNATURE_BYTES, (unsigned char *)plain.data);

    char *token = mem_alloc((plain.bytes + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)token, (unsigned char *)plain.data, (int)plain.bytes);
    return token;
}

void page_add_token(struct service_call *call, struct json_object *output, const char *scope, const char *position)
{
    char *token = page_token(call, scope, position);
    json_add_text(output, "nextToken", token);
    free(token);
}

/* The content of a token that is one of ours and not too old, or NULL. */
static struct json_object *read_token(struct service_call *call, const char *token)
{
    size_t bytes = strlen(token);
    if (bytes % 4 || bytes < SIGNATURE_BYTES)
        return NULL;
    char *plain = mem_alloc(bytes / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)token, (int)bytes);
    AUTO_JSON struct json_object *content = NULL;
    if (decoded > SIGNATURE_BYTES) {
        size_t length = (size_t)decoded;
        while (length > SIGNATURE_BYTES && token[--bytes] == '=')
            length--; /* the padding decodes to zero bytes */
        unsigned char expected[SIGNATURE_BYTES];
        sign(call, plain + SIGNATURE_BYTES, length - SIGNATURE_BYTES, expected);
        if (CRYPTO_memcmp(expected, plain, SIGNATURE_BYTES) == 0)
            json_parse(plain + SIGNATURE_BYTES, length - SIGNATURE_BYTES, &content, NULL);
    }
    free(plain);
    if (content && engine_now_ms(call->service->engine) - json_member_int(content, "t", 0) > token_ms_max)
        json_release(&content);
    return json_take(&content);
}

bool call_page_position(struct service_call *call, const char *scope, char **ret_position)
{
    const char *token = call_text(call, "nextToken");
    *ret_position = NULL;
    if (token == NULL)
        return true;
    AUTO_JSON struct json_object *content = read_token(call, token);
    if (content == NULL) {
        call_fail(call, "InvalidToken", "Invalid Token: 'Invalid token'");
        return false;
    }
    if (strcmp(json_member_text(content, "o"), call->operation->name) != 0 ||
        strcmp(json_member_text(content, "s"), scope) != 0) {
        call_fail(call, "InvalidToken", "Invalid Token: 'Input inconsistent with page token'");
        return false;
    }
    *ret_position = mem_strdup(json_member_text(content, "p"));
    return true;
}

struct page {
    struct service_call *call;
    page_item_fn *fn;
    struct json_object *items;
    int limit;
    bool more;
    char *last; /* key of the last item */
};

static int add_item(void *context, const char *key, const char *body, int64_t version)
{
    struct page *page = context;
    (void)version;
    if ((int)json_object_array_length(page->items) == page->limit) {
        page->more = true;
        return 1;
    }
    AUTO_JSON struct json_object *document = NULL;
    if (json_parse(body, strlen(body), &document, NULL) < 0)
        return 0;
    json_append(page->items, page->fn(page->call, key, document));
    free(page->last);
    page->last = mem_strdup(key);
    return 0;
}

void call_page_of_documents(struct service_call *call, const char *kind, const char *member, page_item_fn *fn)
{
    char *position;
    if (!call_page_position(call, "", &position))
        return;
    struct page page = {.call = call, .fn = fn, .items = json_object_new_array(), .limit = call_page_size(call)};
    struct err err = {0};
    int code = store_documents(call->service->store, kind, "", position, false, page.limit + 1, add_item, &page, &err);
    struct json_object *output = json_object_new_object();
    json_add(output, member, page.items);
    if (page.more)
        page_add_token(call, output, "", page.last);
    if (code < 0) {
        json_object_put(output);
        call_fail_internal(call, code, &err);
    } else {
        call_succeed(call, output);
    }
    free(page.last);
    free(position);
}
