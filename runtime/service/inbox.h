/*
 * inbox.h - requests of other processes, answered by the one that owns the store.
 *
 * Shapes    request: {"operation": "StartExecution", "input": {...}}; reply: {"output": {...}} or
 *           {"error": "...", "message": "...", "output": {further members}}.
 * Promise   a request is taken out of the inbox in the commit that leaves its reply; one that was not
 *           answered is seen again by the next owner.
 * Calling   on the loop thread. Looks every 10 ms whether another process has written to the store
 *           (SQLite cannot wake us).
 */
#ifndef RUNTIME_SERVICE_INBOX_H
#define RUNTIME_SERVICE_INBOX_H

struct engine;
struct service;
struct service_inbox;

struct service_inbox *service_inbox_open(struct service *service, struct engine *engine);
/* Requests that are at work lose their answer here, and stay in the inbox. NULL is allowed. */
void service_inbox_close(struct service_inbox *inbox);

#endif
