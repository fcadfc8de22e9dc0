/*
 * inbox.h - operations of the API that other processes ask for through the store's inbox (runtime/executor/peer.h).
 *
 * Shapes    request: {"operation": "StartExecution", "input": {...}}; reply: {"output": {...}} or
 *           {"error": "...", "message": "...", "output": {further members}}.
 * Promise   a request is taken out of the inbox in the commit that leaves its reply; one that was not
 *           answered is seen again by the next owner. Where only the answer was missing then, it is made without doing
 *           the thing twice.
 * Calling   on the loop thread.
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
