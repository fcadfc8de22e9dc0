/*
 * elsewhere.c - the side that asks: which node a task is sent to, and what becomes of it.
 *
 *            a node is chosen            answer: report
 *   start() ────────────────▶ SENT ──────────────────────▶ (over)
 *              ▲               │ refused, lost
 *              │ after a while ▼
 *              └──────────── WAITING ──nobody has it──▶ HERE: our own handlers find words for it
 */
#include "runtime/executor/elsewhere.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/elsewhere_priv.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/task/functions.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    LOOK_MS = 5000,  /* between two looks at which functions are here */
    AGAIN_MS = 300,  /* before a task that was refused is sent again: nodes tell what they have within a second */
    NODES_MAX = 1024 /* that one task is offered to before it waits */
};

struct elsewhere {
    struct connector connector;
    struct engine *engine;
    struct connector *functions;
    struct errands *errands;
    struct json_object *names; /* as they were told last */
    struct event *look;
    size_t turn;
    TAILQ_HEAD(sent_list, sent) sent;
};

enum sent_phase { SENT, WAITING, HERE };

/* A task that left; connector_data of the task. */
struct sent {
    TAILQ_ENTRY(sent) link;
    struct elsewhere *elsewhere;
    struct task *task;
    char name[FUNCTION_NAME_CHARS_MAX + 1];
    enum sent_phase phase;
    struct peer_call *call;      /* SENT */
    struct event *again;         /* WAITING */
    struct task here;            /* HERE: a copy, for the handlers of this process */
    struct json_object *refused; /* names of nodes that did not have it after all: an object, or NULL */
};

static void sent_free(struct sent *sent)
{
    TAILQ_REMOVE(&sent->elsewhere->sent, sent, link);
    sent->task->connector_data = NULL;
    if (sent->again)
        event_free(sent->again);
    json_object_put(sent->refused);
    free(sent);
}

static void report_and_free(struct sent *sent, const struct task_report *report)
{
    struct task *task = sent->task;
    sent_free(sent);
    task->report(task, report);
}

/* --- which node ------------------------------------------------------------------------------------------ */

struct search {
    const char *name;
    struct json_object *refused;
    char *nodes[NODES_MAX];
    size_t count;  /* of nodes that can be sent to */
    bool declared; /* by somebody */
};

static int by_text(const void *a, const void *b)
{
    struct json_object *const *left = a, *const *right = b;
    return strcmp(json_object_get_string(*left), json_object_get_string(*right));
}

static bool declares(struct json_object *info, const char *name)
{
    struct json_object *functions;
    if (!json_member(info, "functions", &functions) || !json_object_is_type(functions, json_type_array))
        return false;
    AUTO_JSON struct json_object *key = json_object_new_string(name);
    return json_object_array_bsearch(key, functions, by_text) != NULL;
}

static void consider(void *context, const struct peer_node *node)
{
    struct search *search = context;
    if (node->is_self || !declares(node->info, search->name))
        return;
    search->declared = true;
    bool refused = search->refused && json_object_object_get_ex(search->refused, node->name, NULL);
    if (node->shard >= 0 && !refused && search->count < NODES_MAX)
        search->nodes[search->count++] = mem_strdup(node->name);
}

static void search_release(struct search *search)
{
    for (size_t i = 0; i < search->count; i++)
        free(search->nodes[i]);
}

static bool somebody_declares(struct elsewhere *elsewhere, const char *name)
{
    struct search search = {.name = name};
    peer_nodes(elsewhere->engine, consider, &search);
    search_release(&search);
    return search.declared;
}

/* --- sending ---------------------------------------------------------------------------------------------- */

static void send_out(struct sent *sent);

static struct json_object *task_json(const struct task *task)
{
    struct json_object *object = json_object_new_object();
    json_add_text(object, "resource", task->resource->text);
    json_add(object, "input", json_object_get(task->input));
    json_add_text(object, "stateName", task->state_name);
    json_add_text(object, "machineName", task->machine_name);
    json_add_text(object, "executionArn", task->execution_arn);
    json_add_text(object, "idempotencyToken", task->idempotency_token);
    if (task->task_token)
        json_add_text(object, "taskToken", task->task_token);
    if (task->role_arn)
        json_add_text(object, "roleArn", task->role_arn);
    json_add_int(object, "attempt", task->attempt);
    json_add_int(object, "invocation", task->invocation);
    json_add_int(object, "deadlineMs", task->deadline_ms);
    return object;
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct sent *sent = context;
    json_release(&sent->refused); /* they may have it by now, or have said that they have not */
    send_out(sent);
}

static void wait_a_while(struct sent *sent)
{
    struct timeval delay = {.tv_usec = AGAIN_MS * 1000};
    sent->phase = WAITING;
    if (sent->again == NULL)
        sent->again = evtimer_new(engine_base(sent->elsewhere->engine), on_again, sent);
    event_add(sent->again, &delay);
}

