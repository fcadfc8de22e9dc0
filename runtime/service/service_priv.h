/*
 * service_priv.h - what the files of the operations share. Not for anyone else.
 *
 * A call   service_call() checks the input, makes a struct service_call and runs the operation. The operation
 *          answers with call_succeed(), call_succeed_text() or call_fail(), at once or from a callback of
 *          the engine; the call is gone then.
 * Writing  an operation reads a document with its version, puts the changed one into the engine's batch with
 *          that version, and waits with call_commit(). Where somebody else was quicker, the whole operation
 *          runs again from the start: it must not have side effects before.
 * Cancel   a call that was cancelled answers nobody; it lives on until what it waits for has come back,
 *          unless `cancel` ends it at once.
 */
#ifndef RUNTIME_SERVICE_SERVICE_PRIV_H
#define RUNTIME_SERVICE_SERVICE_PRIV_H

#include "asl/base/json.h"
#include "runtime/executor/engine.h"
#include "runtime/service/arn.h"
#include "runtime/service/service.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct service_call;

typedef void operation_fn(struct service_call *call);

struct operation {
    const char *name;
    operation_fn *run;
    enum service_access access;
};

/* Of RedriveExecution's requests, so that a repeated one is known. */
enum { REDRIVE_TOKENS = 256 };
struct redrive_token {
    char *arn, *token;
    int64_t redriven_ms;
};

struct service {
    struct service_options options;
    struct engine *engine;
    struct store *store;
    struct service_call *calls;                          /* all that are not answered yet */
    bool closing;                                        /* the last call that comes back from the engine frees it */
    struct redrive_token redrive_tokens[REDRIVE_TOKENS]; /* a ring */
    size_t redrive_token_next;
    struct record_cache *record_cache;
    char *arn_prefix; /* "arn:aws:states:REGION:ACCOUNT:" */
};

struct service_call {
    struct service *service;
    struct service_call *previous, *next;
    const struct operation *operation;
    struct json_object *input;
    service_answer_fn *answer;
    void *context;
    bool starting; /* inside service_call(): who answers does not free */
    bool answered;
    bool cancelled;
    bool again;                          /* it was carried out before, only the answer was lost */
    bool conflict;                       /* set by the commit: a document had been changed meanwhile */
    int runs;                            /* how often the operation was run */
    service_carried_out_fn *carried_out; /* or NULL */
    operation_fn *then;
    void (*cancel)(struct service_call *call); /* ends the wait at once; NULL: it cannot be ended */
    /* What the operation keeps while it waits. */
    struct json_object *output;
    char *text;
    int64_t moment_ms;
    void *waiting;
    void (*release)(void *waiting);
};

/* --- answers: each ends the call ----------------------------------------------------------------- */

