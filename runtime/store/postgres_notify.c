/*
 * postgres_notify.c - what other processes did to the store, from the notifications that they send.
 *
 * A notification is text, a line for each thing, the first the id of the writer that sent it:
 *
 *     d                  documents were written
 *     o                  a node came, went, or gave shards back
 *     q 3 17             requests for the owners of these shards; q *: of any
 *     r NODE NODE        replies for these nodes; r *: for some; -: for a process that is none
 *     h TOPIC TEXT       a hint
 *
 * One says nothing to itself but about requests and replies: a node may ask itself. Notifications that a lost
 * connection may have swallowed count as if everything had happened.
 */
#include "config.h"

#include "runtime/store/postgres_priv.h"

#include "asl/base/buf.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* PostgreSQL takes less than 8000 bytes. */
enum { PAYLOAD_BYTES_MAX = 7900, SHARDS_NAMED_MAX = 500, ASKERS_NAMED_MAX = 20, HINTS_MAX = 10000 };

/* --- sending -------------------------------------------------------------------------------------------- */

static void add_shards(struct buf *payload, const struct store_batch *batch)
{
    uint64_t there[STORE_SHARDS_MAX / 64] = {0};
    size_t count = 0;

    for (size_t i = 0; i < batch->requests.count; i++) {
        uint64_t *word = &there[batch->requests.items[i].shard / 64];
        uint64_t bit = UINT64_C(1) << batch->requests.items[i].shard % 64;

        count += !(*word & bit);
        *word |= bit;
    }
    if (!count)
        return;
    buf_add_text(payload, "\nq");
    if (count > SHARDS_NAMED_MAX)
        buf_add_text(payload, " *");
    for (int shard = 0; count <= SHARDS_NAMED_MAX && shard < STORE_SHARDS_MAX; shard++) {
        if (there[shard / 64] >> shard % 64 & 1)
            buf_printf(payload, " %d", shard);
    }
}

/* Of one batch's replies most have the same few askers. */
static void add_askers(struct buf *payload, const struct store_batch *batch)
{
    const char *said[ASKERS_NAMED_MAX];
    size_t count = 0;

    for (size_t i = 0; i < batch->replies.count && count <= ASKERS_NAMED_MAX; i++) {
        const char *asker = batch->replies.items[i].asker ? batch->replies.items[i].asker : "-";
        bool is_new = batch->replies.items[i].body != NULL;

        for (size_t k = 0; k < count && is_new; k++)
            is_new = strcmp(said[k], asker) != 0;
        if (is_new && count < ASKERS_NAMED_MAX)
            said[count] = asker;
        count += is_new;
    }
    if (count)
        buf_add_text(payload, count > ASKERS_NAMED_MAX ? "\nr *" : "\nr");
    for (size_t i = 0; count <= ASKERS_NAMED_MAX && i < count; i++)
        buf_printf(payload, " %s", said[i]);
}

static int send_payload(struct postgres_store *store, struct buf *payload, int *ret_sent, struct err *err)
{
    AUTO_PARAMS params = PARAMS_INIT;

    params_add_text(&params, buf_text(payload));
    ++*ret_sent;
    return postgres_send(store->writer.pg, POSTGRES_NOTIFY, &params, err);
}

int postgres_send_notify(struct postgres_store *store, const struct store_batch *batch, int *ret_sent, struct err *err)
{
    AUTO_BUF payload = BUF_INIT;
    size_t empty;
    int result = 0;

    buf_add_text(&payload, store->writer_id);
    empty = payload.bytes;
    if (batch->documents.count)
        buf_add_text(&payload, "\nd");
    add_shards(&payload, batch);
    add_askers(&payload, batch);
    for (size_t i = 0; i < batch->hints.count && !result; i++) {
        if (payload.bytes + STORE_HINT_BYTES + 100 > PAYLOAD_BYTES_MAX) {
            result = send_payload(store, &payload, ret_sent, err);
            buf_clear(&payload);
            buf_add_text(&payload, store->writer_id);
        }
        buf_printf(&payload, "\nh %s %s", batch->hints.items[i].topic, batch->hints.items[i].text);
    }
    if (!result && payload.bytes > empty)
        result = send_payload(store, &payload, ret_sent, err);
    return result;
}

/* --- receiving ------------------------------------------------------------------------------------------ */

static void happened_all(struct store_changes *changes)
{
    changes->documents = changes->owners = changes->replies = changes->requests = true;
    memset(changes->shards, 0xFF, sizeof(changes->shards));
}

