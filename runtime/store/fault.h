/*
 * fault.h - a store that fails when it is told to, around one that works: for tests.
 *
 * Every call that can fail counts; the `fail_at`-th is answered with ERR_IO and does not reach the store
 * inside. A test walks fail_at = 1, 2, 3 ... until a run ends without a fault having struck.
 * Commits alone can be counted too, be answered with any error whether they are written or not, and be held back.
 */
#ifndef RUNTIME_STORE_FAULT_H
#define RUNTIME_STORE_FAULT_H

#include "asl/base/err.h"

#include <stdbool.h>

struct store;

/* Takes `inner` over: closing the one closes the other. fail_at 0: never. */
struct store *store_fault_new(struct store *inner, int fail_at);
/* Starts counting anew. */
void store_fault_arm(struct store *fault, int fail_at);
/*
 * Counts commits only: the `fail_at`-th from now is answered with the code. `written`: it reaches the store inside all
 * the same, as when the answer to it is lost.
 */
void store_fault_arm_commit(struct store *fault, int fail_at, enum err_code code, bool written);
/* While it is so, no execution can be read. */
void store_fault_blind(struct store *fault, bool blind);
/* The same from the n-th read of executions on, until store_fault_blind(fault, false). */
void store_fault_blind_after(struct store *fault, int reads);
/* Whether the fault has struck since it was armed. */
bool store_fault_struck(struct store *fault);

/* Commits come to their end, and wait with their answer until they are let go. */
void store_fault_hold(struct store *fault);
/* How many wait, 0 or 1. */
int store_fault_held(struct store *fault);
void store_fault_let_go(struct store *fault);

#endif
