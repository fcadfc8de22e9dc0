/*
 * run.c - executions in memory: made, read from the store, advanced, dropped.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/execution/event_codec.h"
#include "runtime/executor/engine_priv.h"

#include <stdlib.h>
#include <string.h>

/* Of an id that is in no store, and like none in there, whatever shards are taken while it runs. */
#define EXPRESS_ID (INT64_C(1) << 62)

/* json-c's hash table serves here too: keys are borrowed from the run. */
static void *find(struct lh_table *table, const void *key)
{
    void *value = NULL;
    return lh_table_lookup_ex(table, key, &value) ? value : NULL;
}

struct run *run_by_arn(struct engine *engine, const char *arn)
{
    return find(engine->runs_by_arn, arn);
}

struct run *run_by_id(struct engine *engine, int64_t id)
{
    return find(engine->runs_by_id, (const void *)(uintptr_t)id);
}

/*
 * Grows with time, so that rows are appended in the order of their keys: milliseconds, 12 bits of shard, 8 bits of
 * count. A shard has one owner, who goes on above what is there (run_ids_above), so no other node makes the same id,
 * whatever its clock says. Where a millisecond is used up the next one is taken early.
 */
static int64_t next_id(struct engine *engine, int shard)
{
    int64_t now_ms = engine_now_ms(engine);
    if (now_ms > engine->last_id_ms) {
        engine->last_id_ms = now_ms;
        engine->ids_in_ms = 0;
    } else if (engine->ids_in_ms == 256) {
        engine->last_id_ms++;
        engine->ids_in_ms = 0;
    }
    return engine->last_id_ms << 20 | (int64_t)shard << 8 | engine->ids_in_ms++;
}

void run_ids_above(struct engine *engine, int64_t id)
{
    int64_t ms = id >> 20;
    if (ms < engine->last_id_ms)
        return;
    engine->last_id_ms = ms + 1;
    engine->ids_in_ms = 0;
}

/* Who waits for the end of an execution goes on waiting while it is out of memory. */
static void park_watchers(struct run *run)
{
    if (run->watchers)
        lh_table_insert(run->engine->parked, mem_strdup(run->arn), run->watchers);
    run->watchers = NULL;
}

static void fetch_watchers(struct run *run)
{
    struct lh_entry *entry = lh_table_lookup_entry(run->engine->parked, run->arn);
    if (entry == NULL)
        return;
    char *key = (char *)lh_entry_k(entry);
    run->watchers = (struct watcher *)lh_entry_v(entry);
    lh_table_delete_entry(run->engine->parked, entry);
    free(key);
}

void run_free_watchers(struct watcher *watchers)
{
    while (watchers) {
        struct watcher *next = watchers->next;
        free(watchers);
        watchers = next;
    }
}

void run_forget_parked(struct engine *engine)
{
    struct lh_entry *entry;
    while ((entry = lh_table_head(engine->parked)) != NULL) {
        char *key = (char *)lh_entry_k(entry);
        run_free_watchers((struct watcher *)lh_entry_v(entry));
        lh_table_delete_entry(engine->parked, entry);
        free(key);
    }
    lh_table_free(engine->parked);
}

static void enter_tables(struct run *run)
{
    fetch_watchers(run);
    lh_table_insert(run->engine->runs_by_arn, run->arn, run);
    lh_table_insert(run->engine->runs_by_id, (void *)(uintptr_t)run->id, run);
    run->engine->shard_runs[run->shard] += !run->express;
}

struct run *run_new(struct engine *engine, const char *arn, bool express)
{
    struct run *run = NEW(struct run);
    run->engine = engine;
    run->arn = mem_strdup(arn);
    run->express = express;
    run->resumed = true;
    run->shard = engine->store && !express ? store_shard_of(engine->store, arn) : 0;
    run->id = next_id(engine, run->shard) | (express ? EXPRESS_ID : 0);
    enter_tables(run);
    return run;
}

/*
 * json-c leaves a mark where an entry was, and a search for what is not there goes on over marks to the first place
 * that was never used: after as many deletions as there are places it would pass the whole table each time.
 */
