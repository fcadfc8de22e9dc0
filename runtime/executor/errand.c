/*
 * errand.c - the side that works: tasks of other nodes' executions, done by the handlers of this process.
 *
 * An errand ends with its report, which all its requests are answered with, or when the last of its requests is
 * cancelled: the asker does not want it any more, or the shard moved, and with it the request.
 */
#include "asl/base/arena.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/elsewhere_priv.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"
#include "runtime/task/functions.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Somebody who waits for the result. */
struct asked {
    TAILQ_ENTRY(asked) link;
    struct errand *errand;
    struct peer_request *request;
};

struct errand {
    struct errands *errands;
    struct json_object *json; /* of the task: its texts are borrowed from it */
    struct arena *arena;
    struct resource resource;
    struct task task;
    TAILQ_HEAD(asked_list, asked) asked;
};

struct errands {
    struct engine *engine;
    struct connector *functions;
    struct lh_table *by_token;
};

static const char *const report_names[] = {
    [TASK_STARTED] = "started", [TASK_SUBMITTED] = "submitted", [TASK_SUCCEEDED] = "succeeded",
    [TASK_FAILED] = "failed",   [TASK_TIMED_OUT] = "timedOut",
};

static struct json_object *report_json(const struct task_report *report)
{
    struct json_object *answer = json_object_new_object();
    json_add_text(answer, "report", report_names[report->kind]);
    json_add(answer, "output", json_object_get(report->output));
    if (report->error)
        json_add_text(answer, "error", report->error);
    if (report->cause)
        json_add_text(answer, "cause", report->cause);
    json_add_bool(answer, "handedOver", report->handed_over);
    return answer;
}

bool errand_read_report(struct json_object *answer, struct task_report *ret_report)
{
    const char *name = json_member_text(answer, "report");
    struct json_object *handed_over = NULL;
    *ret_report = (struct task_report){
        .error = json_member_text(answer, "error"),
        .cause = json_member_text(answer, "cause"),
    };
    json_member(answer, "output", &ret_report->output);
    json_member(answer, "handedOver", &handed_over);
    ret_report->handed_over = json_object_get_boolean(handed_over);
    for (size_t i = 0; name && i < sizeof report_names / sizeof *report_names; i++) {
        ret_report->kind = (enum task_report_kind)i;
        if (strcmp(name, report_names[i]) == 0)
            return true;
    }
    return false;
}

/* --- an errand's life --------------------------------------------------------------------------------------- */

static void asked_free(struct asked *asked)
{
    TAILQ_REMOVE(&asked->errand->asked, asked, link);
    free(asked);
}

static void errand_free(struct errand *errand)
{
    lh_table_delete(errand->errands->by_token, errand->task.idempotency_token);
    errand->errands->engine->errands_running--;
    json_object_put(errand->json);
    arena_free(errand->arena);
    free(errand);
}

static void on_report(struct task *task, const struct task_report *report)
{
    struct errand *errand = task->owner;
    AUTO_JSON struct json_object *answer = report_json(report);
    struct asked *asked;
    while ((asked = TAILQ_FIRST(&errand->asked)) != NULL) {
        struct peer_request *request = asked->request;
        asked_free(asked);
        peer_reply(request, 0, answer);
    }
    errand_free(errand);
}

static void stop(struct errand *errand)
{
    struct connector *functions = errand->errands->functions;
    functions->ops->cancel(functions, &errand->task);
    errand_free(errand);
}

static void on_cancelled(void *context, struct peer_request *request)
{
    (void)request;
    struct asked *asked = context;
    struct errand *errand = asked->errand;
    asked_free(asked);
    if (TAILQ_EMPTY(&errand->asked))
        stop(errand);
}

static void join(struct errand *errand, struct peer_request *request)
{
    struct asked *asked = NEW(struct asked);
    asked->errand = errand;
    asked->request = request;
    TAILQ_INSERT_TAIL(&errand->asked, asked, link);
    peer_on_cancel(request, on_cancelled, asked);
}

/* The task as it was sent; NULL where the text is none. */
static struct errand *read_errand(struct errands *errands, struct json_object *json)
{
    struct errand *errand = NEW(struct errand);
    const char *resource = json_member_text(json, "resource");
    errand->errands = errands;
    errand->json = json_object_get(json);
    errand->arena = arena_new(0);
    TAILQ_INIT(&errand->asked);
    errand->task = (struct task){
        .resource = &errand->resource,
        .state_name = json_member_text(json, "stateName"),
        .machine_name = json_member_text(json, "machineName"),
        .execution_arn = json_member_text(json, "executionArn"),
        .idempotency_token = json_member_text(json, "idempotencyToken"),
        .task_token = json_member_text(json, "taskToken"),
        .role_arn = json_member_text(json, "roleArn"),
        .attempt = json_member_int(json, "attempt", 0),
        .invocation = json_member_int(json, "invocation", 0),
        .deadline_ms = json_member_int(json, "deadlineMs", 0),
        .report = on_report,
        .owner = errand,
    };
    json_member(json, "input", &errand->task.input);
    const struct task *task = &errand->task;
    if (resource && resource_parse(errand->arena, resource, &errand->resource) && task->idempotency_token &&
        task->state_name && task->machine_name && task->execution_arn)
        return errand;
    json_object_put(errand->json);
    arena_free(errand->arena);
    free(errand);
    return NULL;
}

/* What cannot be read, as of a newer version, is refused as what is not here; and everything by a node that stops. */
static void refuse(struct errands *errands, struct peer_request *request)
{
    AUTO_JSON struct json_object *answer = json_object_new_object();
    json_add_text(answer, "refused", peer_self(errands->engine));
    peer_reply(request, 0, answer);
}

static void on_request(void *context, struct peer_request *request, struct json_object *json)
{
    struct errands *errands = context;
    const char *token = json_member_text(json, "idempotencyToken");
    void *found = NULL;
    char name[FUNCTION_NAME_CHARS_MAX + 1];
    if (token && lh_table_lookup_ex(errands->by_token, token, &found)) {
        join(found, request);
        return;
    }
    struct errand *errand = read_errand(errands, json);
    if (errand == NULL) {
        refuse(errands, request);
        return;
    }
    lh_table_insert(errands->by_token, errand->task.idempotency_token, errand);
    errands->engine->errands_running++;
    if (errands->engine->draining || !functions_task_name(&errand->task, name) ||
        !functions_has(errands->functions, name)) {
        errand_free(errand);
        refuse(errands, request);
        return;
    }
    join(errand, request);
    errands->functions->ops->start(errands->functions, &errand->task);
}

struct errands *errands_open(struct engine *engine, struct connector *functions)
{
    struct errands *errands = NEW(struct errands);
    errands->engine = engine;
    errands->functions = functions;
    errands->by_token = lh_kchar_table_new(64, NULL);
    peer_register(engine, ELSEWHERE_OPERATION, on_request, errands);
    return errands;
}

void errands_close(struct errands *errands)
{
    struct lh_entry *entry;
    while ((entry = lh_table_head(errands->by_token)) != NULL) {
        struct errand *errand = (struct errand *)lh_entry_v(entry);
        while (!TAILQ_EMPTY(&errand->asked))
            asked_free(TAILQ_FIRST(&errand->asked));
        stop(errand);
    }
    lh_table_free(errands->by_token);
    free(errands);
}
