#include "config.h"

#include "runtime/task/service_answer.h"

#include "asl/base/json.h"
#include "asl/definition/resource.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hex_digest(const EVP_MD *kind, const char *text, size_t bytes, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(text, bytes, digest, &length, kind, NULL) != 1)
        length = 0;
    for (size_t i = 0; i < length && i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * (size_t)length] = '\0';
}

/* An id in the form of a UUID, made of a name for its use and the seed. */
static struct json_object *make_id(const char *use, const char *seed)
{
    AUTO_BUF text = BUF_INIT;
    char hex[65], id[37];
    buf_printf(&text, "%s %s", use, seed ? seed : "");
    hex_digest(EVP_sha256(), text.data, text.bytes, hex);
    snprintf(id, sizeof id, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
    return json_object_new_string(id);
}

/* MessageBody as it would be sent: a text as it is, anything else as its JSON text. */
static void add_body_digest(struct json_object *answer, struct json_object *parameters)
{
    struct json_object *body = NULL;
    AUTO_BUF text = BUF_INIT;
    char hex[65];
    json_member(parameters, "MessageBody", &body);
    if (json_object_is_type(body, json_type_string))
        buf_add(&text, json_object_get_string(body), (size_t)json_object_get_string_len(body));
    else
        json_write(&text, body);
    hex_digest(EVP_md5(), buf_text(&text), text.bytes, hex);
    json_add_text(answer, "MD5OfMessageBody", hex);
}

static void add_entries(struct json_object *answer, struct json_object *parameters, const char *seed)
{
    struct json_object *entries = NULL, *ids = json_object_new_array();
    json_member(parameters, "Entries", &entries);
    size_t count = json_object_is_type(entries, json_type_array) ? json_object_array_length(entries) : 0;
    for (size_t i = 0; i < count; i++) {
        char use[32];
        struct json_object *entry = json_object_new_object();
        snprintf(use, sizeof use, "event %zu", i);
        json_add(entry, "EventId", make_id(use, seed));
        json_append(ids, entry);
    }
    json_add(answer, "Entries", ids);
    json_add_int(answer, "FailedEntryCount", 0);
}

static struct json_object *http_metadata(void)
{
    struct json_object *metadata = json_object_new_object();
    json_add(metadata, "AllHttpHeaders", json_object_new_object());
    json_add(metadata, "HttpHeaders", json_object_new_object());
    json_add_int(metadata, "HttpStatusCode", 200);
    return metadata;
}

struct json_object *service_answer(const struct resource *resource, struct json_object *parameters, const char *seed)
{
    struct json_object *answer = json_object_new_object(), *metadata = json_object_new_object();
    if (strcmp(resource->service, "sqs") == 0 && strcmp(resource->operation, "sendMessage") == 0) {
        add_body_digest(answer, parameters);
        json_add(answer, "MessageId", make_id("message", seed));
    } else if (strcmp(resource->service, "sns") == 0 && strcmp(resource->operation, "publish") == 0) {
        json_add(answer, "MessageId", make_id("message", seed));
    } else if (strcmp(resource->service, "events") == 0 && strcmp(resource->operation, "putEvents") == 0) {
        add_entries(answer, parameters, seed);
    }
    json_add(answer, "SdkHttpMetadata", http_metadata());
    json_add(metadata, "RequestId", make_id("request", seed));
    json_add(answer, "SdkResponseMetadata", metadata);
    return answer;
}
