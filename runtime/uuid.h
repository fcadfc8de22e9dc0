/*
 * uuid.h - names that nobody else makes: UUIDs of RFC 9562.
 *
 * Random    from the system's generator by way of libcrypto, fetched a page at a time: a request needs two or three.
 *           They are unique, not secret: tokens and keys are made elsewhere.
 * Threads   each has a supply of its own.
 */
#ifndef RUNTIME_UUID_H
#define RUNTIME_UUID_H

#include <stdint.h>

enum { UUID_BYTES = 37 }; /* of the text, with its NUL */

/* A random one (version 4). */
void uuid_random(char out[UUID_BYTES]);
/*
 * One that is ordered by the moment (version 7): names that are made one after the other lie side by side in the
 * store's index, and a commit touches few of its pages.
 */
void uuid_of_time(int64_t ms, char out[UUID_BYTES]);

#endif
