/*
 * sigv4.h - who sent a request: AWS Signature Version 4, checked.
 *
 * Promise   the signature is compared in constant time; a request is valid for 15 minutes around its date;
 *           the body's hash is part of what is signed, and an unsigned payload is refused.
 * Source    AWS General Reference "Signing AWS API requests"; reference/api.md section 1.
 */
#ifndef ORCHESTRATOR_HTTP_SIGV4_H
#define ORCHESTRATOR_HTTP_SIGV4_H

#include "runtime/service/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct json_object;

/* How far a request's date may be from our clock. */
enum { SIGV4_SKEW_SECONDS = 15 * 60 };

/* What a key may do: read; run (read, start, stop, tokens); admin (everything); token (workers only). */
enum http_role { ROLE_READ, ROLE_RUN, ROLE_ADMIN, ROLE_TOKEN };

struct http_key {
    const char *id;
    const char *secret;
    enum http_role role;
};

struct http_keys;
/* Reads [{"id", "secret", "role"}, ...] of the configuration file: ERR_INVALID names the faulty entry. */
int http_keys_read(struct json_object *list, struct http_keys **ret_keys, struct err *err);
void http_keys_free(struct http_keys *keys);

bool http_role_allows(enum http_role role, enum service_access access);

/* A request as it was received; header() gives a header's value by its lower-case name, or NULL. */
struct sigv4_request {
    const char *method;
    const char *path;  /* without the query */
    const char *query; /* or NULL */
    const char *(*header)(void *context, const char *name);
    void *header_context;
    const void *body;
    size_t body_bytes;
    int64_t now_s;
    const char *region;
};

/* 0 and the key it was signed with; else -1 with the API's error, its message (static texts) and HTTP status. */
struct sigv4_refusal {
    const char *error;
    const char *message;
    int http_status;
};
int sigv4_check(const struct http_keys *keys, const struct sigv4_request *request, const struct http_key **ret_key,
                struct sigv4_refusal *ret_refusal);

#endif
