/*
 * What an engine does about commits that get lost, and about those of which nobody knows: whatever is told to somebody
 * rests on what is in the store, and whatever is there goes on.
 */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/executor/peer.h"
#include "runtime/service/inbox.h"
#include "runtime/service/nested.h"
#include "runtime/service/service.h"
#include "runtime/task/connector.h"
#include "tests/unit/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- tasks that end when the test says so --------------------------------------------------------------------- */

enum { TASKS_MAX = 8 };

struct hands {
    struct connector connector;
    struct task *tasks[TASKS_MAX]; /* at work */
    int started;
    bool has_started; /* since it was last false */
    char token[256];  /* of the last one */
};

static bool hands_accepts(struct connector *connector, const struct task *task)
{
    (void)connector, (void)task;
    return true;
}

static void hands_start(struct connector *connector, struct task *task)
{
    struct hands *hands = (struct hands *)connector;
    int place = 0;
    while (hands->tasks[place])
        place++;
    hands->tasks[place] = task;
    hands->started++;
    hands->has_started = true;
    snprintf(hands->token, sizeof hands->token, "%s", task->task_token ? task->task_token : "");
}

static void hands_cancel(struct connector *connector, struct task *task)
{
    struct hands *hands = (struct hands *)connector;
    for (int i = 0; i < TASKS_MAX; i++)
        if (hands->tasks[i] == task)
            hands->tasks[i] = NULL;
}

static void hands_close(struct connector *connector, int grace_ms)
{
    (void)connector, (void)grace_ms;
}

static const struct connector_ops hands_ops = {
    .name = "hands", .accepts = hands_accepts, .start = hands_start, .cancel = hands_cancel, .close = hands_close};

/* Of a task that is at work. */
static void report(struct hands *hands, enum task_report_kind kind)
{
    int place = 0;
    while (hands->tasks[place] == NULL)
        place++;
    struct task *task = hands->tasks[place];
    hands->tasks[place] = NULL;
    struct task_report report = {.kind = kind, .error = kind == TASK_FAILED ? "Bad" : NULL, .handed_over = true};
    task->report(task, &report);
}

static void open_with(struct fixture *f, struct hands *hands)
{
    hands->connector.ops = &hands_ops;
    f->connector = &hands->connector;
    open_engine(f, false);
}

#define WORK                                                                                                           \
    "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Task\","                                                         \
    "\"Resource\":\"arn:aws:lambda:us-east-1:123456789012:function:work\",\"End\":true}}}"

#define ASK                                                                                                            \
    "{\"StartAt\":\"Q\",\"States\":{\"Q\":{\"Type\":\"Task\","                                                         \
    "\"Resource\":\"arn:aws:states:::lambda:invoke.waitForTaskToken\","                                                \
    "\"Parameters\":{\"FunctionName\":\"work\",\"Payload\":{\"token.$\":\"$$.Task.Token\"}},\"Next\":\"W\"},"          \
    "\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"End\":true}}}"

#define SHORT "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"

static bool is_struck(struct fixture *f)
{
    for (int i = 0; i < 1000 && !store_fault_struck(f->store); i++) {
        struct timeval pause = {0, 10000};
        event_base_loopexit(f->base, &pause);
        event_base_loop(f->base, EVLOOP_ONCE);
    }
    return store_fault_struck(f->store);
}

