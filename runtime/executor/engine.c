/*
 * engine.c - the engine's life, and the requests that come to it from outside.
 */
#include "runtime/executor/engine.h"

#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/graph.h"
#include "runtime/clock.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/history_marks.h"
#include "runtime/executor/log_files.h"
#include "runtime/upkeep/retention.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void engine_log(struct engine *engine, int level, const char *format, ...)
{
    if (engine->options.log == NULL)
        return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    engine->options.log(engine->options.log_context, level, message);
}

int64_t engine_now_ms(const struct engine *engine)
{
    return engine->options.virtual_clock ? engine->virtual_now_ms : clock_real_ms();
}

const char *engine_region(const struct engine *engine)
{
    return engine->region;
}

const char *engine_account(const struct engine *engine)
{
    return engine->account;
}

struct store *engine_store(struct engine *engine)
{
    return engine->store;
}

struct event_base *engine_base(struct engine *engine)
{
    return engine->base;
}

/* --- what the pure core is given from outside ---------------------------------------------------- */

static void random_bytes(void *owner, void *bytes, size_t count)
{
    (void)owner;
    if (RAND_bytes(bytes, (int)count) != 1)
        abort();
}

static void make_token(void *owner, const struct execution *execution, uint32_t frame, int64_t task_id, char *ret_token)
{
    struct engine *engine = owner;
    struct run *run = run_by_arn(engine, execution_arn(execution));
    struct token token = {.shard = run->shard, .id = run->id, .frame = frame, .task_id = task_id};
    token_make(engine, &token, ret_token);
}

static int found_document(void *context, const char *key, const char *body, int64_t version)
{
    (void)context, (void)key, (void)body, (void)version;
    return 0;
}

/* Where the store cannot be asked now the activity is taken to be there: an execution must not fail of that. */
static bool activity_exists(void *owner, const char *arn)
{
    struct engine *engine = owner;
    return engine->store && store_document(engine->store, "activity", arn, found_document, NULL, NULL) != ERR_NOT_FOUND;
}

void engine_inputs(struct engine *engine, struct inputs *ret_inputs)
{
    *ret_inputs = (struct inputs){
        .now_ms = engine_now_ms(engine),
        .random = random_bytes,
        .token = make_token,
        .activity_exists = activity_exists,
        .owner = engine,
    };
}

size_t engine_payload_max(const struct engine *engine)
{
    return engine->options.payload_bytes_max ? engine->options.payload_bytes_max : LIMIT_PAYLOAD_BYTES;
}

struct execution_settings engine_settings(const struct engine *engine, bool express)
{
    const struct engine_options *options = &engine->options;
    return (struct execution_settings){
        .payload_bytes_max = engine_payload_max(engine),
        .history_events_max = express                       ? INT64_MAX
                              : options->history_events_max ? options->history_events_max
                                                            : LIMIT_HISTORY_EVENTS,
        .wait_time_scale = options->wait_time_scale > 0 ? options->wait_time_scale : 1,
        .timeout_seconds_max = express ? LIMIT_EXPRESS_SECONDS : 0,
        .keep_events = !express,
    };
}

/* --- life ------------------------------------------------------------------------------------------ */

static unsigned long hash_id(const void *key)
{
    uint64_t id = (uint64_t)(uintptr_t)key;
    return (unsigned long)((id ^ id >> 20) * 0x9E3779B97F4A7C15ull >> 16);
}

static int same_id(const void *a, const void *b)
{
    return a == b;
}

static void make_secret(struct engine *engine)
{
    if (engine->store)
        memcpy(engine->secret, store_secret(engine->store), sizeof engine->secret);
    else
        random_bytes(NULL, engine->secret, sizeof engine->secret);
}

/* No two processes may ever have the same: leases and replies are addressed to it. */
static char *make_name(const char *given)
{
    unsigned char unique[4];
    random_bytes(NULL, unique, sizeof unique);
    return mem_printf("%s-%02x%02x%02x%02x", given ? given : "node", unique[0], unique[1], unique[2], unique[3]);
}

static int open_parts(struct engine *engine, struct err *err)
{
    int code;
    if ((code = timers_open(engine, err)) != 0 || (code = commit_open(engine, err)) != 0 ||
        (code = recover_open(engine, err)) != 0 || (code = completions_open(engine, err)) != 0 ||
        (code = peer_open(engine, err)) != 0 || (code = owner_open(engine, err)) != 0)
        return code;
    watch_open(engine);
    activity_peers_open(engine);
    return 0;
}

