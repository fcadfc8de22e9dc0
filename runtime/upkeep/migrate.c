/* migrate.c - see migrate.h, where the states of both stores are drawn. */
#include "config.h"

#include "runtime/upkeep/migrate.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/upkeep/store_claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PAGE = 1000,           /* executions that are read at once */
    BATCH_BYTES = 4 << 20, /* what a commit into the target holds, about */
    BATCH_ROWS = 8000
};

struct end {
    struct store *store;
    enum store_mark mark;
    char move[STORE_MOVE_BYTES];
    struct store_claim *claim;
};

struct migration {
    struct end source, target;
    char move[STORE_MOVE_BYTES]; /* this one's name */
    struct migrate_progress progress;
    migrate_progress_fn *progress_fn;
    void *context;
    struct store_batch *batch;
    int64_t batch_rows;
    int64_t last_id; /* of the page that is being read */
    int page_rows;
    int target_shard; /* of the execution that was read last */
    char *kind, *key; /* of the document that was read last */
    struct err *err;
};

/* --- opening, and whether it may begin ---------------------------------------------------------------------------- */

static int open_end(const char *url, struct end *end, struct err *err)
{
    return store_open_marked(url, &end->store, &end->mark, end->move, err);
}

static void close_end(struct end *end)
{
    store_claim_release(end->claim);
    store_close(end->store);
}

/* Everything was moved before, only the target's mark is left. */
static bool is_nearly_done(const struct migration *migration)
{
    return migration->source.mark == STORE_MOVED && migration->target.mark == STORE_FILLED &&
           !strcmp(migration->source.move, migration->target.move);
}

static int check_marks(const struct migration *migration, struct err *err)
{
    const struct end *source = &migration->source;
    const struct end *target = &migration->target;

    if (target->mark == STORE_UNMARKED && !memcmp(store_secret(source->store), store_secret(target->store), 32))
        return err_set(err, ERR_INVALID,
                       source->mark == STORE_MOVED ? "the source was moved there already"
                                                   : "both are the same store, or copies of one");
    if (source->mark == STORE_MOVED)
        return err_set(err, ERR_UNSUPPORTED, "the content of the source was moved to another store");
    if (source->mark != STORE_UNMARKED)
        return err_set(err, ERR_UNSUPPORTED, "a migration into the source has not come to its end");
    if (target->mark == STORE_MOVED) {
        err_set(err, ERR_UNSUPPORTED, "the content of the target was moved to another store once");
        err_hint(err, "name a new file or database as target");
        return ERR_UNSUPPORTED;
    }
    return 0;
}

static int check_content(struct migration *migration, struct err *err)
{
    struct store_totals there;
    int result = store_totals(migration->source.store, &migration->progress.all, err);

    if (result)
        return result;
    if (migration->progress.all.requests) {
        err_set(err, ERR_INVALID, "%" PRId64 " requests wait in the source for a process that runs it",
                migration->progress.all.requests);
        err_hint(err, "start `orchestrator serve` on it once, and stop it");
        return ERR_INVALID;
    }
    if (migration->target.mark != STORE_UNMARKED || (result = store_totals(migration->target.store, &there, err)))
        return result;
    if (!there.executions && !there.documents)
        return 0;
    err_set(err, ERR_EXISTS, "the target is not empty: %" PRId64 " executions, %" PRId64 " documents", there.executions,
            there.documents);
    err_hint(err, "name a new file or database as target");
    return ERR_EXISTS;
}