/* Until a commit is written and its answer held back. */
static void wait_held(struct fixture *f)
{
    while (!store_fault_held(f->store))
        event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void turn(struct fixture *f, int times)
{
    for (int i = 0; i < times; i++)
        event_base_loop(f->base, EVLOOP_NONBLOCK);
}

/* All that was done before is on disk. */
static void settle(struct fixture *f)
{
    struct answer answer = {0};
    engine_on_commit(f->engine, on_done, &answer);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
    turn(f, 3);
}

/* Somebody else has the shard, as after a pause of this process. Before it was looked for, this one knows nothing. */
static void lose_shard(struct fixture *f)
{
    struct store *other;
    int64_t epoch = 0;
    assert_int_equal(store_open(f->url, &other, NULL), 0);
    assert_int_equal(store_lease_take(other, peer_self(f->engine), (const int[]){0}, NULL, 1, &epoch, NULL), 0);
    assert_int_not_equal(epoch, 0);
    store_close(other);
}

static void look_for_shards(struct fixture *f)
{
    AUTO_JSON struct json_object *yes = json_object_new_boolean(true);
    peer_set_info(f->engine, "look", yes);
}

/* --- tasks ---------------------------------------------------------------------------------------------------- */

/* What was at work when the process ended is started again by a commit that holds no event of it. */
static void a_task_is_taken_up_though_the_commit_before_it_is_lost(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    close_engine(f);

    hands = (struct hands){0};
    open_with(f, &hands);
    store_fault_arm_commit(f->store, 1, ERR_BUSY, false);
    assert_true(is_struck(f));
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_SUCCEEDED);
    struct ending again = {0};
    assert_int_equal(engine_watch(f->engine, EXECUTION_ARN("one"), on_ended, &again), 0);
    assert_true(comes_true(f, &again.over));
    assert_int_equal(again.status, EXECUTION_SUCCEEDED);
    close_engine(f);
}

/* The commit is written, and before that is known here the execution leaves memory with its shard. */
static void a_task_that_is_taken_up_may_be_lost_with_its_shard(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    close_engine(f);

    hands = (struct hands){0};
    open_with(f, &hands);
    store_fault_hold(f->store);
    wait_held(f);
    lose_shard(f);
    look_for_shards(f);
    turn(f, 10);
    store_fault_let_go(f->store);
    assert_true(comes_true(f, &hands.has_started)); /* the shard is free, and was taken again */
    assert_int_equal(hands.started, 1);
    close_engine(f);
}

/* --- what is told --------------------------------------------------------------------------------------------- */

/* Why a commit of many failed says nothing about one of them. */
static void a_lost_commit_refuses_nobody(void **state)
{
    struct fixture *f = *state;
    static const enum err_code codes[] = {ERR_EXISTS, ERR_NOT_FOUND, ERR_INVALID};
    char key[65];
    struct ending ending = {0};
    open_engine(f, false);
    put_definition(f, SHORT, key);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct answer answer;
        store_fault_arm_commit(f->store, 1, codes[i], false);
        begin_start(f, key, "one", "{}", &answer, &ending);
        wait_for_answer(f, &answer);
        assert_int_equal(answer.code, ERR_BUSY);
    }
    close_engine(f);
}

/* The end is in the store, and nobody says so. */
static void who_waits_for_an_end_learns_of_it_though_its_commit_counts_as_lost(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    store_fault_arm_commit(f->store, 1, ERR_BUSY, true);
    report(&hands, TASK_SUCCEEDED);
    assert_true(comes_true(f, &ending.over));
    assert_int_equal(ending.status, EXECUTION_SUCCEEDED);
    close_engine(f);
}

static void complete(struct fixture *f, const char *token, struct answer *answer)
{
    *answer = (struct answer){0};
    engine_complete_token(f->engine, &(struct engine_completion){
                                         .token = token, .action = TOKEN_SUCCESS, .done = on_done, .context = answer});
}

/* The first answer may still be lost, so the second cannot be told that it is too late. */
static void an_answer_is_too_late_only_after_one_that_is_durable(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    struct answer first, second, third;
    open_with(f, &hands);
    start(f, ASK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_SUBMITTED);
    settle(f);

    store_fault_arm_commit(f->store, 1, ERR_BUSY, false);
    store_fault_hold(f->store);
    complete(f, hands.token, &first);
    wait_held(f);
    complete(f, hands.token, &second);
    turn(f, 10);
    assert_false(second.given);
    store_fault_let_go(f->store);
    wait_for_answer(f, &first);
    wait_for_answer(f, &second);
    assert_int_equal(first.code, ERR_BUSY);
    assert_int_equal(second.code, ERR_BUSY);

    complete(f, hands.token, &third);
    wait_for_answer(f, &third);
    assert_int_equal(third.code, 0);
    complete(f, hands.token, &third);
    wait_for_answer(f, &third);
    assert_int_equal(third.code, ERR_NOT_FOUND);
    close_engine(f);
}