int engine_open(const struct engine_options *options, struct engine **ret_engine, struct err *err)
{
    struct engine *engine = NEW(struct engine);
    engine->options = *options;
    engine->base = options->base;
    engine->store = options->store;
    engine->region = mem_strdup(options->region ? options->region : "us-east-1");
    engine->account = mem_strdup(options->account ? options->account : "123456789012");
    engine->node = make_name(options->node);
    engine->virtual_now_ms = clock_real_ms();
    engine->runs_by_arn = lh_kchar_table_new(1024, NULL);
    engine->runs_by_id = lh_table_new(1024, NULL, hash_id, same_id);
    engine->parked = lh_kchar_table_new(64, NULL);
    engine->definitions = lh_kchar_table_new(64, NULL);
    engine->history_marks = history_marks_new();
    engine->activities = lh_kchar_table_new(16, NULL);
    engine->shards = engine->store ? store_shards(engine->store) : 1;
    engine->epochs = mem_zalloc((size_t)engine->shards * sizeof *engine->epochs);
    engine->releasing = mem_zalloc((size_t)engine->shards * sizeof *engine->releasing);
    engine->shard_runs = mem_zalloc((size_t)engine->shards * sizeof *engine->shard_runs);
    make_secret(engine);
    figures_init(engine);
    int code = open_parts(engine, err);
    if (code == 0 && options->logs)
        code = log_files_open(options->logs, options->log, options->log_context, &engine->log_files, err);
    if (code != 0)
        return code; /* the process cannot go on without a thread or an eventfd */
    *ret_engine = engine;
    return 0;
}

void engine_add_connector(struct engine *engine, struct connector *connector)
{
    engine->connectors = mem_grow(engine->connectors, &engine->connector_capacity, engine->connector_count + 1,
                                  sizeof *engine->connectors);
    engine->connectors[engine->connector_count++] = connector;
}

static void forget_all(struct engine *engine)
{
    struct lh_entry *entry;
    while ((entry = lh_table_head(engine->runs_by_id)) != NULL)
        run_forget((struct run *)lh_entry_v(entry));
}

void engine_drain(struct engine *engine)
{
    engine->draining = true;
    owner_leaves(engine);
    activity_drain(engine);
}

int engine_tasks_running(const struct engine *engine)
{
    return engine->tasks_running + engine->errands_running;
}

static void turn(struct engine *engine)
{
    struct timeval pause = {0, 10000};
    commit_kick(engine); /* what nobody waits for may lie in the batch still */
    event_base_loopexit(engine->base, &pause);
    event_base_loop(engine->base, EVLOOP_ONCE);
}

void engine_halt(struct engine *engine, int grace_ms)
{
    int64_t until_ms = clock_real_ms() + grace_ms;
    peer_inbox_pause(engine); /* answers to what we asked are read as long as tasks wait for them */
    while (!commit_is_idle(engine) || (engine_tasks_running(engine) && clock_real_ms() < until_ms))
        turn(engine);
    peer_end(engine);
    while (!commit_is_idle(engine))
        turn(engine);
    forget_all(engine);
}

void engine_close(struct engine *engine, int grace_ms)
{
    if (engine == NULL)
        return;
    engine_halt(engine, grace_ms);
    tasks_close(engine, grace_ms);
    activity_peers_close(engine);
    commit_close(engine);
    log_files_close(engine->log_files);
    owner_close(engine);
    watch_close(engine);
    peer_close(engine);
    stop_remote_close(engine);
    completions_close(engine);
    recover_close(engine);
    activity_close(engine);
    definitions_close(engine);
    history_marks_free(engine->history_marks);
    timers_close(engine);
    run_forget_parked(engine);
    lh_table_free(engine->runs_by_arn);
    lh_table_free(engine->runs_by_id);
    outbox_release(&engine->outbox);
    figures_release(engine);
    free(engine->epochs);
    free(engine->releasing);
    free(engine->shard_runs);
    free(engine->region);
    free(engine->account);
    free(engine->node);
    free(engine);
}

/* --- starting ----------------------------------------------------------------------------------------- */

static char *make_meta(const struct engine_start *start)
{
    struct buf out = BUF_INIT;
    const struct {
        const char *name, *text;
    } members[] = {
        {"name", start->name},
        {"machineName", start->machine_name},
        {"definition", start->definition_key},
        {"roleArn", start->role_arn},
        {"stateMachineVersionArn", start->version_arn},
        {"stateMachineAliasArn", start->alias_arn},
        {"traceHeader", start->trace_header},
        {"testCase", start->test_case},
        {"mapRunArn", start->map_run_arn},
        {"startedBy", start->started_by},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (members[i].text == NULL)
            continue;
        buf_add_text(&out, out.bytes ? ",\"" : "{\"");
        buf_add_text(&out, members[i].name);
        buf_add_text(&out, "\":");
        json_write_string(&out, members[i].text, strlen(members[i].text));
    }
    if (start->map_run_arn) {
        buf_add_text(&out, ",\"itemCount\":");
        buf_add_int(&out, (int64_t)start->item_count);
    }
    if (logging_is_on(start->logging)) {
        buf_add_text(&out, ",\"logging\":");
        json_write(&out, start->logging);
    }
    buf_add_char(&out, '}');
    return buf_take(&out);
}

