#include "asl/base/arena.h"

#include "asl/base/mem.h"

#include <json-c/json.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES_MIN = 4096, BLOCK_BYTES_MAX = 1 << 20 };

struct block {
    struct block *older;
    size_t bytes;
    alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *older;
    void (*release)(void *thing);
    void *thing;
};

struct arena {
    struct block *newest;
    size_t used;  /* bytes used in the newest block */
    size_t total; /* bytes handed out */
    size_t bytes_max;
    struct deferred *deferred;
};

struct arena *arena_new(size_t bytes_max)
{
    struct arena *arena = NEW(struct arena);
    arena->bytes_max = bytes_max;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct deferred *d = arena->deferred; d; d = d->older)
        d->release(d->thing);
    while (arena->newest) {
        struct block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
    free(arena);
}

static void add_block(struct arena *arena, size_t need)
{
    size_t bytes = arena->newest ? arena->newest->bytes * 2 : BLOCK_BYTES_MIN;
    if (bytes > BLOCK_BYTES_MAX)
        bytes = BLOCK_BYTES_MAX;
    if (bytes < need)
        bytes = need;
    struct block *block = mem_alloc(sizeof *block + bytes);
    block->older = arena->newest;
    block->bytes = bytes;
    arena->newest = block;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t align = alignof(max_align_t);
    bytes = (bytes + align - 1) & ~(align - 1);
    if (arena->bytes_max && arena->total + bytes > arena->bytes_max)
        return NULL;
    if (arena->newest == NULL || arena->newest->bytes - arena->used < bytes)
        add_block(arena, bytes);
    void *memory = arena->newest->data + arena->used;
    arena->used += bytes;
    arena->total += bytes;
    return memset(memory, 0, bytes);
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t bytes)
{
    char *copy = arena_alloc(arena, bytes + 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

size_t arena_used(const struct arena *arena)
{
    return arena->total;
}

void arena_defer(struct arena *arena, void (*release)(void *thing), void *thing)
{
    struct deferred *d = ARENA_NEW(arena, struct deferred);
    d->release = release;
    d->thing = thing;
    d->older = arena->deferred;
    arena->deferred = d;
}

static void put_json(void *value)
{
    json_object_put(value);
}

struct json_object *arena_keep(struct arena *arena, struct json_object *value)
{
    if (value)
        arena_defer(arena, put_json, json_object_get(value));
    return value;
}