static void leave_tables(struct run *run)
{
    struct engine *engine = run->engine;
    lh_table_delete(engine->runs_by_arn, run->arn);
    lh_table_delete(engine->runs_by_id, (void *)(uintptr_t)run->id);
    if (++engine->runs_left * 4 < engine->runs_by_arn->size)
        return;
    engine->runs_left = 0;
    lh_table_resize(engine->runs_by_arn, engine->runs_by_arn->size);
    lh_table_resize(engine->runs_by_id, engine->runs_by_id->size);
}

void run_forget(struct run *run)
{
    struct engine *engine = run->engine;
    tasks_leave_all(run);
    map_runs_drop(run);
    timers_remove(run);
    commit_drop_run(engine, run);
    leave_tables(run);
    engine->shard_runs[run->shard] -= !run->express;
    if (!run->express && engine->releasing[run->shard])
        owner_drained(engine);
    park_watchers(run);
    execution_free(run->execution);
    buf_release(&run->row);
    free(run->arn);
    free(run->machine_arn);
    free(run->meta);
    free(run->map_run_arn);
    free(run->test_case);
    free(run);
}

void run_each(struct engine *engine, run_filter_fn *filter, const void *context, void (*fn)(struct run *run))
{
    int64_t *ids = NULL;
    size_t count = 0, capacity = 0;
    struct lh_entry *entry;
    lh_foreach(engine->runs_by_id, entry)
    {
        const struct run *run = (struct run *)lh_entry_v(entry);
        if (!filter(run, context))
            continue;
        ids = mem_grow(ids, &capacity, count + 1, sizeof *ids);
        ids[count++] = run->id;
    }
    for (size_t i = 0; i < count; i++) {
        struct run *run = run_by_id(engine, ids[i]);
        if (run)
            fn(run);
    }
    free(ids);
}

void run_tell_watchers(struct run *run)
{
    struct engine_outcome outcome = {
        .status = execution_status(run->execution),
        .started_ms = execution_started_ms(run->execution),
        .stopped_ms = execution_stopped_ms(run->execution),
        .output = execution_output(run->execution),
        .error = execution_error(run->execution),
        .cause = execution_cause(run->execution),
    };
    struct watcher *watchers = run->watchers;
    run->watchers = NULL;
    while (watchers) {
        struct watcher *next = watchers->next;
        watchers->fn(watchers->context, &outcome);
        free(watchers);
        watchers = next;
    }
}

/*
 * Into the row that is being made. A long one is closed, since who reads a page wants no more than its rows; but only
 * before an event, so that the last row of an execution has its last event.
 */
static void write_events(struct run *run, const struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->event_count; i++) {
        int64_t id = outbox->events[i].id;
        if (id && run->row_first_id && run->row.bytes >= ENGINE_ROW_BYTES)
            commit_close_row(run, run->engine->filling->batch);
        if (id && run->row_first_id == 0)
            run->row_first_id = id;
        if (id)
            run->row_last_id = id;
        event_encode(&run->row, &outbox->events[i], 1);
    }
    if (run->row.bytes && run->row_first_id == 0) { /* only records without an id: a row without events */
        run->row_last_id = execution_last_event_id(run->execution);
        run->row_first_id = run->row_last_id + 1;
    }
}

/*
 * What stops other executions goes into the commit of the events that led there: after a crash between two commits
 * nobody would stop them. So that it finds them, what runs others is taken up at once when the execution is read: the
 * events that led there are on disk, and all that it does is in commits.
 */
static bool is_for_now(struct run *run, const struct command *command)
{
    if (run->express)
        return true;
    switch (command->kind) {
    case COMMAND_STOP_MAP_RUN:
        return true;
    case COMMAND_CANCEL_TASK:
        return tasks_runs_others(run, command);
    case COMMAND_START_MAP_RUN:
        return run->resuming;
    case COMMAND_RUN_TASK:
        return run->resuming && tasks_runs_others(run, command);
    case COMMAND_ENDED:
        break;
    }
    return false;
}

/* What the core gave: events into the row that is being made, commands behind the commit. */
static void take_outbox(struct run *run, struct outbox *outbox)
{
    struct engine *engine = run->engine;
    logging_take(run, outbox);
    if (!run->express && outbox->event_count) {
        write_events(run, outbox);
        commit_add_run(engine, run);
    }
    for (size_t i = 0; i < outbox->command_count; i++) {
        struct command command = outbox->commands[i];
        if (command.kind == COMMAND_ENDED) {
            run->ended = run->changed = true;
            figures_ended(run);
        } else if (!is_for_now(run, &command)) {
            commit_add_command(engine, run, command);
        }
    }
}

