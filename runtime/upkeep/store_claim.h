/*
 * store_claim.h - all leases of a store at once, for work during which no process may run executions.
 *
 * Promise   while the claim is held and renewed nobody else commits executions; each commit that is to be safe against
 *           a pause of this process proves the claim.
 */
#ifndef RUNTIME_UPKEEP_STORE_CLAIM_H
#define RUNTIME_UPKEEP_STORE_CLAIM_H

struct err;
struct store;
struct store_batch;
struct store_claim;

/* purpose: a word for the name in the leases. ERR_BUSY: a process runs executions of the store; its name is in err. */
int store_claim_take(struct store *store, const char *purpose, struct store_claim **ret_claim, struct err *err);
/* Renews the leases where it is time to; to be called every second or so. ERR_FENCED: they were lost. */
int store_claim_renew(struct store_claim *claim, struct err *err);
/* Renews them now, which fails when anybody has taken them meanwhile. */
int store_claim_check(struct store_claim *claim, struct err *err);
/* The batch's commit fails unless the claim still holds. */
void store_claim_prove(const struct store_claim *claim, struct store_batch *batch);
/* Gives the leases back. NULL is allowed. */
void store_claim_release(struct store_claim *claim);

#endif
