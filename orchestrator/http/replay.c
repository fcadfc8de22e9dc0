#include "config.h"

#include "orchestrator/http/replay.h"

#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "orchestrator/http/sigv4.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 256 };

struct seen {
    unsigned char signature[REPLAY_BYTES];
    int64_t date_s;
    uint32_t next; /* in its chain, index + 1; 0: the last */
};

/* A ring of entries in the order in which they came, and chains of them by their first bytes. */
struct replay {
    struct seen *ring;
    uint32_t *chains; /* index + 1; as many as the ring has places, a power of two */
    size_t room, max;
    size_t first, count;
    int64_t floor_s; /* dates up to this one are taken for used */
};

struct replay *replay_new(size_t max)
{
    struct replay *replay = NEW(struct replay);

    replay->max = max ? max : LIMIT_REPLAY_SIGNATURES;
    replay->floor_s = INT64_MIN;
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    free(replay->ring);
    free(replay->chains);
    free(replay);
}

static uint32_t *chain_of(const struct replay *replay, const unsigned char *signature)
{
    uint32_t start;
    memcpy(&start, signature, sizeof(start));
    return &replay->chains[start & (replay->room - 1)];
}

static void link_entry(struct replay *replay, size_t at)
{
    uint32_t *chain = chain_of(replay, replay->ring[at].signature);

    replay->ring[at].next = *chain;
    *chain = (uint32_t)at + 1;
}

static void unlink_entry(struct replay *replay, size_t at)
{
    uint32_t *link = chain_of(replay, replay->ring[at].signature);

    while (*link != at + 1)
        link = &replay->ring[*link - 1].next;
    *link = replay->ring[at].next;
}

static void drop_first(struct replay *replay)
{
    unlink_entry(replay, replay->first);
    replay->first = (replay->first + 1) & (replay->room - 1);
    replay->count--;
}

static void grow(struct replay *replay)
{
    size_t room = replay->room ? replay->room * 2 : ROOM_FIRST;
    struct seen *ring = mem_alloc(room * sizeof(*ring));

    for (size_t i = 0; i < replay->count; i++)
        ring[i] = replay->ring[(replay->first + i) & (replay->room - 1)];
    free(replay->ring);
    free(replay->chains);
    replay->ring = ring;
    replay->chains = mem_zalloc(room * sizeof(*replay->chains));
    replay->room = room;
    replay->first = 0;
    for (size_t i = 0; i < replay->count; i++)
        link_entry(replay, i);
}

static bool is_seen(const struct replay *replay, const unsigned char *signature)
{
    for (uint32_t at = *chain_of(replay, signature); at; at = replay->ring[at - 1].next)
        if (!memcmp(replay->ring[at - 1].signature, signature, REPLAY_BYTES))
            return true;
    return false;
}

static void add(struct replay *replay, const unsigned char *signature, int64_t date_s)
{
    if (replay->count == replay->max) {
        if (replay->ring[replay->first].date_s > replay->floor_s)
            replay->floor_s = replay->ring[replay->first].date_s;
        drop_first(replay);
    }
    if (replay->count == replay->room)
        grow(replay);
    size_t at = (replay->first + replay->count++) & (replay->room - 1);
    memcpy(replay->ring[at].signature, signature, REPLAY_BYTES);
    replay->ring[at].date_s = date_s;
    link_entry(replay, at);
}

bool replay_is_new(struct replay *replay, const unsigned char signature[REPLAY_BYTES], int64_t date_s, int64_t now_s)
{
    while (replay->count && replay->ring[replay->first].date_s < now_s - SIGV4_SKEW_SECONDS)
        drop_first(replay);
    if (date_s <= replay->floor_s || (replay->count && is_seen(replay, signature)))
        return false;
    add(replay, signature, date_s);
    return true;
}