/*
 * Of Express executions it is all, since there is nothing to wait for. The outbox is copied since tasks may deliver
 * again; with what they deliver the run may end and be gone.
 */
static void carry_out_now(struct run *run, struct outbox *outbox)
{
    struct command few[16];
    struct command *commands = outbox->command_count <= 16 ? few : mem_alloc(outbox->command_count * sizeof *commands);
    size_t count = 0;
    for (size_t i = 0; i < outbox->command_count; i++)
        if (outbox->commands[i].kind != COMMAND_ENDED && is_for_now(run, &outbox->commands[i]))
            commands[count++] = outbox->commands[i];
    outbox_clear(outbox);
    struct engine *engine = run->engine;
    int64_t id = run->id;
    run->resuming = false;      /* what follows from these commands is new */
    if (count && !run->express) /* proves that it is ours to do, and is done again where that gets lost */
        commit_add_run(engine, run);
    for (size_t i = 0; i < count && run_by_id(engine, id) != NULL; i++)
        tasks_carry_out(run, commands[i]);
    if (commands != few)
        free(commands);
}

static void after_advance(struct run *run)
{
    struct engine *engine = run->engine;
    struct outbox *outbox = &engine->outbox;
    take_outbox(run, outbox);
    timers_update(run);
    bool express = run->express;
    int64_t id = run->id;
    if (outbox->command_count)
        carry_out_now(run, outbox);
    outbox_clear(outbox);
    if (express && run_by_id(engine, id) != NULL && run->ended) {
        run_tell_watchers(run);
        run_forget(run);
    }
}

bool run_deliver(struct run *run, const struct stimulus *stimulus)
{
    return run_deliver_at(run, stimulus, engine_now_ms(run->engine));
}

bool run_deliver_at(struct run *run, const struct stimulus *stimulus, int64_t now_ms)
{
    struct inputs inputs;
    engine_inputs(run->engine, &inputs);
    inputs.now_ms = now_ms;
    if (stimulus->kind == STIMULUS_REDRIVE)
        run->redriven_ms = inputs.now_ms;
    bool meant = execution_advance(run->execution, stimulus, &inputs, &run->engine->outbox);
    if (meant && stimulus->kind == STIMULUS_REDRIVE)
        figures_redriven(run);
    after_advance(run);
    return meant;
}

struct run *run_resume(struct run *run)
{
    int64_t id = run->id;
    struct engine *engine = run->engine;
    struct inputs inputs;
    run->resumed = run->resuming = true;
    engine_inputs(engine, &inputs);
    execution_resume(run->execution, &inputs, &engine->outbox);
    after_advance(run);
    run = run_by_id(engine, id);
    if (run)
        run->resuming = false;
    return run;
}

void run_settle(struct run *run)
{
    struct engine *engine = run->engine;
    if (run->in_commits || run->dirty)
        return;
    if (run->ended)
        run_tell_watchers(run);
    /* The virtual clock jumps by the timers in memory. */
    bool sleeps = run->wake_ms != STORE_WAKE_ACTIVE && !tasks_hold(run) && !engine->options.virtual_clock;
    if (sleeps && !run->ended)
        recover_note(engine, run->wake_ms);
    if (sleeps || run->ended || (!run->express && engine->releasing[run->shard]))
        run_forget(run);
}

/* --- reading from the store ------------------------------------------------------------------------ */

struct loading {
    struct engine *engine;
    struct run *run;
    struct err *err;
};

static char *copy_text(struct json_object *object, const char *name)
{
    return mem_strdup(json_member_text(object, name));
}

