/*
 * map_run_priv.h - what the files of a distributed Map share: map_run.c (its life), map_run_items.c (items become
 * inputs), map_run_children.c (inputs become executions), map_run_record.c (what is told of them).
 */
#ifndef RUNTIME_EXECUTOR_MAP_RUN_PRIV_H
#define RUNTIME_EXECUTOR_MAP_RUN_PRIV_H

#include "asl/failure.h"
#include "runtime/executor/engine_priv.h"

struct execution_map_run;

/*
 *   pending ── start ──▶ started ── its execution ends, or did before ──▶ over
 *      ▲                    │ it could not be started now
 *      └────────────────────┘
 */
struct child {
    struct map_run *map_run;
    char *arn; /* NULL: pending */
    struct json_object *input;
    size_t items; /* more than one: a batch */
    enum execution_status status;
    bool started, over;
    int64_t started_ms, stopped_ms;
    struct json_object *output; /* SUCCEEDED */
    char *error, *cause;        /* each may be NULL */
};

struct map_run {
    struct map_run *next;
    struct run *parent;
    uint32_t frame;
    int64_t task_id;
    char *arn, *label, *parent_arn;
    struct asl_failure failure;  /* of the run itself, not of a child */
    struct json_object *settled; /* details of MapRunStarted */
    struct json_object *writer_config;
    bool exports; /* the result is written into a bucket */
    bool express;
    bool resumed;            /* it had begun before it was read: children that it has not met yet may be at work */
    char definition_key[65]; /* of the children */
    struct child *children;
    size_t count, next_child, running, over, failed, timed_out, aborted;
    int64_t max_concurrency;     /* 0: as many as the limit allows */
    int64_t tolerated_count;     /* -1: not given */
    double tolerated_percentage; /* -1: not given */
    struct json_object *updated; /* what UpdateMapRun has set of these three, or NULL */
    int64_t started_ms;
    bool ending;   /* its end is on the way to the parent */
    bool starting; /* inside map_run_start_children() */
    const char *status;
    struct event *tick;  /* the record is to be written */
    struct event *again; /* goes on with the children after the store was away */
};

/* --- map_run.c -------------------------------------------------------------------------------------------------- */
/* Whether more have failed than is tolerated. */
bool map_run_is_too_much(const struct map_run *m);
/* Ends it when all children are over or too many have failed: then it is gone, and its parent may be. */
void map_run_check_end(struct map_run *m);

/* --- map_run_items.c -------------------------------------------------------------------------------------------- */
/* Reads, selects and batches the items; not 0: m->failure says why not. */
int map_run_make_children(struct map_run *m, const struct execution_map_run *wanted);

/* --- map_run_children.c ------------------------------------------------------------------------------------------ */
/* Starts as many as may run at once; the run may have ended and be gone afterwards. */
void map_run_start_children(struct map_run *m);
/* All that run are stopped, whether met or not, and not listened to any more. */
void map_run_stop_children(struct map_run *m);

/* --- map_run_record.c -------------------------------------------------------------------------------------------- */
/* Writes the record with the filling commit, which proves that the run is ours. */
void map_run_write_record(struct map_run *m);
/*
 * Takes over from an earlier record, as after a crash, when the run began and what was set since. Not 0: the store
 * cannot be read.
 */
int map_run_read_record(struct map_run *m);
/* Writes it soon. */
void map_run_note_progress(struct map_run *m);
/* The result of a run whose children are all over; not 0: m->failure says why there is none. */
int map_run_make_result(struct map_run *m, struct json_object **ret_result);

#endif