/* The same of an execution that was redriven already. */
static void a_redrive_is_refused_only_after_one_that_is_durable(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    struct answer first = {0}, second = {0}, third = {0};
    open_with(f, &hands);
    start(f, WORK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_FAILED);
    assert_true(comes_true(f, &ending.over));

    store_fault_arm_commit(f->store, 1, ERR_BUSY, false);
    store_fault_hold(f->store);
    engine_redrive(f->engine, EXECUTION_ARN("one"), on_done, &first);
    wait_held(f);
    engine_redrive(f->engine, EXECUTION_ARN("one"), on_done, &second);
    turn(f, 10);
    assert_false(second.given);
    store_fault_let_go(f->store);
    wait_for_answer(f, &first);
    wait_for_answer(f, &second);
    assert_int_equal(first.code, ERR_BUSY);
    assert_int_equal(second.code, ERR_BUSY);
    engine_redrive(f->engine, EXECUTION_ARN("one"), on_done, &third);
    wait_for_answer(f, &third);
    assert_int_equal(third.code, 0);
    close_engine(f);
}

/* --- requests of others ------------------------------------------------------------------------------------------ */

static int64_t put_request(struct fixture *f, const char *operation, const char *member, const char *value,
                           const char *more)
{
    struct err err;
    int64_t seq;
    AUTO_BUF body = BUF_INIT;
    buf_printf(&body, "{\"operation\":\"%s\",\"input\":{\"%s\":\"%s\"%s}}", operation, member, value, more);
    assert_int_equal(store_inbox_put(f->inner, 0, buf_text(&body), &seq, &err), 0);
    return seq;
}

struct reply {
    bool is_there;
    char text[512];
};

static int take_reply(void *context, int64_t seq, const char *body)
{
    (void)seq;
    struct reply *reply = context;
    reply->is_there = true;
    snprintf(reply->text, sizeof reply->text, "%s", body);
    return 0;
}

/* Turns the loop until the request is answered, for ten seconds at most. */
static bool has_reply(struct fixture *f, int64_t seq, struct reply *reply)
{
    *reply = (struct reply){0};
    for (int i = 0; i < 500 && !reply->is_there; i++) {
        struct timeval pause = {0, 20000};
        event_base_loopexit(f->base, &pause);
        event_base_loop(f->base, EVLOOP_ONCE);
        store_inbox_reply(f->inner, seq, take_reply, reply, NULL);
    }
    return reply->is_there;
}

/*
 * A request that is read again after its commit was lost is not taken for one that was carried out: in one commit with
 * what it wants is the note of that, or neither is.
 */
static void a_request_counts_as_carried_out_only_with_what_it_wants(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    struct ending ending = {0};
    struct answer answer;
    open_with(f, &hands);
    start(f, ASK, "one", "{}", &ending);
    assert_true(comes_true(f, &hands.has_started));
    report(&hands, TASK_SUBMITTED);
    settle(f);
    complete(f, hands.token, &answer);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
    settle(f); /* it waits for an hour, out of memory */

    struct service *service;
    assert_int_equal(service_open(&(struct service_options){.engine = f->engine}, &service, NULL), 0);
    struct service_inbox *inbox = service_inbox_open(service, f->engine);
    put_request(f, "StopExecution", "executionArn", EXECUTION_ARN("none"), "");
    int64_t seq = put_request(f, "SendTaskSuccess", "taskToken", hands.token, ",\"output\":\"{}\"");
    store_fault_arm_commit(f->store, 2, ERR_BUSY, false);
    assert_true(is_struck(f));
    struct reply reply;
    assert_true(has_reply(f, seq, &reply));
    assert_non_null(strstr(reply.text, "TaskTimedOut"));
    service_inbox_close(inbox);
    service_close(service);
    close_engine(f);
}

static void count_and_refuse(void *context, struct peer_request *request, struct json_object *input)
{
    (void)input;
    int *count = context;
    ++*count;
    peer_reply(request, 0, NULL);
}

