/*
 * transfer.h - one execution as a text file: out of a store, into another one.
 *
 * Format    JSON Lines, one object with one member a line, in this order:
 *             {"export": {"format": "orchestrator execution", "version": 1, "execution": ARN}}
 *             {"document": {"kind", "key", "body"}}     any number: see Documents
 *             {"execution": {"arn", "machine", "status", "startedMs", "stoppedMs", "redriveCount", "redrivenMs",
 *                            "mapRun", "meta"}}         mapRun: only of a map run's child
 *             {"history": {"first", "last", "events"}}  the rows of the execution before, as they are stored
 *                                                       (runtime/execution/event_codec.h)
 *             {"end": {"documents", "executions", "rows", "sha256"}}
 *           The first execution is the one that was asked for; the children of its map runs, and of theirs, follow.
 *           sha256 is that of all lines before the last.
 * Documents the state machine (where it is still there), every definition that it or an execution refers to, and the
 *           records of the map runs.
 * Closed    only what has ended can be exported: an open execution that lived in two stores would run twice.
 * Promise   an import checks the files whole (the sum, the shapes, that definitions are what their keys say and
 *           compile, that each history folds to the end that its execution has), and that no ARN is taken. Then it
 *           writes all of it in one commit.
 * Running   both may be done while another process runs the store.
 */
#ifndef RUNTIME_UPKEEP_TRANSFER_H
#define RUNTIME_UPKEEP_TRANSFER_H

#include <stdint.h>
#include <stdio.h>

struct err;
struct import;
struct store;

struct transfer_counts {
    int64_t documents, executions, rows;
};

/* ERR_NOT_FOUND; ERR_INVALID: it, or a child, is still running. What was written before an error lacks the end line. */
int transfer_export(struct store *store, const char *execution_arn, FILE *out, struct transfer_counts *counts,
                    struct err *err);

struct import *import_new(void);
void import_free(struct import *import); /* NULL is allowed */
/* Reads and checks one file; `name` is for texts. ERR_INVALID with the place, ERR_LIMIT, ERR_VERSION, ERR_IO. */
int import_read(struct import *import, FILE *file, const char *name, struct err *err);
/* Writes what was read. ERR_EXISTS: an execution is there already; then nothing is written. */
int import_write(struct import *import, struct store *store, struct transfer_counts *counts, struct err *err);

#endif
