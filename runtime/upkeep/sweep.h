/*
 * sweep.h - removes closed executions that have had their time, and what nobody needs without them.
 *
 * Goes      a closed execution that was not started by a map run, once its time is over: its row and its history. Then
 *           the records of map runs whose execution is gone, with their closed child executions: children are kept as
 *           long as the execution that they were started for, since a redrive looks for them. In the end definitions
 *           that no state machine and no execution refers to.
 * How       in small commits that look again whether each is still closed. Pages are read by the start time within a
 *           state machine, so that a sweep touches what has had its time and little else. After each commit `pause`
 *           is called for as long as the commit took: whoever shares the store keeps its half.
 * Redrives  a failed execution counts as closed; engine_redrive() refuses one that has had its time, and a sweep
 *           beside an engine (with epochs) leaves it a little longer, so that the two do not meet.
 * Threads   on a store of its own where the sweep runs beside an engine.
 */
#ifndef RUNTIME_UPKEEP_SWEEP_H
#define RUNTIME_UPKEEP_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct retention;
struct store;

/* False: end the sweep. */
typedef bool sweep_pause_fn(void *context, int64_t pause_us);

struct sweep_options {
    const struct retention *retention;
    int64_t now_ms;
    const char *machine;   /* executions of the state machine with this name only, or NULL */
    const int64_t *epochs; /* by shard: leases that each commit proves, 0: not ours; NULL: all shards, without proof */
    bool dry_run;          /* only counts */
    sweep_pause_fn *pause; /* or NULL */
    void *context;
};

struct sweep_counts {
    int64_t executions, children, map_runs, definitions;
};

/* ERR_BUSY when `pause` ended it; the counts say what was done (dry_run: what would be). */
int sweep_executions(struct store *store, const struct sweep_options *options, struct sweep_counts *counts,
                     struct err *err);
/* Records of map runs without their execution, and the children of these. */
int sweep_map_runs(struct store *store, const struct sweep_options *options, struct sweep_counts *counts,
                   struct err *err);

/*
 * Definitions. An execution may be on its way to the store while nothing there refers to its definition yet. So one
 * that is not used is only noted, and removed when a later pass, minutes after, finds it unused and unchanged.
 */
struct definition_notes;
struct definition_notes *definition_notes_new(void);
void definition_notes_free(struct definition_notes *notes);
/* Whether a further pass has something to look at again. */
bool definition_notes_any(const struct definition_notes *notes);
/* NULL as notes: whoever calls holds all leases, unused ones go at once. */
int sweep_definitions(struct store *store, const struct sweep_options *options, struct definition_notes *notes,
                      struct sweep_counts *counts, struct err *err);

#endif
