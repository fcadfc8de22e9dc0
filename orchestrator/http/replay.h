/*
 * replay.h - signatures that were used: a request that changes something is taken once.
 *
 * A signed request is valid for as long as clocks may be apart; whoever has read it on the way could send it again
 * until then. So the signatures of changing requests are remembered that long.
 *
 * Bounds    at most LIMIT_REPLAY_SIGNATURES; where there would be more, the oldest go, and with them every date up to
 *           theirs: a request of that date or before is refused from then on, whether it was seen or not. Memory grows
 *           with use.
 * Honest    two equal requests that were signed in the same second by a client that signs nothing unique are one: the
 *           second is asked to come back, which SDKs do by themselves and with a new date.
 */
#ifndef ORCHESTRATOR_HTTP_REPLAY_H
#define ORCHESTRATOR_HTTP_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay;

/* max: 0 for LIMIT_REPLAY_SIGNATURES. */
struct replay *replay_new(size_t max);
void replay_free(struct replay *replay);

enum { REPLAY_BYTES = 16 }; /* of the signature, which is random: that many are as good as all */

/* Whether a verified request of that date is new; remembers it, for as long as its date is valid. */
bool replay_is_new(struct replay *replay, const unsigned char signature[REPLAY_BYTES], int64_t date_s, int64_t now_s);

#endif