static int stop_at_first(void *context, const struct store_execution *row)
{
    (void)context, (void)row;
    return 0;
}

/* ERR_NOT_FOUND: it is not. 0: it is. Else the store could not be asked. */
static int find_taken(struct engine *engine, const struct engine_start *start, struct err *err)
{
    if (run_by_arn(engine, start->arn))
        return 0;
    if (start->express || start->is_new)
        return ERR_NOT_FOUND;
    return store_execution_by_arn(engine->store, start->arn, stop_at_first, NULL, err);
}

static void add_watcher(struct run *run, engine_ended_fn *fn, void *context)
{
    struct watcher *watcher = NEW(struct watcher);
    watcher->fn = fn;
    watcher->context = context;
    watcher->next = run->watchers;
    run->watchers = watcher;
}

static void refuse(engine_done_fn *done, void *context, int code, const char *format, const char *what)
{
    struct err err;
    err_set(&err, (enum err_code)code, format, what); /* NOLINT: the formats are the callers' literals */
    if (done)
        done(context, code, &err);
}

static void answer_error(engine_done_fn *done, void *context, const struct err *err)
{
    if (done)
        done(context, err->code, err);
}

static struct run *make_run(struct engine *engine, const struct engine_start *start, struct machine *machine)
{
    struct run *run = run_new(engine, start->arn, start->express);
    run->machine_arn = mem_strdup(start->machine_arn);
    run->map_run_arn = mem_strdup(start->map_run_arn);
    run->test_case = mem_strdup(start->test_case);
    if (!start->express)
        run->meta = make_meta(start);
    struct execution_identity identity = {
        .arn = start->arn,
        .name = start->name,
        .machine_arn = start->machine_arn,
        .machine_name = start->machine_name,
        .role_arn = start->role_arn,
        .version_arn = start->version_arn,
        .alias_arn = start->alias_arn,
        .region = engine->region,
        .account = engine->account,
    };
    logging_begin(run, start->logging);
    struct execution_settings settings = engine_settings(engine, start->express);
    settings.keep_events |= run->log_group != NULL;
    run->execution = execution_new(machine, &identity, &settings);
    return run;
}

int engine_start(struct engine *engine, const struct engine_start *start, int64_t *ret_started_ms, engine_done_fn *done,
                 void *done_context, engine_ended_fn *ended, void *ended_context)
{
    struct machine *machine = NULL;
    struct err err;
    int code = engine_find_definition(engine, start->definition_key, &machine, &err);
    *ret_started_ms = engine_now_ms(engine);
    if (code != 0) {
        answer_error(done, done_context, &err);
        return code;
    }
    if (!start->express && !engine_owns(engine, start->arn)) {
        refuse(done, done_context, ERR_FENCED, "the shard of %s is not this process's", start->arn);
        return ERR_FENCED;
    }
    int taken = find_taken(engine, start, &err);
    if (taken != ERR_NOT_FOUND) {
        if (taken == 0)
            refuse(done, done_context, ERR_EXISTS, "there is an execution %s already", start->arn);
        else
            answer_error(done, done_context, &err);
        return taken == 0 ? ERR_EXISTS : taken;
    }
    struct run *run = make_run(engine, start, machine);
    figures_started(run);
    if (ended)
        add_watcher(run, ended, ended_context);
    if (start->express && done)
        done(done_context, 0, NULL);
    run_deliver_at(run, &(struct stimulus){.kind = STIMULUS_START, .value = start->input, .text = start->input_text},
                   *ret_started_ms);
    if (!start->express && done)
        engine_on_commit(engine, done, done_context);
    return 0;
}

static struct watcher *without(struct watcher *watchers, const void *context)
{
    struct watcher *kept = NULL;
    while (watchers) {
        struct watcher *next = watchers->next;
        if (watchers->context == context) {
            free(watchers);
        } else {
            watchers->next = kept;
            kept = watchers;
        }
        watchers = next;
    }
    return kept;
}

