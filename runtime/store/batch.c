/* batch.c - what one commit writes: filled on the loop's thread, read by the backend on the writer's. */
#include "config.h"

#include "runtime/store/store_priv.h"

#include "asl/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more entry at the end of a list; the entry is zeroed. */
#define LIST_ADD(list)                                                                                                 \
    ((list).items = mem_grow((list).items, &(list).capacity, (list).count + 1, sizeof(*(list).items)),                 \
     memset(&(list).items[(list).count], 0, sizeof(*(list).items)), &(list).items[(list).count++])

struct store_batch *store_batch_new(void)
{
    struct store_batch *batch = NEW(struct store_batch);

    batch->arena = arena_new(0);
    return batch;
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch)
        return;
    arena_free(batch->arena);
    free(batch->executions.items);
    free(batch->history.items);
    free(batch->removals.items);
    free(batch->documents.items);
    free(batch->replies.items);
    free(batch->marks.items);
    free(batch->requests.items);
    free(batch->hints.items);
    free(batch->proofs.items);
    free(batch->by_id);
    free(batch);
}

bool store_batch_empty(const struct store_batch *batch)
{
    return !batch->executions.count && !batch->history.count && !batch->removals.count && !batch->documents.count &&
           !batch->replies.count && !batch->marks.count && !batch->requests.count && !batch->hints.count &&
           !batch->proofs.count;
}

size_t store_batch_bytes(const struct store_batch *batch)
{
    return arena_used(batch->arena) + batch->executions.count * sizeof(struct batch_execution);
}

static const char *keep(struct store_batch *batch, const char *text)
{
    return text ? arena_strdup(batch->arena, text) : NULL;
}

/* The slot where the execution is or would be (linear probing; ids are dense, so they are spread by a
 * multiplication). */
