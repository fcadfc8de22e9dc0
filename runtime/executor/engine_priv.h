/*
 * engine_priv.h - for the files of runtime/executor only: the engine, its loaded executions, its commits.
 *
 *   deliver() ──▶ execution_advance ──▶ run->row (events as text), run->commands ──▶ filling commit
 *                                                                                          │ writer idle
 *   answers, commands, watchers ◀── commit_finished() ◀── writer thread ◀── seal() ◀───────┘
 *
 * Invariants
 *   (1) a command runs, a requester is answered, a watcher is called only after the commit with the events
 *       that led to it is on disk (Express executions have no store: at once), but for those that stop other
 *       executions, whose stop goes into that commit (run.c);
 *   (2) at most one commit is being written; the next one fills meanwhile;
 *   (3) after a failed commit every execution that it or the filling one touched leaves memory and is
 *       read again: what was not written never happened;
 *   (4) an execution is in memory only where its shard is ours (owner.c), but for the time of a look.
 */
#ifndef RUNTIME_EXECUTOR_ENGINE_PRIV_H
#define RUNTIME_EXECUTOR_ENGINE_PRIV_H

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "runtime/execution/execution.h"
#include "runtime/execution/tally.h"
#include "runtime/executor/engine.h"
#include "runtime/task/connector.h"

#include <pthread.h>

struct event;
struct lh_table;
struct log_files;
struct log_group;
struct machine_figures;

enum {
    ENGINE_TASKS_MAX = 10000,      /* default of tasks_max */
    ENGINE_DORMANT_MS = 30000,     /* who waits for less stays in memory */
    ENGINE_ROW_BYTES = 32768,      /* of a row of history, before the next one is begun */
    ENGINE_DEFINITIONS_MAX = 1024, /* compiled definitions kept */
    ENGINE_RELOAD_MS = 1000,       /* after a failed commit */
    ENGINE_VIRTUAL_GRACE_MS = 250, /* real time that outside workers get before the virtual clock jumps */
};

/* Of loggingConfiguration; each holds the one before. */
enum log_level { LOG_OFF, LOG_FATAL, LOG_ERROR, LOG_ALL };

struct watcher {
    struct watcher *next;
    engine_ended_fn *fn;
    void *context;
};

/* One execution in memory. */
struct run {
    struct engine *engine;
    struct execution *execution;
    int64_t id;
    int shard;
    char *arn, *machine_arn, *meta, *map_run_arn, *test_case;
    bool express;
    bool added;   /* its row is in the store (or in a commit on the way) */
    bool dirty;   /* it is in the filling commit */
    bool changed; /* status or wake moment must be written */
    bool ended;
    bool resumed;    /* what was to be done for it is being done here */
    bool resuming;   /* inside run_resume() */
    int in_commits;  /* commits on the way that hold it */
    int64_t wake_ms; /* as last written */
    int64_t redriven_ms;
    struct buf row; /* events of the filling commit */
    int64_t row_first_id, row_last_id;
    struct work *works;       /* its tasks at work */
    struct map_run *map_runs; /* distributed Maps at work */
    struct watcher *watchers;
    struct machine_figures *figures; /* of its state machine */
    struct log_group *log_group;     /* of its state machine's logging, NULL: none */
    enum log_level log_level;
    bool log_data;
    size_t timer_at; /* place in the engine's heap + 1; 0: none */
    int64_t due_ms;
};

/* One task at work. */
struct work {
    struct task task;
    struct run *run;
    uint32_t frame;
    int64_t task_id;
    struct connector *connector;
    struct work *next, **at; /* in run->works */
    bool follows;            /* what was begun goes on by itself: it has no place among tasks_running */
    char *idempotency_token, *token;
};

struct done {
    engine_done_fn *fn;
    void *context;
    int code;
};

struct pending_command {
    struct run *run; /* NULL: it left memory */
    struct command command;
};

/* Lines for a log group, to be handed on when the commit is on disk. */
struct commit_log {
    struct log_group *group;
    struct buf lines;
};