void engine_forget(struct engine *engine, const char *arn, void *ended_context)
{
    struct run *run = run_by_arn(engine, arn);
    struct lh_entry *parked = lh_table_lookup_entry(engine->parked, arn);
    if (run)
        run->watchers = without(run->watchers, ended_context);
    else if (parked)
        lh_entry_set_val(parked, without((struct watcher *)lh_entry_v(parked), ended_context));
    watch_forget(engine, arn, ended_context);
}

int engine_watch(struct engine *engine, const char *arn, engine_ended_fn *ended, void *context)
{
    struct err err;
    struct run *run = run_load(engine, arn, &err);
    if (run == NULL && err.code == ERR_FENCED) {
        struct watcher *watcher = NEW(struct watcher);
        *watcher = (struct watcher){.fn = ended, .context = context};
        int code = watch_remote(engine, arn, watcher, &err);
        if (code != 0)
            free(watcher);
        return code;
    }
    if (run == NULL)
        return err.code;
    add_watcher(run, ended, context);
    run_settle(run);
    return 0;
}

/* --- requests to running executions ---------------------------------------------------------------------- */

/*
 * A refusal because of something that is not on disk yet: should that get lost, what was asked is still possible.
 */
struct refusal {
    engine_done_fn *done;
    void *context;
    struct err err;
};

static void on_certain(void *context, int code, const struct err *err)
{
    struct refusal *refusal = context;
    refusal->done(refusal->context, code ? code : (int)refusal->err.code, code ? err : &refusal->err);
    free(refusal);
}

/* The run (NULL: it is not in memory) is not used any more. */
static void refuse_for_certain(struct engine *engine, struct run *run, engine_done_fn *done, void *context,
                               const struct err *err)
{
    bool is_certain = run == NULL || (!run->dirty && run->in_commits == 0);
    if (run)
        run_settle(run);
    if (is_certain || done == NULL) {
        answer_error(done, context, err);
        return;
    }
    struct refusal *refusal = NEW(struct refusal);
    *refusal = (struct refusal){.done = done, .context = context, .err = *err};
    engine_on_commit(engine, on_certain, refusal);
}

static void deliver_and_answer(struct run *run, const struct stimulus *stimulus, engine_done_fn *done, void *context)
{
    struct engine *engine = run->engine;
    bool express = run->express;
    run_deliver(run, stimulus);
    if (express && done)
        done(context, 0, NULL);
    else if (done)
        engine_on_commit(engine, done, context);
}

void engine_stop(struct engine *engine, const char *arn, const char *error, const char *cause, engine_done_fn *done,
                 void *context)
{
    struct err err;
    struct run *run = run_load(engine, arn, &err);
    if (run == NULL && err.code == ERR_FENCED) {
        stop_remote(engine, arn, error, cause, done, context);
        return;
    }
    if (run == NULL) {
        answer_error(done, context, &err);
        return;
    }
    if (run->ended) {
        if (done)
            engine_on_commit(engine, done, context);
        run_settle(run);
        return;
    }
    deliver_and_answer(run, &(struct stimulus){.kind = STIMULUS_STOP, .error = error, .cause = cause}, done, context);
}

bool engine_redrive(struct engine *engine, const char *arn, engine_done_fn *done, void *context)
{
    struct err err;
    struct run *run = run_load(engine, arn, &err);
    if (run == NULL) {
        answer_error(done, context, &err);
        return false;
    }
    if (!run->ended || execution_status(run->execution) == EXECUTION_SUCCEEDED) {
        err_set(&err, ERR_INVALID, "Execution is %s and cannot be redriven", run->ended ? "SUCCEEDED" : "RUNNING");
        refuse_for_certain(engine, run, done, context, &err);
        return false;
    }
    /* A sweep may be about to remove it (runtime/upkeep/sweep.h). */
    if (retention_is_over(engine->options.retention, run->machine_arn, execution_stopped_ms(run->execution),
                          engine_now_ms(engine))) {
        err_set(&err, ERR_INVALID, "Execution has passed its retention and cannot be redriven");
        refuse_for_certain(engine, run, done, context, &err);
        return false;
    }
    run->ended = false;
    run->changed = true;
    deliver_and_answer(run, &(struct stimulus){.kind = STIMULUS_REDRIVE}, done, context);
    return true;
}

static int note_shard(void *context, const struct store_execution *row)
{
    *(int *)context = row->shard;
    return 0;
}

/* A token names the shard that its execution had when it was made: an adopted one may have another now. */
static bool locate(struct engine *engine, const char *text, struct token *ret_token)
{
    if (!token_read(engine, text, ret_token))
        return false;
    if (engine->store && store_is_adopted(engine->store, ret_token->id))
        store_execution_by_id(engine->store, ret_token->shard, ret_token->id, note_shard, &ret_token->shard, NULL);
    return true;
}