/* Whoever has lost the shard cannot refuse what its new owner may have carried out. */
static void an_answer_is_the_owners(void **state)
{
    struct fixture *f = *state;
    int count = 0;
    open_engine(f, false);
    peer_register(f->engine, NULL, count_and_refuse, &count);
    settle(f);
    lose_shard(f);
    struct reply reply;
    assert_true(has_reply(f, put_request(f, "StopExecution", "executionArn", EXECUTION_ARN("none"), ""), &reply));
    assert_int_equal(count, 2); /* the second time after the shard was free again */
    close_engine(f);
}

/* --- executions of others --------------------------------------------------------------------------------------- */

#define SPREAD                                                                                                         \
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"ItemProcessor\":{\"ProcessorConfig\":"                   \
    "{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":"         \
    "\"Wait\","                                                                                                        \
    "\"Seconds\":3600,\"End\":true}}},\"End\":true}}}"

static int note_key(void *context, const char *key, const char *body, int64_t version)
{
    (void)body, (void)version;
    snprintf(context, 256, "%s", key);
    return 0;
}

static int note_record(void *context, const char *key, const char *body, int64_t version)
{
    (void)key, (void)version;
    struct json_object **ret_record = context;
    assert_int_equal(json_parse(body, strlen(body), ret_record, NULL), 0);
    return 0;
}

static struct json_object *map_run_record(struct fixture *f, char arn[256])
{
    struct json_object *record = NULL;
    assert_int_equal(store_documents(f->inner, "maprun", "", NULL, false, 1, note_key, arn, NULL), 0);
    assert_int_equal(store_document(f->inner, "maprun", arn, note_record, &record, NULL), 0);
    return record;
}

static int count_open(void *context, const struct store_execution *row)
{
    (void)row;
    ++*(int *)context;
    return 0;
}

static int open_executions(struct fixture *f)
{
    int count = 0;
    struct store_execution_query query = {.status = EXECUTION_RUNNING, .redriven = -1};
    assert_int_equal(store_executions(f->inner, &query, count_open, &count, NULL), 0);
    return count;
}

/* A crash behind the commit that stops the one must not leave the others. */
static void children_stop_in_the_commit_that_stops_their_parent(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    struct answer answer = {0};
    open_engine(f, false);
    start(f, SPREAD, "one", "[1,2,3]", &ending);
    while (open_executions(f) < 4)
        turn(f, 1);
    settle(f);
    engine_stop(f->engine, EXECUTION_ARN("one"), NULL, NULL, on_done, &answer);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
    assert_int_equal(open_executions(f), 0);
    close_engine(f);
}

#define NESTED                                                                                                         \
    "{\"StartAt\":\"N\",\"States\":{\"N\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::states:startExecution."   \
    "sync:2\","                                                                                                        \
    "\"Parameters\":{\"StateMachineArn\":\"arn:aws:states:us-east-1:123456789012:stateMachine:sleep\"},\"End\":true}}" \
    "}"
#define SLEEP "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"End\":true}}}"

static void on_created(void *context, const struct service_answer *answer)
{
    assert_null(answer->error);
    *(bool *)context = true;
}

/* An engine whose executions can start others of the machine, which is made in a new store. */
static struct service *open_nesting(struct fixture *f, bool is_new, const char *machine, const char *definition)
{
    struct service *service;
    AUTO_JSON struct json_object *input = json_object_new_object();
    bool created = !is_new;
    open_engine(f, false);
    assert_int_equal(service_open(&(struct service_options){.engine = f->engine}, &service, NULL), 0);
    engine_add_connector(f->engine, nested_open(service));
    json_add_text(input, "name", machine);
    json_add_text(input, "definition", definition);
    json_add_text(input, "roleArn", "arn:aws:iam::123456789012:role/r");
    if (is_new)
        service_call(service, "CreateStateMachine", input, on_created, &created);
    assert_true(comes_true(f, &created));
    return service;
}

/* As a node ends: what is at work is left before that which it works with is closed. */
static void close_nesting(struct fixture *f, struct service *service)
{
    engine_halt(f->engine, 0);
    service_close(service);
    close_engine(f);
}

