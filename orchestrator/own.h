/*
 * own.h - operations beside AWS's, for the command line: what only this program can say.
 *
 *   DescribeNode     {} to {version, region, account, openExecutions, owner?, storeDetails}
 *   ListNodes        {} to {nodes: [...]} as nodes.h says
 *   ListTaskTokens   {} to {tasks: [{state, execution, resource, sinceDate, deadlineDate?, executionArn, taskToken}]}
 *
 * A server takes them like the others, under the target "Orchestrator.NAME". They read, and are answered at once.
 */
#ifndef ORCHESTRATOR_OWN_H
#define ORCHESTRATOR_OWN_H

#include "runtime/service/service.h"

struct engine;
struct err;
struct json_object;

/* What a key's role must allow; SERVICE_UNKNOWN where it is none of these. Whoever has a token may end its task. */
enum service_access own_access_of(const char *operation);
int own_call(struct engine *engine, const char *operation, struct json_object **ret_output, struct err *err);
/* Adds what a store says about itself: openExecutions, owner, storeDetails. */
struct store;
void own_add_store(struct store *store, struct json_object *info);

#endif
