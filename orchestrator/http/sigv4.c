#include "orchestrator/http/sigv4.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* --- keys ------------------------------------------------------------------------------------------------ */

struct http_keys {
    struct http_key *list;
    size_t count;
    struct json_object *source; /* owns the texts */
};

static const char *const role_names[] = {"read", "run", "admin", "token"};

int http_keys_read(struct json_object *list, struct http_keys **ret_keys, struct err *err)
{
    if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
        return err_set(err, ERR_INVALID, "\"keys\" must be a list of {id, secret, role}");
    struct http_keys *keys = NEW(struct http_keys);
    keys->count = json_object_array_length(list);
    keys->list = mem_zalloc(keys->count * sizeof *keys->list);
    keys->source = json_object_get(list);
    for (size_t i = 0; i < keys->count; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        struct http_key *key = &keys->list[i];
        const char *role = json_member_text(entry, "role");
        key->id = json_member_text(entry, "id");
        key->secret = json_member_text(entry, "secret");
        bool known = false;
        for (size_t k = 0; role && k < sizeof role_names / sizeof role_names[0]; k++)
            if (strcmp(role, role_names[k]) == 0) {
                key->role = (enum http_role)k;
                known = true;
            }
        if (key->id == NULL || key->secret == NULL || strlen(key->secret) < 16 || !known) {
            http_keys_free(keys);
            return err_set(
                err, ERR_INVALID,
                "keys[%zu] needs an id, a secret of at least 16 characters and a role of read, run, admin or "
                "token",
                i);
        }
    }
    *ret_keys = keys;
    return 0;
}

void http_keys_free(struct http_keys *keys)
{
    if (keys == NULL)
        return;
    json_object_put(keys->source);
    free(keys->list);
    free(keys);
}

bool http_role_allows(enum http_role role, enum service_access access)
{
    switch (role) {
    case ROLE_READ:
        return access == SERVICE_READ;
    case ROLE_RUN:
        return access == SERVICE_READ || access == SERVICE_RUN || access == SERVICE_TOKEN;
    case ROLE_ADMIN:
        return true;
    case ROLE_TOKEN:
        return access == SERVICE_TOKEN;
    }
    return false;
}

static const struct http_key *find_key(const struct http_keys *keys, const char *id, size_t bytes)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strlen(keys->list[i].id) == bytes && memcmp(keys->list[i].id, id, bytes) == 0)
            return &keys->list[i];
    return NULL;
}

/* --- the Authorization header ------------------------------------------------------------------------------ */

/* Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX */
struct authorization {
    const char *id;
    size_t id_bytes;
    const char *scope; /* DATE/REGION/SERVICE/aws4_request */
    size_t scope_bytes;
    const char *headers;
    size_t headers_bytes;
    const char *signature;
    size_t signature_bytes;
};

static bool part(const char *text, const char *name, const char **ret_value, size_t *ret_bytes)
{
    const char *at = strstr(text, name);
    if (at == NULL)
        return false;
    *ret_value = at + strlen(name);
    *ret_bytes = strcspn(*ret_value, ", ");
    return *ret_bytes > 0;
}

static bool parse_authorization(const char *text, struct authorization *ret)
{
    static const char algorithm[] = "AWS4-HMAC-SHA256 ";
    const char *credential;
    size_t bytes;
    if (strncmp(text, algorithm, sizeof algorithm - 1) != 0 || !part(text, "Credential=", &credential, &bytes) ||
        !part(text, "SignedHeaders=", &ret->headers, &ret->headers_bytes) ||
        !part(text, "Signature=", &ret->signature, &ret->signature_bytes))
        return false;
    const char *slash = memchr(credential, '/', bytes);
    if (slash == NULL)
        return false;
    ret->id = credential;
    ret->id_bytes = (size_t)(slash - credential);
    ret->scope = slash + 1;
    ret->scope_bytes = bytes - ret->id_bytes - 1;
    return true;
}

/* yyyymmddThhmmssZ */
static bool parse_date(const char *text, int64_t *ret_seconds)
{
    struct tm tm = {0};
    if (strlen(text) != 16)
        return false;
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &tm);
    if (end == NULL || *end)
        return false;
    *ret_seconds = timegm(&tm);
    return true;
}

/* --- the canonical request -------------------------------------------------------------------------------- */

static void add_hex(struct buf *out, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%02x", bytes[i]);
}