static void a_nested_execution_stops_in_the_commit_that_stops_its_parent(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    struct answer answer = {0};
    struct service *service = open_nesting(f, true, "sleep", SLEEP);
    start(f, NESTED, "one", "{}", &ending);
    while (open_executions(f) < 2)
        turn(f, 1);
    settle(f);
    engine_stop(f->engine, EXECUTION_ARN("one"), NULL, NULL, on_done, &answer);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
    assert_int_equal(open_executions(f), 0);
    close_nesting(f, service);
}

/* Neither is at work yet when the stop comes, and both were started by the process before. */
static void others_stop_with_an_execution_that_is_just_read(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0}, other_ending = {0};
    struct answer answer = {0}, other_answer = {0};
    struct service *service = open_nesting(f, true, "sleep", SLEEP);
    start(f, NESTED, "one", "{}", &ending);
    start(f, SPREAD, "two", "[1,2,3]", &other_ending);
    while (open_executions(f) < 6)
        turn(f, 1);
    settle(f);
    close_nesting(f, service);

    service = open_nesting(f, false, "sleep", SLEEP);
    engine_stop(f->engine, EXECUTION_ARN("one"), NULL, NULL, on_done, &answer);
    engine_stop(f->engine, EXECUTION_ARN("two"), NULL, NULL, on_done, &other_answer);
    wait_for_answer(f, &answer);
    wait_for_answer(f, &other_answer);
    assert_int_equal(answer.code, 0);
    assert_int_equal(other_answer.code, 0);
    for (int i = 0; i < 5 && open_executions(f) > 0; i++)
        settle(f);
    assert_int_equal(open_executions(f), 0);
    close_nesting(f, service);
}

/* By requests too, which the engine looks for in its own time. */
static void wait_until_all_have_ended(struct fixture *f)
{
    for (int i = 0; i < 250 && open_executions(f) > 0; i++) {
        struct timeval pause = {0, 20000};
        event_base_loopexit(f->base, &pause);
        event_base_loop(f->base, EVLOOP_ONCE);
    }
    assert_int_equal(open_executions(f), 0);
}

/* The children sleep, and cannot be read when they are to be stopped: who asks for it once gets it. */
static void stop_blindly(void **state, bool leaves)
{
    struct fixture *f = *state;
    struct ending ending = {0}, other_ending = {0};
    struct answer answer = {0}, other_answer = {0};
    struct service *service = open_nesting(f, true, "sleep", SLEEP);
    struct service_inbox *inbox = service_inbox_open(service, f->engine);
    start(f, NESTED, "one", "{}", &ending);
    start(f, SPREAD, "two", "[1,2,3]", &other_ending);
    while (open_executions(f) < 6)
        turn(f, 1);
    settle(f);
    store_fault_blind(f->store, true);
    engine_stop(f->engine, EXECUTION_ARN("one"), NULL, NULL, on_done, &answer);
    engine_stop(f->engine, EXECUTION_ARN("two"), NULL, NULL, on_done, &other_answer);
    wait_for_answer(f, &answer);
    wait_for_answer(f, &other_answer);
    assert_int_equal(answer.code, 0);
    assert_int_equal(other_answer.code, 0);
    turn(f, 100);
    if (leaves) {
        service_inbox_close(inbox);
        close_nesting(f, service);
        service = open_nesting(f, false, "sleep", SLEEP);
        inbox = service_inbox_open(service, f->engine);
    }
    store_fault_blind(f->store, false);
    wait_until_all_have_ended(f);
    service_inbox_close(inbox);
    close_nesting(f, service);
}

static void children_stop_though_they_cannot_be_read(void **state)
{
    stop_blindly(state, false);
}

static void children_stop_though_their_node_has_left(void **state)
{
    stop_blindly(state, true);
}

static bool is_blind(struct fixture *f)
{
    return store_execution_by_arn(f->store, EXECUTION_ARN("none"), count_open, NULL, NULL) == ERR_BUSY;
}