/* What goes into one transaction, and what follows once it is on disk. */
struct commit {
    struct store_batch *batch;
    struct run **runs;
    size_t run_count, run_capacity;
    struct pending_command *commands;
    size_t command_count, command_capacity;
    struct done *dones;
    size_t done_count, done_capacity;
    struct commit_log *logs;
    size_t log_count, log_capacity;
    int code;
    struct err err;
    int64_t begun_us;
};

struct definition_entry;
struct stopping;
struct activity;

struct engine {
    struct engine_options options;
    struct event_base *base;
    struct store *store;
    char *region, *account, *node;
    unsigned char secret[32];

    struct connector **connectors;
    size_t connector_count, connector_capacity;

    struct lh_table *runs_by_arn;
    struct lh_table *runs_by_id;
    int runs_left;           /* executions that left both tables since they were last rebuilt */
    struct lh_table *parked; /* watchers of executions that are out of memory, by ARN */
    struct lh_table *definitions;
    struct history_marks *history_marks;
    struct lh_table *activities;
    struct activity_peers *activity_peers; /* NULL when it is closing */
    int64_t last_id_ms;                    /* of the last id given to an execution, and how many were given in it */
    int ids_in_ms;
    struct outbox outbox;
    struct log_files *log_files; /* NULL: nothing is logged */

    /* commits */
    struct commit *filling, *writing, *spare;
    struct event *kick;
    bool kicked;
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct commit *handed; /* to the writer; under lock */
    bool stop_writer;
    int finished_fd;
    struct event *finished_event;

    /* timers */
    struct run **heap;
    size_t heap_count, heap_capacity;
    struct event *timer;
    int64_t virtual_now_ms;

    /* ownership */
    int shards;
    int64_t *epochs; /* by shard; 0: not ours */
    bool *releasing; /* by shard: ours, but it is being given back */
    int *shard_runs; /* by shard: executions in memory */
    int owned;       /* those that are drained too */
    struct owner *owner;
    struct recovery *recovery;
    struct completions *completions;
    struct peers *peers;        /* requests to others */
    struct inbox *inbox;        /* requests of others */
    struct lh_table *remote;    /* watches of executions on other nodes' shards, by ARN */
    struct stopping *stoppings; /* executions that others are asked to stop */

    /* tasks */
    int tasks_running;
    bool draining;                 /* no more tasks are started */
    int errands_running;           /* tasks of other nodes' executions */
    struct pending_command *queue; /* tasks that wait for a place */
    size_t queue_head, queue_count, queue_capacity;

    struct figures {
        struct tally tally;
        struct lh_table *machines; /* by name */
        struct histogram commit_seconds, commit_sizes;
        int64_t open_base, open_counted_us; /* open executions as the store counted them, and when */
        int64_t open_since;                 /* started and redriven less ended since then */
    } figures;
};

/* --- engine.c -------------------------------------------------------------------------------- */
void engine_log(struct engine *engine, int level, const char *format, ...) ERR_PRINTF(3, 4);
void engine_inputs(struct engine *engine, struct inputs *ret_inputs);
struct execution_settings engine_settings(const struct engine *engine, bool express);

/* --- run.c: executions in memory --------------------------------------------------------------- */
struct run *run_new(struct engine *engine, const char *arn, bool express);
/* Takes it out of memory; tasks at work are cancelled. */
void run_forget(struct run *run);
typedef bool run_filter_fn(const struct run *run, const void *context);
/* Calls `fn` with each execution in memory that the filter takes; it, and others, may leave memory by that. */
void run_each(struct engine *engine, run_filter_fn *filter, const void *context, void (*fn)(struct run *run));
struct run *run_by_arn(struct engine *engine, const char *arn);
struct run *run_by_id(struct engine *engine, int64_t id);
/* Executions that start here from now on get ids above this one: that is the last of a shard that was taken. */
void run_ids_above(struct engine *engine, int64_t id);
/*
 * In memory, or read from the store; what was at work goes on. NULL with ERR_FENCED (its shard is not ours),
 * ERR_NOT_FOUND, ERR_CORRUPT ...
 */
