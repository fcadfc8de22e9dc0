/*
 * arena.h - memory that is freed all at once.
 *
 * A compiled definition lives in one arena; each evaluation of an expression has one of its own.
 *
 * Promise   allocations are zeroed, aligned for any type, and never fail below the limit.
 * Limit     arena_alloc() returns NULL once `bytes_max` would be passed (0: no limit); an arena
 *           without a limit never returns NULL.
 * Memory    arena_free() frees everything handed out and releases the JSON values it keeps.
 */
#ifndef ASL_BASE_ARENA_H
#define ASL_BASE_ARENA_H

#include <stddef.h>

struct arena;
struct json_object;

struct arena *arena_new(size_t bytes_max);
void arena_free(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t bytes);
/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);
/* The arena takes a reference of its own and drops it in arena_free(). Returns value. */
struct json_object *arena_keep(struct arena *arena, struct json_object *value);
/* arena_free() calls `release(thing)`, the last one deferred first, before any memory goes. */
void arena_defer(struct arena *arena, void (*release)(void *thing), void *thing);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

#endif
