/*
 * fault.h - a store that fails when it is told to, around one that works: for tests.
 *
 * Every call that can fail counts; the `fail_at`-th is answered with ERR_IO and does not reach the store
 * inside. A test walks fail_at = 1, 2, 3 ... until a run ends without a fault having struck.
 */
#ifndef RUNTIME_STORE_FAULT_H
#define RUNTIME_STORE_FAULT_H

#include <stdbool.h>

struct store;

/* Takes `inner` over: closing the one closes the other. fail_at 0: never. */
struct store *store_fault_new(struct store *inner, int fail_at);
/* Starts counting anew. */
void store_fault_arm(struct store *fault, int fail_at);
/* Whether the fault has struck since it was armed. */
bool store_fault_struck(const struct store *fault);

#endif
