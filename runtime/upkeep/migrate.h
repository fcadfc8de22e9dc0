/*
 * migrate.h - moves everything that a store holds into another, empty one, of either kind.
 *
 *   target   unmarked ──▶ filling ───────────────────▶ filled ───────────────────▶ unmarked
 *   source   unmarked ─────────────────────────────────────────────▶ moved
 *
 * Marks     store_open() refuses a store with a mark. So at no moment can both stores be run: the target is opened only
 *           after the source cannot be any more. Interrupted before "filled" the next migrate() begins anew, after
 *           that it finishes what is left.
 * Leases    both stores' are held all along: nobody else runs executions, and each commit into the target proves it.
 * What      executions with their numbers, histories, documents with their versions, the secret (so that task tokens
 *           and page tokens stay valid). Shards follow from the ARNs and the target's count of them; from which store
 *           an execution came is kept (store_adopt). Requests in the source's inbox are not moved: where there are
 *           some it refuses.
 * Check     what was read is counted, then both stores are counted, down to the bytes of the histories.
 */
#ifndef RUNTIME_UPKEEP_MIGRATE_H
#define RUNTIME_UPKEEP_MIGRATE_H

#include "runtime/store/store.h"

struct migrate_progress {
    const char *step;          /* "counting", "copying", "checking" */
    struct store_totals all;   /* of the source, once it is counted */
    struct store_totals moved; /* so far */
};
/* Called now and then; false: give up, the source stays as it is. */
typedef bool migrate_progress_fn(void *context, const struct migrate_progress *progress);

/*
 * ret_moved: what the target holds now. ERR_BUSY: a process runs one of the stores, or progress gave up; ERR_EXISTS:
 * the target is not empty; ERR_INVALID: the two are one, or requests wait; ERR_UNSUPPORTED: marks of another move.
 */
int migrate(const char *source_url, const char *target_url, migrate_progress_fn *progress, void *context,
            struct store_totals *ret_moved, struct err *err);

#endif
