/*
 * service.h - the operations of the AWS Step Functions API: JSON in, JSON out.
 *
 * One function serves the HTTP server, the command line on a store of its own, and requests of other
 * processes that come in through the store's inbox.
 *
 * Promise   input is checked against the service's model (runtime/service/model.h) before an operation sees it;
 *           an answer that acknowledges a change is given only after the change is durable.
 *           What concerns an execution that another node runs is asked of that node, and its answer is given; where
 *           none comes in time it is ServiceUnavailable (503), which clients try again.
 * Calling   on the loop thread; the answer comes once, possibly before service_call() returns.
 * Source    reference/api.md and the model beside it.
 */
#ifndef RUNTIME_SERVICE_SERVICE_H
#define RUNTIME_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

struct connector;
struct engine;
struct err;
struct json_object;
struct service;
struct service_call;

struct service_answer {
    const char *error; /* NULL: success; else "StateMachineDoesNotExist" ... */
    const char *message;
    int http_status; /* 200, 400 ... */
    struct json_object
        *output;             /* success: the answer, or NULL when output_text is set; error: further members or NULL */
    const char *output_text; /* success: the answer as JSON text, for large ones */
    size_t output_bytes;
};
typedef void service_answer_fn(void *context, const struct service_answer *answer);

struct service_options {
    struct engine *engine;
    const char *buckets;    /* folder that stands for S3, or NULL */
    struct connector *mock; /* of the mock file, or NULL (owned by the engine) */
    void (*log)(void *context, int level, const char *message);
    void *log_context;
};

int service_open(const struct service_options *options, struct service **ret_service, struct err *err);
/* Nobody is answered any more. To be closed before the engine, whose last commits end what is left. */
void service_close(struct service *service);

/*
 * Carries out "StartExecution" ... NULL is returned when the answer was given already; else a call that may
 * be cancelled (the client went away), after which no answer comes.
 */
struct service_call *service_call(struct service *service, const char *operation, struct json_object *input,
                                  service_answer_fn *answer, void *context);
/*
 * The same of a request that somebody may read again because its answer got lost. carried_out is called when what it
 * wants has just been put into the commit that is filling: before the answer, or never. again: that was so before, and
 * that commit is on disk; nothing is done then but to answer.
 */
typedef void service_carried_out_fn(void *context);
struct service_call *service_call_asked(struct service *service, const char *operation, struct json_object *input,
                                        bool again, service_carried_out_fn *carried_out, service_answer_fn *answer,
                                        void *context);
void service_cancel(struct service *service, struct service_call *call);

/* Whether the operation exists, and what it needs: for authorisation and the audit log. */
enum service_access { SERVICE_UNKNOWN, SERVICE_READ, SERVICE_RUN, SERVICE_ADMIN, SERVICE_TOKEN };
enum service_access service_access_of(const char *operation);

#endif
