/*
 * peer_priv.h - what peer.c and peer_inbox.c share: the form of a request and of an answer in the store.
 *
 * Request: {"operation": ..., "input": ...}. Answer: JSON as the handler gave it; a code instead of an answer is
 * {"~code": n, "message": ...}.
 */
#ifndef RUNTIME_EXECUTOR_PEER_PRIV_H
#define RUNTIME_EXECUTOR_PEER_PRIV_H

#define PEER_CODE "~code"

#endif