struct run *run_load(struct engine *engine, const char *arn, struct err *err);
struct run *run_load_id(struct engine *engine, int shard, int64_t id, struct err *err);
/* The same of any shard, only to look at: run_forget() it before the loop turns, unless it was there before. */
struct run *run_look_id(struct engine *engine, int shard, int64_t id, struct err *err);
/* Hands a stimulus to the execution; false when it meant nothing. The run may be gone afterwards. */
bool run_deliver(struct run *run, const struct stimulus *stimulus);
/* The same as of a moment that the caller has told already. */
bool run_deliver_at(struct run *run, const struct stimulus *stimulus, int64_t now_ms);
/* After a replay: goes on. NULL: it left memory, since the store could not be read. */
struct run *run_resume(struct run *run);
/* Called when the commits that hold it are done: it may leave memory now. */
void run_settle(struct run *run);
void run_tell_watchers(struct run *run);
void run_forget_parked(struct engine *engine);
void run_free_watchers(struct watcher *watchers);

/* --- commit.c -------------------------------------------------------------------------------------- */
int commit_open(struct engine *engine, struct err *err);
void commit_close(struct engine *engine);
void commit_add_run(struct engine *engine, struct run *run);
/* The events that were written for the run so far become a row of the batch. */
void commit_close_row(struct run *run, struct store_batch *batch);
void commit_add_command(struct engine *engine, struct run *run, struct command command);
void commit_kick(struct engine *engine);
/* A run leaves memory: nothing on the way may look at it any more. */
void commit_drop_run(struct engine *engine, struct run *run);
bool commit_is_idle(const struct engine *engine);

/* --- timers.c ---------------------------------------------------------------------------------------- */
int timers_open(struct engine *engine, struct err *err);
void timers_close(struct engine *engine);
/* The run's next due moment may have changed. */
void timers_update(struct run *run);
void timers_remove(struct run *run);
/* Virtual clock: nothing else moves, so time jumps. */
void timers_idle(struct engine *engine);

/* --- tasks.c ------------------------------------------------------------------------------------------- */
void tasks_carry_out(struct run *run, struct command command);
/* The run leaves memory: its tasks end here, and go on elsewhere or later. */
void tasks_leave_all(struct run *run);
/* Starts tasks that wait for a place, where there is one. */
void tasks_advance(struct engine *engine);
bool tasks_hold(const struct run *run);
/* Whether the task that the command cancels, or that it runs, is the run of another execution. */
bool tasks_runs_others(const struct run *run, const struct command *command);
void tasks_close(struct engine *engine, int grace_ms);

/* --- map_run.c: distributed Maps ------------------------------------------------------------------------ */
void map_run_carry_out(struct run *run, struct command command);
/* The run leaves memory; its children go on. */
void map_runs_drop(struct run *run);

/* --- figures.c ------------------------------------------------------------------------------------------ */
void figures_init(struct engine *engine);
void figures_release(struct engine *engine);
void figures_started(struct run *run);
void figures_ended(struct run *run);
void figures_redriven(struct run *run);
void figures_committed(struct engine *engine, size_t executions, int64_t us);

/* --- logging.c ------------------------------------------------------------------------------------------ */
/* Whether a loggingConfiguration (NULL: none) asks for anything. */
bool logging_is_on(struct json_object *configuration);
/* The run logs by this loggingConfiguration from now on, where the engine has a place for it. */
void logging_begin(struct run *run, struct json_object *configuration);
/* Events that were just made: their lines go with the filling commit, those of Express executions at once. */
void logging_take(struct run *run, const struct outbox *outbox);
/* The commit is on disk; or it is lost. */
void logging_committed(struct engine *engine, struct commit *commit);
void logging_drop(struct commit *commit);

/* --- token.c --------------------------------------------------------------------------------------------- */
struct token {
    int shard;
    int64_t id;
    uint32_t frame;
    int64_t task_id;
};
void token_make(struct engine *engine, const struct token *token, char *ret_text);
bool token_read(struct engine *engine, const char *text, struct token *ret_token);

/* --- completions.c ------------------------------------------------------------------------------------- */

/* What engine_complete_token() was asked for, and where the task is. */
struct completion {
    struct token token;
    struct engine_completion asked;
};

int completions_open(struct engine *engine, struct err *err);
void completions_close(struct engine *engine);
/* Carries it out before the loop waits again, together with others whose executions have to be read. */
void completions_add(struct engine *engine, const struct completion *completion);
/* Carries it out now (engine.c). */
void engine_complete(struct engine *engine, const struct completion *completion);