/* The process before has started the children; from some read on this one does not come to them. */
static void children_stop_though_they_were_not_met(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    struct answer answer = {0};
    bool was_blind = true;
    struct service *service = open_nesting(f, true, "sleep", SLEEP);
    for (int reads = 1; was_blind; reads++) {
        char name[24], arn[128];
        snprintf(name, sizeof name, "reads-%d", reads);
        snprintf(arn, sizeof arn, "%s%s", EXECUTION_ARN(""), name);
        start(f, SPREAD, name, "[1,2,3]", &ending);
        while (open_executions(f) < 4)
            turn(f, 1);
        settle(f);
        close_nesting(f, service);

        service = open_nesting(f, false, "sleep", SLEEP);
        struct service_inbox *inbox = service_inbox_open(service, f->engine);
        store_fault_blind_after(f->store, reads);
        engine_stop(f->engine, arn, NULL, NULL, on_done, &answer);
        wait_for_answer(f, &answer);
        was_blind = is_blind(f);
        store_fault_blind(f->store, false);
        if (answer.code != 0) { /* not even the parent could be read */
            answer = (struct answer){0};
            engine_stop(f->engine, arn, NULL, NULL, on_done, &answer);
            wait_for_answer(f, &answer);
            assert_int_equal(answer.code, 0);
        }
        wait_until_all_have_ended(f);
        service_inbox_close(inbox);
        answer = (struct answer){0};
    }
    close_nesting(f, service);
}

/* Nobody has told its parent yet that the child has started. */
static void stop_while_it_starts(void **state, bool leaves)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    struct answer answer = {0};
    struct service *service = open_nesting(f, true, "sleep", SLEEP);
    struct service_inbox *inbox = service_inbox_open(service, f->engine);
    start(f, NESTED, "one", "{}", &ending);
    store_fault_hold(f->store);
    while (open_executions(f) < 2)
        turn(f, 1);
    engine_stop(f->engine, EXECUTION_ARN("one"), NULL, NULL, on_done, &answer);
    store_fault_let_go(f->store);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, 0);
    if (leaves) {
        service_inbox_close(inbox);
        close_nesting(f, service);
        service = open_nesting(f, false, "sleep", SLEEP);
        inbox = service_inbox_open(service, f->engine);
    }
    wait_until_all_have_ended(f);
    service_inbox_close(inbox);
    close_nesting(f, service);
}

static void a_nested_execution_stops_while_it_starts(void **state)
{
    stop_while_it_starts(state, false);
}

static void a_nested_execution_that_starts_stops_though_its_node_leaves(void **state)
{
    stop_while_it_starts(state, true);
}

/* As after a crash behind the commit that deletes the machine. */
static void executions_stop_in_the_commit_that_deletes_their_machine(void **state)
{
    struct fixture *f = *state;
    struct service *service = open_nesting(f, true, "sleep", SLEEP);
    AUTO_JSON struct json_object *input = json_object_new_object();
    bool done = false;
    json_add_text(input, "stateMachineArn", "arn:aws:states:us-east-1:123456789012:stateMachine:sleep");
    for (int i = 0; i < 3; i++)
        service_call(service, "StartExecution", input, on_created, &done);
    while (open_executions(f) < 3)
        turn(f, 1);
    settle(f);
    done = false;
    service_call(service, "DeleteStateMachine", input, on_created, &done);
    assert_true(comes_true(f, &done));
    assert_int_equal(open_executions(f), 0);
    close_nesting(f, service);
}

/* A node that was paused does not write RUNNING over the record of what has ended elsewhere. */
static void the_record_of_a_map_run_is_its_owners(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    struct answer answer = {0};
    char arn[256];
    open_engine(f, false);
    start(f, SPREAD, "one", "[1]", &ending);
    while (open_executions(f) < 2)
        turn(f, 1);
    settle(f);
    json_object_put(map_run_record(f, arn));
    lose_shard(f);
    assert_int_equal(engine_update_map_run(f->engine, arn, 5, -1, -1), 0);
    engine_on_commit(f->engine, on_done, &answer);
    wait_for_answer(f, &answer);
    assert_int_equal(answer.code, ERR_FENCED);
    close_engine(f);
}