static void add_hash(struct buf *out, const void *data, size_t bytes)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(data, bytes, digest);
    add_hex(out, digest, sizeof digest);
}

/* A header's value without outer blanks, runs of blanks as one. */
static void add_trimmed(struct buf *out, const char *value)
{
    bool blank = false;
    value += strspn(value, " \t");
    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            blank = true;
            continue;
        }
        if (blank)
            buf_add_char(out, ' ');
        blank = false;
        buf_add_char(out, *value);
    }
}

/* The signed headers, which must hold the host, the date and the operation. False: they do not. */
static bool add_headers(struct buf *out, const struct authorization *authorization, const struct sigv4_request *request)
{
    char names[2048];
    bool host = false, date = false, target = false;
    if (authorization->headers_bytes >= sizeof names)
        return false;
    memcpy(names, authorization->headers, authorization->headers_bytes);
    names[authorization->headers_bytes] = '\0';
    char *rest = NULL;
    for (char *name = strtok_r(names, ";", &rest); name; name = strtok_r(NULL, ";", &rest)) {
        const char *value = request->header(request->header_context, name);
        if (value == NULL)
            return false;
        host |= strcmp(name, "host") == 0;
        date |= strcmp(name, "x-amz-date") == 0;
        target |= strcmp(name, "x-amz-target") == 0;
        buf_printf(out, "%s:", name);
        add_trimmed(out, value);
        buf_add_char(out, '\n');
    }
    return host && date && target;
}

static bool canonical_request(struct buf *out, const struct authorization *authorization,
                              const struct sigv4_request *request)
{
    buf_printf(out, "%s\n%s\n%s\n", request->method, request->path, request->query ? request->query : "");
    if (!add_headers(out, authorization, request))
        return false;
    buf_add_char(out, '\n');
    buf_add(out, authorization->headers, authorization->headers_bytes);
    buf_add_char(out, '\n');
    add_hash(out, request->body, request->body_bytes);
    return true;
}

static void hmac(const void *key, size_t key_bytes, const void *data, size_t bytes,
                 unsigned char out[SHA256_DIGEST_LENGTH])
{
    unsigned length = SHA256_DIGEST_LENGTH;
    HMAC(EVP_sha256(), key, (int)key_bytes, data, bytes, out, &length);
}

/* The signing key is the secret, hashed with each part of the scope. */
static void sign(const struct http_key *key, const struct authorization *authorization, const struct buf *text,
                 unsigned char out[SHA256_DIGEST_LENGTH])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *secret = mem_printf("AWS4%s", key->secret);
    const void *with = secret;
    size_t with_bytes = strlen(secret);
    const char *at = authorization->scope;
    const char *end = at + authorization->scope_bytes;
    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (slash == NULL)
            slash = end;
        hmac(with, with_bytes, at, (size_t)(slash - at), digest);
        with = digest;
        with_bytes = sizeof digest;
        at = slash + 1;
    }
    OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
    hmac(digest, sizeof digest, text->data, text->bytes, out);
    OPENSSL_cleanse(digest, sizeof digest);
}

/* Fills the refusal; returns -1. */
static int refuse(struct sigv4_refusal *refusal, const char *error, const char *format, ...) ERR_PRINTF(3, 4);
static int refuse(struct sigv4_refusal *refusal, const char *error, const char *format, ...)
{
    va_list arguments;
    *refusal = (struct sigv4_refusal){.error = error, .http_status = 403};
    va_start(arguments, format);
    vsnprintf(refusal->message, sizeof refusal->message, format, arguments);
    va_end(arguments);
    return -1;
}

static void write_date(int64_t seconds, char out[20])
{
    time_t time = (time_t)seconds;
    struct tm utc;
    strftime(out, 20, "%Y%m%dT%H%M%SZ", gmtime_r(&time, &utc));
}

/* 0: the date is near enough to our clock. */
static int check_date(const char *date, int64_t date_s, int64_t now_s, struct sigv4_refusal *refusal)
{
    char now[20], bound[20];
    bool early = date_s > now_s;
    if (llabs(now_s - date_s) <= SIGV4_SKEW_SECONDS)
        return 0;
    write_date(now_s, now);
    write_date(now_s + (early ? SIGV4_SKEW_SECONDS : -SIGV4_SKEW_SECONDS), bound);
    return refuse(refusal, "InvalidSignatureException", "%s: %s is %s than %s (%s %c %d min.)",
                  early ? "Signature not yet current" : "Signature expired", date,
                  early ? "still later" : "now earlier", bound, now, early ? '+' : '-', SIGV4_SKEW_SECONDS / 60);
}

