/*
 * sigv4.h - who sent a request: AWS Signature Version 4, checked.
 *
 * Promise   the signature is compared in constant time; a request is valid for 15 minutes around its date (that it
 *           is not taken twice meanwhile is replay.h);
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

struct sigv4_proof {
    const struct http_key *key;  /* that it was signed with */
    unsigned char signature[32]; /* SHA-256 */
    int64_t date_s;
};
struct sigv4_refusal {
    const char *error; /* of the API; static text */
    char message[320];
    int http_status;
};
/* 0 and the proof, or -1 and the refusal. */
int sigv4_check(const struct http_keys *keys, const struct sigv4_request *request, struct sigv4_proof *ret_proof,
                struct sigv4_refusal *ret_refusal);

#endif