static int name_move(struct migration *migration, struct err *err)
{
    unsigned char bytes[16];

    if (getentropy(bytes, sizeof(bytes)))
        return err_set(err, ERR_IO, "the system gave no random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(migration->move + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* --- copying ------------------------------------------------------------------------------------------------------ */

static int report(struct migration *migration)
{
    if (migration->progress_fn && !migration->progress_fn(migration->context, &migration->progress))
        return err_set(migration->err, ERR_BUSY, "interrupted; the source stays as it is");
    return 0;
}

/* Commits what was gathered and begins the next batch. */
static int flush(struct migration *migration)
{
    int result;

    store_claim_prove(migration->target.claim, migration->batch);
    result = store_commit(migration->target.store, migration->batch, migration->err);
    store_batch_free(migration->batch);
    migration->batch = store_batch_new();
    migration->batch_rows = 0;
    if (!result && !(result = store_claim_renew(migration->source.claim, migration->err)))
        result = store_claim_renew(migration->target.claim, migration->err);
    return result ? result : report(migration);
}

static int flush_when_full(struct migration *migration)
{
    bool full = ++migration->batch_rows >= BATCH_ROWS || store_batch_bytes(migration->batch) >= BATCH_BYTES;

    return full ? flush(migration) : 0;
}

static int copy_execution(void *context, const struct store_execution *row)
{
    struct migration *migration = context;
    struct store_execution copy = *row;

    copy.shard = store_shard_of(migration->target.store, row->arn);
    migration->target_shard = copy.shard;
    migration->last_id = row->id;
    migration->page_rows++;
    migration->progress.moved.executions++;
    store_batch_add_execution(migration->batch, &copy);
    return flush_when_full(migration);
}

static int copy_history(void *context, int64_t first, int64_t last, const char *body, size_t bytes)
{
    struct migration *migration = context;

    store_batch_add_history(migration->batch, migration->target_shard, migration->last_id, first, last, body, bytes);
    migration->progress.moved.history_rows++;
    migration->progress.moved.history_bytes += (int64_t)bytes;
    return flush_when_full(migration);
}

static int copy_executions(struct migration *migration)
{
    int result = 0;

    for (int shard = 0; shard < store_shards(migration->source.store) && !result; shard++) {
        migration->last_id = 0;
        do {
            migration->page_rows = 0;
            result = store_scan(migration->source.store, shard, migration->last_id, PAGE, copy_execution, copy_history,
                                migration, migration->err);
        } while (!result && migration->page_rows == PAGE);
    }
    return result ? result : flush(migration);
}

static int copy_document(void *context, const char *kind, const char *key, const char *body, int64_t version)
{
    struct migration *migration = context;

    store_batch_restore_document(migration->batch, kind, key, body, version);
    free(migration->kind);
    free(migration->key);
    migration->kind = mem_strdup(kind);
    migration->key = mem_strdup(key);
    migration->page_rows++;
    migration->progress.moved.documents++;
    return flush_when_full(migration);
}

static int copy_documents(struct migration *migration)
{
    int result = 0;

    do {
        migration->page_rows = 0;
        result = store_scan_documents(migration->source.store, migration->kind, migration->key, PAGE, copy_document,
                                      migration, migration->err);
    } while (!result && migration->page_rows == PAGE);
    return result;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static int compare(const char *what, int64_t source, int64_t target, struct err *err)
{
    return source == target ? 0
                            : err_set(err, ERR_CORRUPT, "%s: %" PRId64 " in the source, %" PRId64 " in the target",
                                      what, source, target);
}

static int check_copy(struct migration *migration)
{
    const struct store_totals *all = &migration->progress.all;
    struct store_totals there;
    int result;

    migration->progress.step = "checking";
    if ((result = report(migration)) || (result = store_totals(migration->target.store, &there, migration->err)))
        return result;
    if ((result = compare("executions", all->executions, there.executions, migration->err)) ||
        (result = compare("open executions", all->open_executions, there.open_executions, migration->err)) ||
        (result = compare("rows of history", all->history_rows, there.history_rows, migration->err)) ||
        (result = compare("bytes of history", all->history_bytes, there.history_bytes, migration->err)) ||
        (result = compare("documents", all->documents, there.documents, migration->err)))
        return result;
    migration->progress.moved = there;
    return 0;
}

/* From here on the target is the store. */
static int hand_over(struct migration *migration)
{
    struct end *source = &migration->source;
    struct end *target = &migration->target;
    int result;

    if ((result = store_adopt(target->store, source->store, migration->progress.all.last_id, migration->err)) ||
        (result = store_set_mark(target->store, STORE_FILLED, migration->move, migration->err)) ||
        (result = store_claim_check(source->claim, migration->err)) ||
        (result = store_claim_check(target->claim, migration->err)) ||
        (result = store_set_mark(source->store, STORE_MOVED, migration->move, migration->err)))
        return result;
    return store_set_mark(target->store, STORE_UNMARKED, NULL, migration->err);
}

static int move(struct migration *migration)
{
    struct store *target = migration->target.store;
    int result;

    migration->progress.step = "counting";
    if ((result = report(migration)) || (result = name_move(migration, migration->err)) ||
        (result = check_content(migration, migration->err)) ||
        (result = store_set_mark(target, STORE_FILLING, migration->move, migration->err)) ||
        (result = store_clear(target, migration->err)))
        return result;
    migration->progress.step = "copying";
    if ((result = copy_documents(migration)) || (result = copy_executions(migration)) ||
        (result = check_copy(migration)))
        return result;
    return hand_over(migration);
}

static int claim(struct end *end, const char *which, struct err *err)
{
    int result = store_claim_take(end->store, "migrate", &end->claim, err);

    if (result)
        err_at(err, "%s", which);
    return result;
}

int migrate(const char *source_url, const char *target_url, migrate_progress_fn *progress, void *context,
            struct store_totals *ret_moved, struct err *err)
{
    struct migration migration = {.progress_fn = progress, .context = context, .batch = store_batch_new(), .err = err};
    int result;

    if (!strcmp(source_url, target_url))
        result = err_set(err, ERR_INVALID, "source and target are the same store");
    else if (!(result = open_end(source_url, &migration.source, err)))
        result = open_end(target_url, &migration.target, err);
    if (!result && is_nearly_done(&migration)) {
        if (!(result = store_totals(migration.target.store, &migration.progress.moved, err)))
            result = store_set_mark(migration.target.store, STORE_UNMARKED, NULL, err);
    } else if (!result && !(result = check_marks(&migration, err)) &&
               !(result = claim(&migration.source, "source", err)) &&
               !(result = claim(&migration.target, "target", err))) {
        result = move(&migration);
    }
    close_end(&migration.source);
    close_end(&migration.target);
    store_batch_free(migration.batch);
    free(migration.kind);
    free(migration.key);
    if (!result)
        *ret_moved = migration.progress.moved;
    return result;
}