/* 0: the scope is DATE/REGION/states/aws4_request of the request's date and this region. */
static int check_scope(const struct authorization *authorization, const char *date, const char *region,
                       struct sigv4_refusal *refusal)
{
    char scope[128], *rest = NULL;
    snprintf(scope, sizeof scope, "%.*s", (int)authorization->scope_bytes, authorization->scope);
    const char *scope_date = strtok_r(scope, "/", &rest);
    const char *scope_region = strtok_r(NULL, "/", &rest);
    const char *service = strtok_r(NULL, "/", &rest);
    const char *end = strtok_r(NULL, "", &rest);
    if (end == NULL || strcmp(end, "aws4_request") != 0)
        return refuse(refusal, "IncompleteSignatureException",
                      "Credential must have exactly 5 slash-delimited elements, e.g. "
                      "keyid/date/region/service/term");
    if (strncmp(scope_date, date, 8) != 0 || strlen(scope_date) != 8)
        return refuse(refusal, "InvalidSignatureException",
                      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                      "'%.32s' != '%.8s', from '%s'.",
                      scope_date, date, date);
    if (strcmp(scope_region, region) != 0)
        return refuse(refusal, "InvalidSignatureException",
                      "Credential should be scoped to a valid region, not '%.32s'.", scope_region);
    if (strcmp(service, "states") != 0)
        return refuse(refusal, "InvalidSignatureException",
                      "Credential should be scoped to correct service: 'states'.");
    return 0;
}

/* The client may state the body's hash; it must be the true one. */
static bool body_hash_fits(const struct sigv4_request *request)
{
    const char *stated = request->header(request->header_context, "x-amz-content-sha256");
    if (stated == NULL)
        return true;
    AUTO_BUF hash = BUF_INIT;
    add_hash(&hash, request->body, request->body_bytes);
    return strcasecmp(buf_text(&hash), stated) == 0;
}

/* 0: the signature is the one that the key makes of the request. */
static int check_signature(const struct http_key *key, const struct authorization *authorization, const char *date,
                           const struct sigv4_request *request, unsigned char ret_signature[SHA256_DIGEST_LENGTH],
                           struct sigv4_refusal *refusal)
{
    AUTO_BUF canonical = BUF_INIT;
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;
    if (!canonical_request(&canonical, authorization, request) || !body_hash_fits(request))
        return refuse(refusal, "InvalidSignatureException",
                      "The signature must cover the host, the date, the target and the body.");
    buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n", date);
    buf_add(&text, authorization->scope, authorization->scope_bytes);
    buf_add_char(&text, '\n');
    add_hash(&text, canonical.data, canonical.bytes);
    sign(key, authorization, &text, ret_signature);
    add_hex(&expected, ret_signature, SHA256_DIGEST_LENGTH);
    if (authorization->signature_bytes == expected.bytes &&
        CRYPTO_memcmp(authorization->signature, expected.data, expected.bytes) == 0)
        return 0;
    return refuse(
        refusal, "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
        "Access Key and signing method. Consult the service documentation for details.");
}

int sigv4_check(const struct http_keys *keys, const struct sigv4_request *request, struct sigv4_proof *ret_proof,
                struct sigv4_refusal *ret_refusal)
{
    const char *header = request->header(request->header_context, "authorization");
    const char *date = request->header(request->header_context, "x-amz-date");
    struct authorization authorization;
    struct sigv4_proof proof = {0};
    if (header == NULL)
        return refuse(ret_refusal, "MissingAuthenticationTokenException", "Missing Authentication Token");
    if (!parse_authorization(header, &authorization) || date == NULL || !parse_date(date, &proof.date_s))
        return refuse(ret_refusal, "IncompleteSignatureException",
                      "Authorization header or X-Amz-Date is missing or malformed");
    proof.key = find_key(keys, authorization.id, authorization.id_bytes);
    if (proof.key == NULL)
        return refuse(ret_refusal, "UnrecognizedClientException",
                      "The security token included in the request is invalid.");
    if (check_date(date, proof.date_s, request->now_s, ret_refusal) < 0 ||
        check_scope(&authorization, date, request->region, ret_refusal) < 0 ||
        check_signature(proof.key, &authorization, date, request, proof.signature, ret_refusal) < 0)
        return -1;
    *ret_proof = proof;
    return 0;
}