static void on_answer(void *context, int code, struct json_object *answer, const struct err *err)
{
    (void)err;
    struct sent *sent = context;
    struct task_report report;
    sent->call = NULL;
    const char *refused = code == 0 ? json_member_text(answer, "refused") : NULL;
    if (code == 0 && errand_read_report(answer, &report)) {
        report_and_free(sent, &report);
    } else if (refused) {
        if (sent->refused == NULL)
            sent->refused = json_object_new_object();
        json_add_bool(sent->refused, refused, true);
        send_out(sent);
    } else {
        wait_a_while(sent);
    }
}

static void report_from_here(struct task *here, const struct task_report *report)
{
    report_and_free(here->owner, report);
}

static void do_here(struct sent *sent)
{
    struct connector *functions = sent->elsewhere->functions;
    sent->phase = HERE;
    sent->here = *sent->task;
    sent->here.report = report_from_here;
    sent->here.owner = sent;
    sent->here.connector_data = NULL;
    functions->ops->start(functions, &sent->here);
}

static void send_out(struct sent *sent)
{
    struct elsewhere *elsewhere = sent->elsewhere;
    struct search search = {.name = sent->name, .refused = sent->refused};
    peer_nodes(elsewhere->engine, consider, &search);
    int shard = -1;
    if (search.count)
        shard = peer_shard_of(elsewhere->engine, search.nodes[elsewhere->turn++ % search.count]);
    if (shard >= 0) {
        AUTO_JSON struct json_object *task = task_json(sent->task);
        sent->phase = SENT;
        sent->call = peer_ask(elsewhere->engine, shard, ELSEWHERE_OPERATION, task, 0, on_answer, sent);
    } else if (search.declared) {
        wait_a_while(sent);
    } else {
        do_here(sent);
    }
    search_release(&search);
}

/* --- the connector ------------------------------------------------------------------------------------------ */

static bool elsewhere_accepts(struct connector *connector, const struct task *task)
{
    struct elsewhere *elsewhere = (struct elsewhere *)connector;
    char name[FUNCTION_NAME_CHARS_MAX + 1];
    return functions_task_name(task, name) && !functions_called(elsewhere->functions, name) &&
           somebody_declares(elsewhere, name) && !functions_has(elsewhere->functions, name);
}

static void elsewhere_start(struct connector *connector, struct task *task)
{
    struct elsewhere *elsewhere = (struct elsewhere *)connector;
    struct sent *sent = NEW(struct sent);
    sent->elsewhere = elsewhere;
    sent->task = task;
    functions_task_name(task, sent->name);
    task->connector_data = sent;
    TAILQ_INSERT_TAIL(&elsewhere->sent, sent, link);
    send_out(sent);
}

static void drop(struct sent *sent)
{
    struct elsewhere *elsewhere = sent->elsewhere;
    if (sent->call)
        peer_cancel(elsewhere->engine, sent->call);
    if (sent->phase == HERE)
        elsewhere->functions->ops->cancel(elsewhere->functions, &sent->here);
    sent_free(sent);
}

static void elsewhere_cancel(struct connector *connector, struct task *task)
{
    (void)connector;
    drop(task->connector_data);
}

static void elsewhere_close(struct connector *connector, int grace_ms)
{
    (void)grace_ms;
    struct elsewhere *elsewhere = (struct elsewhere *)connector;
    struct sent *sent;
    while ((sent = TAILQ_FIRST(&elsewhere->sent)) != NULL)
        drop(sent);
    errands_close(elsewhere->errands);
    event_free(elsewhere->look);
    json_object_put(elsewhere->names);
    free(elsewhere);
}

/* --- what is here -------------------------------------------------------------------------------------------- */

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct elsewhere *elsewhere = context;
    struct json_object *names = functions_names(elsewhere->functions);
    if (elsewhere->names && json_same(names, elsewhere->names)) {
        json_object_put(names);
        return;
    }
    json_object_put(elsewhere->names);
    elsewhere->names = names;
    peer_set_info(elsewhere->engine, "functions", names);
}

static const struct connector_ops elsewhere_ops = {.name = "elsewhere",
                                                   .accepts = elsewhere_accepts,
                                                   .start = elsewhere_start,
                                                   .cancel = elsewhere_cancel,
                                                   .close = elsewhere_close};

struct connector *elsewhere_open(struct engine *engine, struct connector *functions)
{
    struct elsewhere *elsewhere = NEW(struct elsewhere);
    struct timeval interval = {LOOK_MS / 1000, LOOK_MS % 1000 * 1000};
    elsewhere->connector.ops = &elsewhere_ops;
    elsewhere->engine = engine;
    elsewhere->functions = functions;
    elsewhere->errands = errands_open(engine, functions);
    TAILQ_INIT(&elsewhere->sent);
    elsewhere->look = event_new(engine_base(engine), -1, EV_PERSIST, on_look, elsewhere);
    event_add(elsewhere->look, &interval);
    on_look(-1, 0, elsewhere);
    return &elsewhere->connector;
}
