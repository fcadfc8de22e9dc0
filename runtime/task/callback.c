#include "config.h"

#include "runtime/task/callback.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/deferred.h"
#include "runtime/task/service_answer.h"

#include <stdlib.h>

struct callback {
    struct connector connector;
    struct deferred deferred;
};

static bool callback_accepts(struct connector *connector, const struct task *task)
{
    (void)connector;
    return task->resource->kind == RESOURCE_SERVICE;
}

static void callback_start(struct connector *connector, struct task *task)
{
    struct callback *callback = (struct callback *)connector;
    if (task->resource->pattern == PATTERN_CALLBACK) {
        AUTO_JSON struct json_object *answer = service_answer(task->resource, task->input, task->idempotency_token);
        deferred_add(&callback->deferred, task,
                     &(struct task_report){.kind = TASK_SUBMITTED, .output = answer, .handed_over = true});
        return;
    }
    char *cause = mem_printf("There is no implementation of '%s' here. Supported are Lambda functions, lambda:invoke, "
                             "activities, states:startExecution, any service with .waitForTaskToken, and "
                             "answers from a mock file for everything else.",
                             task->resource->text);
    deferred_add(&callback->deferred, task,
                 &(struct task_report){.kind = TASK_FAILED, .error = "States.Runtime", .cause = cause});
    free(cause);
}

static void callback_cancel(struct connector *connector, struct task *task)
{
    deferred_cancel(&((struct callback *)connector)->deferred, task);
}

static void callback_close(struct connector *connector, int grace_ms)
{
    (void)grace_ms;
    struct callback *callback = (struct callback *)connector;
    deferred_release(&callback->deferred);
    free(callback);
}

static const struct connector_ops callback_ops = {.name = "callback",
                                                  .accepts = callback_accepts,
                                                  .start = callback_start,
                                                  .cancel = callback_cancel,
                                                  .close = callback_close};

struct connector *callback_open(struct event_base *base)
{
    struct callback *callback = NEW(struct callback);
    callback->connector.ops = &callback_ops;
    deferred_init(&callback->deferred, base);
    return &callback->connector;
}