/* Takes over `output`; NULL is the empty answer. */
void call_succeed(struct service_call *call, struct json_object *output);
void call_succeed_text(struct service_call *call, const struct buf *text);
void call_fail(struct service_call *call, const char *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with one more member of the error, as ValidationException's `reason`. */
void call_fail_with(struct service_call *call, const char *error, const char *member, const char *value,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Another node's answer: {"output"}, or {"error", "message", "output"}. */
void call_answer(struct service_call *call, struct json_object *answer);
/* An operating error: the store failed and the like. */
void call_fail_internal(struct service_call *call, int code, const struct err *err);

/* Goes on with `then` once the batch is durable; runs the operation again after a conflict. */
void call_commit(struct service_call *call, operation_fn *then);
/* Answers with call->output once the batch is durable. */
void call_commit_and_succeed(struct service_call *call, struct json_object *output);

/* What the call wants of an execution has just been put into the commit that is filling. */
void call_carried_out(struct service_call *call);

/* --- other nodes (forward.c) ------------------------------------------------------------------------- */

/*
 * Whether the shard is another node's: then that one is asked to do the call's operation with this input (NULL: the
 * call's own), and its answer ends the call. To be asked before anything has been done.
 */
bool call_forward(struct service_call *call, int shard, struct json_object *input);
/* The same for the shard of an execution. */
bool call_forward_arn(struct service_call *call, const char *execution_arn);

/* --- input ------------------------------------------------------------------------------------------ */

const char *call_text(const struct service_call *call, const char *name);
bool call_flag(const struct service_call *call, const char *name, bool otherwise);
/* includedData does not say METADATA_ONLY. */
bool call_wants_data(const struct service_call *call);
int64_t call_int(const struct service_call *call, const char *name, int64_t otherwise);

/*
 * Parses the ARN in an input and fails the call where it is none, or none of the kinds in the mask
 * (1 << ARN_MACHINE ...).
 */
enum {
    ANY_MACHINE = 1 << ARN_MACHINE,
    ANY_EXECUTION = 1 << ARN_EXECUTION,
    ANY_EXPRESS = 1 << ARN_EXPRESS,
    ANY_ACTIVITY = 1 << ARN_ACTIVITY,
    ANY_MAP_RUN = 1 << ARN_MAP_RUN
};
bool call_arn(struct service_call *call, const char *member, unsigned kinds, struct arn *ret_arn);
/* The ARN is of this region and account: others name nothing here. */
bool service_owns_arn(const struct service *service, const struct arn *arn);
/* "arn:aws:states:REGION:ACCOUNT:" and the rest; heap. */
char *service_arn(const struct service *service, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the parts one after the other, up to a NULL. */
char *service_arn_of(const struct service *service, const char *const parts[]);
/* Fails the call with InvalidName where the member is no proper name. */
bool call_name(struct service_call *call, const char *name);

/* --- output ------------------------------------------------------------------------------------------ */

/* Epoch seconds with milliseconds, as the API's timestamps are. */
struct json_object *api_time(int64_t ms);
/* A member that the model calls a float: AWS writes the whole ones as 5.0. */
struct json_object *api_float(double number);
/* The same as text, for answers that are written without a tree; ms is not negative. */
void api_write_time(struct buf *out, int64_t ms);
/* A further member: `,"name":"text"`; nothing where the text is NULL. */
void api_write_text(struct buf *out, const char *name, const char *text);

/* --- pages (page.c) ---------------------------------------------------------------------------------- */

/* maxResults as a number of items: 0 and nothing mean 100. */
int call_page_size(const struct service_call *call);
/*
 * The position that the input's nextToken stands for: heap, NULL for the first page. False: the call has
 * failed (InvalidToken). `scope` is what the listing is about; a token of another one is refused.
 */
bool call_page_position(struct service_call *call, const char *scope, char **ret_position);
/* Adds nextToken to an output. */
void page_add_token(struct service_call *call, struct json_object *output, const char *scope, const char *position);
char *page_token(struct service_call *call, const char *scope, const char *position);
/* What a listing shows of a document; the key and the document are borrowed, the item is the caller's. */
typedef struct json_object *page_item_fn(struct service_call *call, const char *key, struct json_object *document);
/* Answers with the next page of all documents of a kind, by their keys: items under `member`. */
void call_page_of_documents(struct service_call *call, const char *kind, const char *member, page_item_fn *fn);

/* --- records: documents of the store (records.c) ------------------------------------------------------------------ */

/* Reads a document: ERR_NOT_FOUND where there is none. */
int record_read(struct service *service, const char *kind, const char *key, struct json_object **ret_value,
                int64_t *ret_version, struct err *err);
/*
 * The same for those who only look: the tree may be shared with others and is not to be changed. Where the document is
 * still the one that was read before, which is compared, it is not parsed again.
 */
int record_look(struct service *service, const char *kind, const char *key, struct json_object **ret_value,
                struct err *err);
void record_cache_release(struct service *service);
/* Puts it into the batch; version 0 for a new one. */
void record_put(struct service_call *call, const char *kind, const char *key, struct json_object *value,
                int64_t version);
/* Checks and keeps a definition; the key is written to `key` (65 bytes). False: the call has failed
 * (InvalidDefinition). */
bool definition_accept(struct service_call *call, const char *text, bool express, char *key);
/* The text of a kept definition; heap, NULL where it is missing. */
char *definition_text(struct service *service, const char *key);

/* --- tags (tag.c) ------------------------------------------------------------------------------------- */

/* Checks the input's tags and merges them into `tags` (NULL: none yet): a new array. False: the call has failed. */
bool call_merge_tags(struct service_call *call, const char *resource_arn, struct json_object *tags,
                     struct json_object **ret_tags);

/* --- encryption (encryption.c) ------------------------------------------------------------------------ */

/*
 * The input's encryptionConfiguration (a new reference; NULL: none was given). False: the call has failed. A key of the
 * customer's is refused: nothing here encrypts with it, and to keep the wish alone would promise what is not done.
 */
bool encryption_read(struct service_call *call, struct json_object **ret_encryption);

/* --- operations --------------------------------------------------------------------------------------- */

#define OPERATION(name, function, access) operation_fn function;
#include "runtime/service/operations.def"
#undef OPERATION

#endif
