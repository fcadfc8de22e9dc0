/*
 * transfer_priv.h - what the files of transfer.h share.
 */
#ifndef RUNTIME_UPKEEP_TRANSFER_PRIV_H
#define RUNTIME_UPKEEP_TRANSFER_PRIV_H

#include "asl/base/json.h"
#include "runtime/store/store.h"
#include "runtime/upkeep/transfer.h"

#define TRANSFER_FORMAT "orchestrator execution"
enum { TRANSFER_VERSION = 1 };

/* An execution of a file with its history. The texts and trees live as long as the import. */
struct import_execution {
    struct json_object *row;       /* the member "execution" */
    struct store_execution parsed; /* id and shard are given when it is written */
    struct json_object *meta;
    char *meta_text;
    struct json_object **history; /* the members "history" */
    size_t count, capacity;
};

struct import {
    struct json_object *documents; /* array of the members "document" of all files */
    struct import_execution *executions;
    size_t count, capacity;
    struct lh_table *arns;     /* of the executions */
    struct lh_table *machines; /* compiled definitions by key, a reference each */
    size_t bytes;
};

/* Folds the history of an execution of the file with its definition: it must come to the end that the row says. */
int import_fold(const struct import *import, const struct import_execution *execution, struct err *err);

#endif
