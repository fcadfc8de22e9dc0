/*
 * elsewhere.h - tasks whose function this process has no handler for, done by another node that has one.
 *
 *     owner of the execution                       a node that has the function
 *     start() ── "~RunTask" to a shard of it ────▶ its own handlers
 *     report() ◀──────────── answer ────────────── report()
 *
 * Each node tells the others which functions it has ("functions" of its info, looked at again every few seconds).
 * A task whose function is here never leaves; where several others have it they take turns; where nobody has it the
 * local handlers say what AWS says of a function that is not there.
 *
 * Promise   the request is durable: when the node that works on it dies, the new owner of the shard that it was sent to
 *           reads it, does it when it has the function, and otherwise refuses, so that it is sent on. So the task is
 *           started again, under the same idempotency token. Who was cancelled is told, and ends its work. A node
 *           works on a token once at a time: a second request for it (its first asker died) waits for the same result.
 */
#ifndef RUNTIME_EXECUTOR_ELSEWHERE_H
#define RUNTIME_EXECUTOR_ELSEWHERE_H

struct connector;
struct engine;

/* Both sides. `functions` is this process's own (functions.h), which has to be asked after it and closed after it. */
struct connector *elsewhere_open(struct engine *engine, struct connector *functions);

#endif