static void what_was_set_of_a_map_run_outlasts_the_process(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    char arn[256];
    open_engine(f, false);
    start(f, SPREAD, "one", "[1]", &ending);
    while (open_executions(f) < 2)
        turn(f, 1);
    settle(f);
    json_object_put(map_run_record(f, arn));
    assert_int_equal(engine_update_map_run(f->engine, arn, 5, -1, 20), 0);
    settle(f);
    struct json_object *before = map_run_record(f, arn);
    close_engine(f);

    open_engine(f, false);
    while (engine_update_map_run(f->engine, arn, -1, 3, -1) != 0) /* not taken up yet */
        turn(f, 1);
    settle(f);
    struct json_object *after = map_run_record(f, arn);
    assert_int_equal(json_member_int(after, "startedMs", -1), json_member_int(before, "startedMs", -2));
    assert_int_equal(json_member_int(after, "maxConcurrency", -1), 5);
    assert_int_equal(json_member_int(after, "toleratedFailureCount", -1), 3);
    assert_int_equal(json_member_int(after, "toleratedFailurePercentage", -1), 20);
    json_object_put(before);
    json_object_put(after);
    close_engine(f);
}

/* --- every commit ------------------------------------------------------------------------------------------------ */

/* A bit of everything: a task, a callback, a nested execution, a map run. */
#define MIXED                                                                                                          \
    "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":["                          \
    "{\"StartAt\":\"T\",\"States\":{\"T\":{\"Type\":\"Task\","                                                         \
    "\"Resource\":\"arn:aws:lambda:us-east-1:123456789012:function:work\",\"End\":true}}},"                            \
    "{\"StartAt\":\"Q\",\"States\":{\"Q\":{\"Type\":\"Task\","                                                         \
    "\"Resource\":\"arn:aws:states:::lambda:invoke.waitForTaskToken\","                                                \
    "\"Parameters\":{\"FunctionName\":\"work\",\"Payload\":{\"token.$\":\"$$.Task.Token\"}},\"End\":true}}},"          \
    "{\"StartAt\":\"N\",\"States\":{\"N\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::states:startExecution."   \
    "sync:2\","                                                                                                        \
    "\"Parameters\":{\"StateMachineArn\":\"arn:aws:states:us-east-1:123456789012:stateMachine:quick\"},"               \
    "\"OutputPath\":\"$.Status\",\"End\":true}}},"                                                                     \
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"ItemsPath\":\"$.items\",\"ItemProcessor\":{"             \
    "\"ProcessorConfig\":"                                                                                             \
    "{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":"         \
    "\"Pass\","                                                                                                        \
    "\"End\":true}}},\"End\":true}}}]}}}"

/* Reports what is at work: a callback is handed over, and its token is answered until that is acknowledged. */
static void work_off(struct fixture *f, struct hands *hands, struct answer *answer)
{
    for (int i = 0; i < TASKS_MAX; i++) {
        struct task *task = hands->tasks[i];
        if (task == NULL)
            continue;
        hands->tasks[i] = NULL;
        struct task_report done = {.kind = task->task_token ? TASK_SUBMITTED : TASK_SUCCEEDED, .handed_over = true};
        if (task->task_token)
            snprintf(hands->token, sizeof hands->token, "%s", task->task_token);
        task->report(task, &done);
    }
    bool refused = answer->given && answer->code != 0 && answer->code != ERR_NOT_FOUND;
    if (hands->token[0] && (refused || answer->code == 1))
        complete(f, hands->token, answer);
}

/* Starts it until that is acknowledged, and works for it until it ends. */
static void play(struct fixture *f, struct hands *hands, const char *key, const char *name)
{
    struct ending ending = {0}, lost = {0};
    struct answer started = {0}, answer = {.code = 1};
    char arn[256];
    snprintf(arn, sizeof arn, EXECUTION_ARN("%s"), name);
    hands->token[0] = '\0';
    do {
        begin_start(f, key, name, "{\"items\":[1,2,3]}", &started, &lost);
        wait_for_answer(f, &started);
    } while (started.code != 0 && started.code != ERR_EXISTS);
    assert_int_equal(engine_watch(f->engine, arn, on_ended, &ending), 0);
    for (int i = 0; i < 1000 && !ending.over; i++) {
        struct timeval pause = {0, 10000};
        work_off(f, hands, &answer);
        event_base_loopexit(f->base, &pause);
        event_base_loop(f->base, EVLOOP_ONCE);
    }
    assert_true(ending.over);
    assert_int_equal(ending.status, EXECUTION_SUCCEEDED);
    assert_string_equal(ending.output, "[null,null,\"SUCCEEDED\",[1,2,3]]");
    engine_forget(f->engine, arn, &lost);
    settle(f);
    assert_int_equal(open_executions(f), 0);
}

/* Each commit of a life is lost in turn, and then each is written while it counts as lost. */
static void every_commit_may_be_lost(void **state)
{
    struct fixture *f = *state;
    struct hands hands = {0};
    char key[65];
    f->connector = NULL;
    struct service *service = open_nesting(f, true, "quick", SHORT);
    hands.connector.ops = &hands_ops;
    engine_add_connector(f->engine, &hands.connector);
    put_definition(f, MIXED, key);
    for (int written = 0; written < 2; written++) {
        bool struck = true;
        for (int n = 1; struck; n++) {
            char name[32];
            snprintf(name, sizeof name, "mixed-%d-%d", written, n);
            store_fault_arm_commit(f->store, n, ERR_BUSY, written);
            play(f, &hands, key, name);
            struck = store_fault_struck(f->store);
            store_fault_arm_commit(f->store, 0, ERR_BUSY, false);
        }
    }
    close_nesting(f, service);
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

static int note_id(void *context, const struct store_execution *row)
{
    *(int64_t *)context = row->id;
    return 0;
}

/* The clock of whoever ran the shard before was ahead, or ours was set back. */
static void numbers_go_on_above_those_in_the_store(void **state)
{
    struct fixture *f = *state;
    struct ending ending = {0};
    int64_t id = 0, ahead;
    open_engine(f, false);
    ahead = (engine_now_ms(f->engine) + 3600000) << 20 | 255;
    struct store_batch *batch = store_batch_new();
    store_batch_add_execution(batch, &(struct store_execution){.id = ahead,
                                                               .arn = EXECUTION_ARN("ahead"),
                                                               .machine = "m",
                                                               .status = EXECUTION_SUCCEEDED,
                                                               .started_ms = 1,
                                                               .stopped_ms = 1});
    assert_int_equal(store_commit(f->inner, batch, NULL), 0);
    store_batch_free(batch);
    close_engine(f);

    open_engine(f, false);
    start(f, SHORT, "one", "{}", &ending);
    assert_int_equal(store_execution_by_arn(f->inner, EXECUTION_ARN("one"), note_id, &id, NULL), 0);
    assert_true(id > ahead);
    close_engine(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_taken_up_though_the_commit_before_it_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_that_is_taken_up_may_be_lost_with_its_shard, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_commit_refuses_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_for_an_end_learns_of_it_though_its_commit_counts_as_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_too_late_only_after_one_that_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_redrive_is_refused_only_after_one_that_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_counts_as_carried_out_only_with_what_it_wants, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_the_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(children_stop_in_the_commit_that_stops_their_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nested_execution_stops_in_the_commit_that_stops_its_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(children_stop_though_they_were_not_met, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nested_execution_stops_while_it_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nested_execution_that_starts_stops_though_its_node_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(others_stop_with_an_execution_that_is_just_read, setup, teardown),
        cmocka_unit_test_setup_teardown(children_stop_though_they_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(children_stop_though_their_node_has_left, setup, teardown),
        cmocka_unit_test_setup_teardown(executions_stop_in_the_commit_that_deletes_their_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(the_record_of_a_map_run_is_its_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_set_of_a_map_run_outlasts_the_process, setup, teardown),
        cmocka_unit_test_setup_teardown(every_commit_may_be_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_go_on_above_those_in_the_store, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
