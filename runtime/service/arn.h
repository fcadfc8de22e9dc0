/*
 * arn.h - the ARNs of state machines, executions, activities and Map Runs.
 *
 * Shapes    stateMachine:NAME[/LABEL][:VERSION or ALIAS]   execution:MACHINE[/LABEL]:NAME
 *           express:MACHINE[/LABEL]:NAME:UUID              activity:NAME
 *           mapRun:MACHINE/LABEL:UUID                      each after arn:PARTITION:states:REGION:ACCOUNT:
 *           The ARN of a state machine may end in `#CASE`, which names a test case of a mock file.
 * Memory    a struct arn holds its own copy of the text; the parts point into it. It must not be copied.
 * Source    reference/api.md section 2.
 */
#ifndef RUNTIME_SERVICE_ARN_H
#define RUNTIME_SERVICE_ARN_H

#include <stdbool.h>
#include <stddef.h>

enum arn_kind { ARN_MACHINE, ARN_EXECUTION, ARN_EXPRESS, ARN_ACTIVITY, ARN_MAP_RUN };

enum { ARN_BYTES_MAX = 2048 };

struct arn {
    enum arn_kind kind;
    const char *partition, *region, *account;
    const char *machine;   /* name of the state machine; NULL for an activity */
    const char *label;     /* of the distributed Map, or NULL */
    const char *qualifier; /* machine: version number or alias, or NULL */
    const char *name;      /* of the execution or activity */
    const char *uuid;      /* express, mapRun */
    const char *test_case; /* machine: after `#`, or NULL */
    char text[ARN_BYTES_MAX];
};

/* 0, or ERR_INVALID with the text that stands in AWS's InvalidArn between the quotes. */
struct err;
int arn_parse(const char *text, struct arn *ret_arn, struct err *err);

/* "stateMachine", "execution" ... */
const char *arn_kind_name(enum arn_kind kind);

/* The qualifier is a version: only digits. Alias names hold a non-digit. */
bool arn_is_version(const char *qualifier);

/* Whether the text may name a state machine, an execution or an activity (length apart). */
bool arn_name_valid(const char *name, size_t bytes);

#endif
