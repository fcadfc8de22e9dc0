/*
 * retention.h - how long closed executions are kept: a time for all, others for single state machines.
 *
 * Shapes    a state machine is named as in the rows of executions: an ARN, of a map run's child with its label,
 *           which counts as the machine before the slash. Settings name it by its name alone.
 * Units     milliseconds; RETENTION_FOREVER: kept.
 * Threads   read by several once it is filled.
 */
#ifndef RUNTIME_UPKEEP_RETENTION_H
#define RUNTIME_UPKEEP_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retention;

#define RETENTION_FOREVER INT64_MAX

struct retention *retention_new(int64_t default_ms);
void retention_free(struct retention *retention); /* NULL is allowed */
void retention_set_default(struct retention *retention, int64_t default_ms);
void retention_add(struct retention *retention, const char *name, int64_t keep_ms);

/* How long the closed executions of a machine are kept. NULL: for ever. */
int64_t retention_of(const struct retention *retention, const char *machine_arn);
/* The shortest time of all, RETENTION_FOREVER where nothing is ever removed. */
int64_t retention_shortest(const struct retention *retention);
/* Whether an execution of that machine which stopped then has had its time. */
bool retention_is_over(const struct retention *retention, const char *machine_arn, int64_t stopped_ms, int64_t now_ms);

/* "90d", "12h", "30m", "45s", "2w" or "forever". False: it is none of these. */
bool retention_parse(const char *text, int64_t *ret_ms);

/* The name in a machine's ARN: what is after the last colon, up to a slash. Borrowed; not terminated. */
const char *retention_machine_name(const char *machine_arn, size_t *ret_bytes);

#endif
