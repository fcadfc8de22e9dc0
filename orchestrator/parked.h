/*
 * parked.h - a connector that takes every task and does nothing.
 *
 * A command that changes something and goes away (`start`, `task success`) owns the store for a moment,
 * in which executions move on to their next tasks. Those are left as they are: whoever owns the store next
 * starts them, as after a crash.
 */
#ifndef ORCHESTRATOR_PARKED_H
#define ORCHESTRATOR_PARKED_H

struct connector;

struct connector *parked_new(void);

#endif