static uint32_t *find_slot(const struct store_batch *batch, int64_t id)
{
    size_t mask = batch->by_id_slots - 1;
    size_t at = (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;

    while (batch->by_id[at] && batch->executions.items[batch->by_id[at] - 1].row.id != id)
        at = (at + 1) & mask;
    return &batch->by_id[at];
}

/* Keeps the table at most half full. */
static void grow_table(struct store_batch *batch)
{
    if (batch->executions.count * 2 < batch->by_id_slots)
        return;
    batch->by_id_slots = batch->by_id_slots ? batch->by_id_slots * 2 : 64;
    free(batch->by_id);
    batch->by_id = mem_zalloc(batch->by_id_slots * sizeof(*batch->by_id));
    for (size_t i = 0; i < batch->executions.count; i++)
        *find_slot(batch, batch->executions.items[i].row.id) = (uint32_t)(i + 1);
}

/* The entry of an execution, made when it is missing. */
static struct batch_execution *execution_entry(struct store_batch *batch, int64_t id)
{
    uint32_t *slot;
    struct batch_execution *entry;

    grow_table(batch);
    slot = find_slot(batch, id);
    if (*slot)
        return &batch->executions.items[*slot - 1];
    entry = LIST_ADD(batch->executions);
    entry->row.id = id;
    *slot = (uint32_t)batch->executions.count;
    return entry;
}

void store_batch_add_execution(struct store_batch *batch, const struct store_execution *execution)
{
    struct batch_execution *entry = execution_entry(batch, execution->id);

    assert(!entry->added);
    assert(execution->arn && execution->machine);
    entry->added = true;
    entry->row = *execution;
    entry->row.arn = keep(batch, execution->arn);
    entry->row.machine = keep(batch, execution->machine);
    entry->row.meta = keep(batch, execution->meta ? execution->meta : "{}");
    entry->row.map_run = keep(batch, execution->map_run);
}

void store_batch_set_execution(struct store_batch *batch, const struct store_execution *execution)
{
    struct batch_execution *entry = execution_entry(batch, execution->id);

    entry->row.shard = execution->shard;
    entry->row.status = execution->status;
    entry->row.stopped_ms = execution->stopped_ms;
    entry->row.wake_ms = execution->wake_ms;
    entry->row.redrive_count = execution->redrive_count;
    entry->row.redriven_ms = execution->redriven_ms;
}

void store_batch_add_history(struct store_batch *batch, int shard, int64_t execution_id, int64_t first_event_id,
                             int64_t last_event_id, const char *body, size_t bytes)
{
    struct batch_history *entry = LIST_ADD(batch->history);

    assert(first_event_id <= last_event_id + 1);
    *entry = (struct batch_history){
        .shard = shard,
        .execution_id = execution_id,
        .first_event_id = first_event_id,
        .last_event_id = last_event_id,
        .body = arena_strndup(batch->arena, body, bytes),
        .bytes = bytes,
    };
}

void store_batch_put_document(struct store_batch *batch, const char *kind, const char *key, const char *body,
                              int64_t expected_version, bool *ret_conflict)
{
    struct batch_document *entry = LIST_ADD(batch->documents);

    assert(body);
    *entry = (struct batch_document){
        .kind = keep(batch, kind),
        .key = keep(batch, key),
        .body = keep(batch, body),
        .expected_version = expected_version,
        .conflict = ret_conflict,
    };
}

void store_batch_delete_document(struct store_batch *batch, const char *kind, const char *key)
{
    store_batch_delete_document_at(batch, kind, key, -1);
}

void store_batch_delete_document_at(struct store_batch *batch, const char *kind, const char *key, int64_t version)
{
    struct batch_document *entry = LIST_ADD(batch->documents);

    entry->kind = keep(batch, kind);
    entry->key = keep(batch, key);
    entry->expected_version = version;
}

void store_batch_restore_document(struct store_batch *batch, const char *kind, const char *key, const char *body,
                                  int64_t version)
{
    struct batch_document *entry = LIST_ADD(batch->documents);

    assert(body && version > 0);
    entry->kind = keep(batch, kind);
    entry->key = keep(batch, key);
    entry->body = keep(batch, body);
    entry->restored_version = version;
}

void store_batch_remove_execution(struct store_batch *batch, int shard, int64_t execution_id, int64_t before_ms)
{
    struct batch_removal *entry = LIST_ADD(batch->removals);

    *entry = (struct batch_removal){.shard = shard, .execution_id = execution_id, .before_ms = before_ms};
}

void store_batch_reply(struct store_batch *batch, int64_t request_seq, const char *asker, const char *reply)
{
    struct batch_reply *entry = LIST_ADD(batch->replies);

    entry->seq = request_seq;
    entry->asker = keep(batch, asker);
    entry->body = keep(batch, reply);
}

void store_batch_mark_request(struct store_batch *batch, int64_t request_seq)
{
    struct batch_mark *entry = LIST_ADD(batch->marks);

    entry->seq = request_seq;
}

void store_batch_put_request(struct store_batch *batch, int shard, const char *asker, int64_t number, const char *body)
{
    struct batch_request *entry = LIST_ADD(batch->requests);

    assert(asker && body);
    *entry = (struct batch_request){
        .shard = shard, .asker = keep(batch, asker), .number = number, .body = keep(batch, body)};
}

/* One that is still in the batch is just not written. */
static bool forget_request(struct store_batch *batch, int shard, const char *asker, int64_t number)
{
    for (size_t i = batch->requests.count; i-- > 0;) {
        struct batch_request *entry = &batch->requests.items[i];

        if (entry->body && entry->number == number && entry->shard == shard && !strcmp(entry->asker, asker)) {
            memmove(entry, entry + 1, (--batch->requests.count - i) * sizeof(*entry));
            return true;
        }
    }
    return false;
}

void store_batch_drop_request(struct store_batch *batch, int shard, const char *asker, int64_t number)
{
    struct batch_request *entry;

    if (forget_request(batch, shard, asker, number))
        return;
    entry = LIST_ADD(batch->requests);
    *entry = (struct batch_request){.shard = shard, .asker = keep(batch, asker), .number = number};
}

void store_batch_hint(struct store_batch *batch, const char *topic, const char *text)
{
    struct batch_hint *entry = LIST_ADD(batch->hints);

    assert(strlen(text) <= STORE_HINT_BYTES && !strchr(topic, ' '));
    entry->topic = keep(batch, topic);
    entry->text = keep(batch, text);
}

void store_batch_prove(struct store_batch *batch, int shard, int64_t epoch)
{
    struct batch_proof *entry;

    for (size_t i = 0; i < batch->proofs.count; i++) {
        if (batch->proofs.items[i].shard == shard && batch->proofs.items[i].epoch == epoch)
            return;
    }
    entry = LIST_ADD(batch->proofs);
    entry->shard = shard;
    entry->epoch = epoch;
}

void store_batch_settle(struct store_batch *batch)
{
    for (size_t i = 0; i < batch->documents.count; i++) {
        struct batch_document *document = &batch->documents.items[i];

        if (document->is_conflict && document->conflict)
            *document->conflict = true;
    }
}