static int make_run(void *context, const struct store_execution *row)
{
    struct loading *loading = context;
    struct engine *engine = loading->engine;
    AUTO_JSON struct json_object *meta = NULL;
    if (json_parse(row->meta, strlen(row->meta), &meta, NULL) != 0)
        return err_set(loading->err, ERR_CORRUPT, "the record of %s is damaged", row->arn);
    const char *key = json_member_text(meta, "definition");
    struct machine *machine = NULL;
    int code = engine_find_definition(engine, key ? key : "", &machine, loading->err);
    if (code == ERR_NOT_FOUND)
        return err_set(loading->err, ERR_CORRUPT, "the definition of %s is not in the store", row->arn);
    if (code != 0)
        return code;
    struct run *run = NEW(struct run);
    run->engine = engine;
    run->arn = mem_strdup(row->arn);
    run->id = row->id;
    run->shard = row->shard;
    run->machine_arn = mem_strdup(row->machine);
    run->meta = mem_strdup(row->meta);
    run->map_run_arn = mem_strdup(row->map_run);
    run->test_case = copy_text(meta, "testCase");
    run->added = true;
    run->wake_ms = row->wake_ms;
    run->redriven_ms = row->redriven_ms;
    struct execution_identity identity = {
        .arn = run->arn,
        .name = json_member_text(meta, "name"),
        .machine_arn = run->machine_arn,
        .machine_name = json_member_text(meta, "machineName"),
        .role_arn = json_member_text(meta, "roleArn"),
        .version_arn = json_member_text(meta, "stateMachineVersionArn"),
        .alias_arn = json_member_text(meta, "stateMachineAliasArn"),
        .region = engine->region,
        .account = engine->account,
    };
    struct json_object *logging = NULL;
    if (json_member(meta, "logging", &logging))
        logging_begin(run, logging);
    struct execution_settings settings = engine_settings(engine, false);
    run->execution = execution_new(machine, &identity, &settings);
    loading->run = run;
    return 0;
}

static int replay_row(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    (void)first, (void)last;
    struct loading *loading = context;
    return event_replay(loading->run->execution, body, bytes, loading->err);
}

static struct run *load(struct loading *loading, int found, struct err *err)
{
    struct run *run = loading->run;
    if (found == 0)
        found = store_history(loading->engine->store, run->shard, run->id, 0, replay_row, loading, err);
    if (run == NULL)
        return NULL;
    enter_tables(run);
    run->ended = execution_phase(run->execution) == EXECUTION_CLOSED;
    if (found != 0) {
        engine_log(loading->engine, 3, "%s: %s", run->arn, err ? err->message : "cannot be read");
        run_forget(run);
        return NULL;
    }
    timers_update(run);
    return run;
}

/* What was going on when it was last in memory goes on; who slept sleeps on. */
static struct run *revive(struct run *run, struct err *err)
{
    if (run == NULL || run->resumed || run->ended || run->wake_ms != STORE_WAKE_ACTIVE)
        return run;
    run = run_resume(run);
    if (run == NULL)
        err_set(err, ERR_BUSY, "the execution could not be taken up");
    return run;
}

static int check_ours(const struct engine *engine, int shard, struct err *err)
{
    return owner_holds(engine, shard) ? 0 : err_set(err, ERR_FENCED, "shard %d is another node's", shard);
}

struct run *run_load(struct engine *engine, const char *arn, struct err *err)
{
    struct run *run = run_by_arn(engine, arn);
    if (run && run->express)
        return run;
    if (engine->store == NULL) {
        err_set(err, ERR_NOT_FOUND, "no execution '%s'", arn);
        return NULL;
    }
    if (check_ours(engine, store_shard_of(engine->store, arn), err) != 0)
        return NULL;
    if (run)
        return revive(run, err);
    struct loading loading = {engine, NULL, err};
    return revive(load(&loading, store_execution_by_arn(engine->store, arn, make_run, &loading, err), err), err);
}

struct run *run_look_id(struct engine *engine, int shard, int64_t id, struct err *err)
{
    struct run *run = run_by_id(engine, id);
    if (run || engine->store == NULL)
        return run;
    struct loading loading = {engine, NULL, err};
    return load(&loading, store_execution_by_id(engine->store, shard, id, make_run, &loading, err), err);
}

struct run *run_load_id(struct engine *engine, int shard, int64_t id, struct err *err)
{
    if (shard < 0 || shard >= engine->shards) {
        err_set(err, ERR_NOT_FOUND, "there is no shard %d", shard);
        return NULL;
    }
    struct run *run = run_by_id(engine, id);
    if (run && run->express)
        return run;
    if (engine->store == NULL) {
        err_set(err, ERR_NOT_FOUND, "no execution has the number %lld", (long long)id);
        return NULL;
    }
    return check_ours(engine, shard, err) == 0 ? revive(run_look_id(engine, shard, id, err), err) : NULL;
}