/* --- activity.c ------------------------------------------------------------------------------------------ */
void activity_offer(struct run *run, uint32_t frame, int64_t task_id, const char *activity_arn);
/* task_id 0: all of the run's. */
void activity_withdraw(struct run *run, uint32_t frame, int64_t task_id);
/* Answers the polls that wait: the process is about to end. */
void activity_drain(struct engine *engine);
void activity_close(struct engine *engine);
/* Tasks and polls of other nodes (activity_peers.c); between the opening and closing of peers. */
void activity_peers_open(struct engine *engine);
void activity_peers_close(struct engine *engine);

/* --- definition_cache.c -------------------------------------------------------------------------------- */
void definitions_close(struct engine *engine);

/* --- owner.c, owner_release.c, peer_nodes.c: which shards are ours ---------------------------------- */
int owner_open(struct engine *engine, struct err *err);
/* This process is about to end: what has no task at work goes to others now. */
void owner_leaves(struct engine *engine);
/* Gives everything back. */
void owner_close(struct engine *engine);
/* Ours, not being given back, and for certain: what is asked of it may be done here. */
bool owner_holds(const struct engine *engine, int shard);
/* All shards that owner_holds(); ret_shards has room for engine->shards. */
size_t owner_list(const struct engine *engine, int *ret_shards);
/* Whether the node was alive at the last look. */
bool owner_knows(const struct engine *engine, const char *node);
/* Something may have changed, or a commit was fenced: looks in the next turn of the loop. */
void owner_look(struct engine *engine);
/* A run or a request of a shard that is being given back has gone. */
void owner_drained(struct engine *engine);

/* --- recover.c: open executions that have to be in memory ------------------------------------------------- */
int recover_open(struct engine *engine, struct err *err);
void recover_close(struct engine *engine);
/* After `delay_ms` reads from the store what is due on our shards: some were taken, or a commit was lost. */
void recover_soon(struct engine *engine, int delay_ms);
/* An execution leaves memory until this moment. */
void recover_note(struct engine *engine, int64_t wake_ms);

/* --- peer.c, peer_inbox.c: requests between nodes --------------------------------------------------------- */
int peer_open(struct engine *engine, struct err *err);
/* From now on requests are read: this node has joined. */
void peer_begin(struct engine *engine);
/* No more requests are read; those at work are cancelled. */
void peer_end(struct engine *engine);
void peer_close(struct engine *engine);
int peer_inbox_open(struct engine *engine, struct err *err);
void peer_inbox_close(struct engine *engine);
/* Reads what is there, in the next turn of the loop. */
void peer_inbox_look(struct engine *engine);
/* Of a shard that is not ours any more, with soft: that is being given back (then only those that may last). */
void peer_inbox_drop_shard(struct engine *engine, int shard, bool soft);
/* The node is gone, and what it asked for in its own name is of no use. */
void peer_inbox_drop_asker(struct engine *engine, const char *node);
/* No more requests are read; those at work go on. */
void peer_inbox_pause(struct engine *engine);
void peer_inbox_end(struct engine *engine);
/* How many requests of the shard are at work. */
int peer_inbox_count(const struct engine *engine, int shard);

/* --- stop_remote.c: executions on other nodes' shards ------------------------------------------------------- */
void stop_remote(struct engine *engine, const char *arn, const char *error, const char *cause, engine_done_fn *done,
                 void *context);
/* After the last callback of peers. */
void stop_remote_close(struct engine *engine);

/* --- watch.c: the ends of executions on other nodes' shards -------------------------------------------------- */
void watch_open(struct engine *engine);
void watch_close(struct engine *engine);
int watch_remote(struct engine *engine, const char *arn, struct watcher *watcher, struct err *err);
void watch_forget(struct engine *engine, const char *arn, const void *context);
/* Shards were lost: watchers of executions that left with them ask their new owners. */
void watch_rearm(struct engine *engine);
/* Whoever waits for an execution that is out of memory asks for its end, which may be in the store already. */
void watch_again(struct engine *engine, const char *arn);

#endif