static void read_shards(struct store_changes *changes, const char *text)
{
    changes->requests = true;
    if (strchr(text, '*'))
        memset(changes->shards, 0xFF, sizeof(changes->shards));
    for (char *end; *text; text = end) {
        unsigned long shard = strtoul(text, &end, 10);

        if (end == text)
            return;
        if (shard < STORE_SHARDS_MAX)
            changes->shards[shard / 64] |= UINT64_C(1) << shard % 64;
    }
}

static bool names_us(const struct postgres_store *store, const char *names)
{
    size_t bytes = store->listens ? strlen(store->listens) : 0;

    for (const char *name = names; *name;) {
        size_t length;

        name += strspn(name, " ");
        length = strcspn(name, " ");
        if ((length == 1 && *name == '*') || (bytes && length == bytes && !memcmp(name, store->listens, length)))
            return true;
        name += length;
    }
    return false;
}

static void keep_hint(struct postgres_store *store, const char *line)
{
    if (store->hint_count == HINTS_MAX) /* nobody comes for them: they are hints */
        return;
    store->hints = mem_grow(store->hints, &store->hint_capacity, store->hint_count + 1, sizeof(*store->hints));
    store->hints[store->hint_count++] = mem_strdup(line);
}

static void read_line(struct postgres_store *store, char *line, bool is_own)
{
    struct store_changes *changes = &store->changes;

    if (line[0] == 'q')
        read_shards(changes, line + 1);
    else if (line[0] == 'r')
        changes->replies = changes->replies || names_us(store, line + 1);
    else if (line[0] == 'd')
        changes->documents = changes->documents || !is_own;
    else if (line[0] == 'o')
        changes->owners = changes->owners || !is_own;
    else if (line[0] == 'h' && line[1] == ' ' && !is_own)
        keep_hint(store, line + 2);
}

static void read_payload(struct postgres_store *store, char *payload)
{
    char *rest = payload;
    const char *sender = strsep(&rest, "\n");
    bool is_own = !strcmp(sender, store->writer_id);

    store->change_counter += !is_own;
    if (!rest) /* of an older version */
        happened_all(&store->changes);
    while (rest)
        read_line(store, strsep(&rest, "\n"), is_own);
}

/* Whether the listener is there. A new one has heard nothing of what happened before. */
static bool hear(struct postgres_store *store)
{
    if (store->listener.pg && pq.status(store->listener.pg) == CONNECTION_OK)
        return true;
    if (postgres_connect(store, &store->listener, postgres_connect_wait_ms(store, &store->listener), NULL))
        return false;
    store->change_counter++;
    happened_all(&store->changes);
    return true;
}

int64_t postgres_change_counter(struct store *base)
{
    struct postgres_store *store = (struct postgres_store *)base;
    PGconn *pg = store->listener.pg;

    if (pg && !pq.consumeInput(pg))
        postgres_drop(&store->listener);
    if (!hear(store))
        return store->change_counter;
    pg = store->listener.pg;
    for (PGnotify *notify; (notify = pq.notifies(pg)); pq.freemem(notify))
        read_payload(store, notify->extra);
    return store->change_counter;
}

void postgres_changes(struct store *base, struct store_changes *ret_changes, store_hint_fn *fn, void *context)
{
    struct postgres_store *store = (struct postgres_store *)base;
    char **hints;
    size_t count;

    postgres_change_counter(base);
    *ret_changes = store->changes;
    memset(&store->changes, 0, sizeof(store->changes));
    hints = store->hints;
    count = store->hint_count;
    store->hints = NULL;
    store->hint_count = store->hint_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        char *text = hints[i];
        const char *topic = strsep(&text, " ");

        if (fn && text)
            fn(context, topic, text);
        free(hints[i]);
    }
    free(hints);
}

void postgres_listen(struct store *base, const char *node)
{
    struct postgres_store *store = (struct postgres_store *)base;

    store->is_node = true;
    if (store->reader.pg && postgres_limit_locks(store->reader.pg, NULL))
        postgres_drop(&store->reader); /* the next one is made for a node */
    free(store->listens);
    store->listens = mem_strdup(node);
    happened_all(&store->changes);
}

int postgres_notify_fd(struct store *base)
{
    struct postgres_store *store = (struct postgres_store *)base;

    /* A new connection is made where what has happened since is told: postgres_change_counter(). */
    return pq.status(store->listener.pg) == CONNECTION_OK ? pq.socket(store->listener.pg) : -1;
}

void postgres_notify_close(struct postgres_store *store)
{
    for (size_t i = 0; i < store->hint_count; i++)
        free(store->hints[i]);
    free(store->hints);
    free(store->listens);
}
