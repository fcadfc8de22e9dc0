/*
 * status.h - how an execution stands, in the words of the API.
 */
#ifndef RUNTIME_EXECUTION_STATUS_H
#define RUNTIME_EXECUTION_STATUS_H

struct execution;

enum execution_status {
#define STATUS(enumerator, name) enumerator,
#include "runtime/execution/statuses.def"
#undef STATUS
    EXECUTION_STATUS_COUNT
};

/* "RUNNING" ... */
const char *execution_status_name(enum execution_status status);
/* The status of that name; -1: there is none (or the name is NULL). */
int execution_status_find(const char *name);
/* What the execution has come to: RUNNING, or how it ended. */
enum execution_status execution_status(const struct execution *execution);

#endif