int engine_token_shard(struct engine *engine, const char *text)
{
    struct token token;
    bool good = locate(engine, text, &token) && token.shard >= 0 && token.shard < engine->shards;
    return good ? token.shard : -1;
}

void engine_complete(struct engine *engine, const struct completion *completion)
{
    static const enum stimulus_kind kinds[] = {
        [TOKEN_SUCCESS] = STIMULUS_TASK_SUCCEEDED,
        [TOKEN_FAILURE] = STIMULUS_TASK_FAILED,
        [TOKEN_HEARTBEAT] = STIMULUS_HEARTBEAT,
    };
    const struct token *token = &completion->token;
    const struct engine_completion *asked = &completion->asked;
    struct err err;
    struct execution_task task;
    struct run *run = run_load_id(engine, token->shard, token->id, &err);
    if (run == NULL && err.code != ERR_NOT_FOUND) { /* the store is away: nobody knows what became of the task */
        answer_error(asked->done, asked->context, &err);
        return;
    }
    if (run == NULL || !execution_task(run->execution, token->frame, token->task_id, &task)) {
        err_set(&err, ERR_NOT_FOUND, "Provided task does not exist anymore");
        refuse_for_certain(engine, run, asked->done, asked->context, &err);
        return;
    }
    bool express = run->express;
    deliver_and_answer(run,
                       &(struct stimulus){.kind = kinds[asked->action],
                                          .frame = token->frame,
                                          .task_id = token->task_id,
                                          .value = asked->output,
                                          .error = asked->error,
                                          .cause = asked->cause},
                       asked->done, asked->context);
    if (asked->carried_out && !express)
        asked->carried_out(asked->context);
}

void engine_complete_token(struct engine *engine, const struct engine_completion *asked)
{
    struct completion completion = {.asked = *asked};
    if (!locate(engine, asked->token, &completion.token))
        refuse(asked->done, asked->context, ERR_INVALID, "%s", "Invalid token");
    else if (engine->store && run_by_id(engine, completion.token.id) == NULL)
        completions_add(engine, &completion);
    else
        engine_complete(engine, &completion);
}

/* --- what waits for a token ---------------------------------------------------------------------------------- */

struct listing {
    struct engine *engine;
    engine_waiting_fn *fn;
    void *context;
    struct run *run;
};

static void list_task(void *context, const struct execution_task *task)
{
    struct listing *listing = context;
    bool waits =
        task->resource->pattern == PATTERN_CALLBACK || (task->resource->kind == RESOURCE_ACTIVITY && task->started);
    if (!waits)
        return;
    char token[LIMIT_TOKEN_CHARS + 1];
    struct run *run = listing->run;
    token_make(listing->engine, &(struct token){run->shard, run->id, task->frame, task->task_id}, token);
    struct engine_waiting waiting = {
        .token = token,
        .execution_arn = run->arn,
        .state_name = task->state->name,
        .resource = task->resource->text,
        .since_ms = task->scheduled_ms,
        .deadline_ms = task->timeout_at_ms == INT64_MAX ? 0 : task->timeout_at_ms,
    };
    listing->fn(listing->context, &waiting);
}

struct open_ids {
    int64_t *ids;
    size_t count, capacity;
};

static int note_open(void *context, const struct store_execution *row)
{
    struct open_ids *open = context;
    open->ids = mem_grow(open->ids, &open->capacity, (open->count + 1) * 2, sizeof *open->ids);
    open->ids[open->count * 2] = row->shard;
    open->ids[open->count * 2 + 1] = row->id;
    open->count++;
    return 0;
}

int engine_list_waiting(struct engine *engine, engine_waiting_fn *fn, void *context, struct err *err)
{
    struct open_ids open = {0};
    struct store_execution_query query = {.status = EXECUTION_RUNNING, .redriven = -1, .limit = 0};
    int code = store_executions(engine->store, &query, note_open, &open, err);
    for (size_t i = 0; code == 0 && i < open.count; i++) {
        struct err why;
        bool was_here = run_by_id(engine, open.ids[i * 2 + 1]) != NULL;
        struct run *run = run_look_id(engine, (int)open.ids[i * 2], open.ids[i * 2 + 1], &why);
        if (run == NULL)
            continue;
        struct listing listing = {engine, fn, context, run};
        execution_tasks(run->execution, list_task, &listing);
        if (!was_here)
            run_forget(run);
    }
    free(open.ids);
    return code;
}
