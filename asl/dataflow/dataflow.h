/*
 * dataflow.h - how data flows through one state: InputPath ... OutputPath, Arguments ... Output.
 *
 * Each function takes the state, an env (env->input is the raw state input) and gives new
 * references, or -1 with the failure (error name and AWS's cause text; reference/asl.md section 14,
 * reference/jsonata.md section 4). The order of calls is the core's business:
 *
 *   dataflow_input → (dataflow_arguments) → work → dataflow_output | dataflow_catch
 *
 * Where env->inspection is an object, each step leaves its value there under the name that
 * TestState uses ("afterInputPath", "afterParameters", "afterResultSelector", ...), as JSON values.
 */
#ifndef ASL_DATAFLOW_DATAFLOW_H
#define ASL_DATAFLOW_DATAFLOW_H

#include "asl/definition/graph.h"
#include "asl/env.h"
#include "asl/failure.h"

/* InputPath applied to env->input: the effective input (JSONata: the input itself). */
int dataflow_input(const struct state *state, struct asl_env *env, struct json_object **ret_effective,
                   struct asl_failure *failure);

/* Parameters or Arguments of Task, Parallel, Pass; without them the effective input. */
int dataflow_arguments(const struct state *state, struct asl_env *env, struct json_object *effective,
                       struct json_object **ret_arguments, struct asl_failure *failure);

/*
 * What leaves the state. `result`: raw result of the work (Pass: Result or its parameters; Wait, Succeed:
 * the effective input). ResultSelector, ResultPath onto env->input, OutputPath; or Output. And Assign:
 * ret_assigned is an object of name to value, or NULL when the state assigns nothing.
 */
int dataflow_output(const struct state *state, struct asl_env *env, struct json_object *effective,
                    struct json_object *result, struct json_object **ret_output, struct json_object **ret_assigned,
                    struct asl_failure *failure);

/* A catcher took the error: env->error_output is {"Error","Cause"}. index: the catcher's number. */
int dataflow_catch(const struct state *state, size_t index, struct asl_env *env, struct json_object **ret_output,
                   struct json_object **ret_assigned, struct asl_failure *failure);

/* Choice: the rule that matched or Default; output and assigned as above. No match: States.Runtime, see
 * reference/asl.md section 10. */
int dataflow_choice(const struct state *state, struct asl_env *env, struct state **ret_next,
                    struct json_object **ret_output, struct json_object **ret_assigned, struct asl_failure *failure);

/* Wait: the moment (ms since 1970) at which it is over; entered_ms is when the state was entered. */
int dataflow_wait_until(const struct state *state, struct asl_env *env, int64_t entered_ms, int64_t *ret_until_ms,
                        struct asl_failure *failure);

/* Fail: error and cause, each NULL where it has none; heap. */
int dataflow_fail(const struct state *state, struct asl_env *env, char **ret_error, char **ret_cause,
                  struct asl_failure *failure);

/* Task: seconds, 0 where the state sets none. */
int dataflow_timeouts(const struct state *state, struct asl_env *env, int64_t *ret_timeout_seconds,
                      int64_t *ret_heartbeat_seconds, struct asl_failure *failure);
/* Task: the Credentials object, or NULL. */
int dataflow_credentials(const struct state *state, struct asl_env *env, struct json_object *effective,
                         struct json_object **ret_credentials, struct asl_failure *failure);

/*
 * Map: the array of items. An object's members become {"Key","Value"} items, as AWS does: then ret_keyed is true, and
 * the context object has the two apart (dataflow_map_item()).
 */
int dataflow_map_items(const struct state *state, struct asl_env *env, struct json_object *effective,
                       struct json_object **ret_items, bool *ret_keyed, struct asl_failure *failure);
/* The context object's Map.Item of an item: Index, Value and, where items are keyed, Key. A new reference. */
struct json_object *dataflow_map_item(int64_t index, struct json_object *item, bool keyed);
/* Map: input of one iteration: ItemSelector (the env's context carries Map.Item) or the item itself. */
int dataflow_map_item_input(const struct state *state, struct asl_env *env, struct json_object *effective,
                            struct json_object *item, struct json_object **ret_input, struct asl_failure *failure);
/* Map: 0 means no limit. */
int dataflow_map_max_concurrency(const struct state *state, struct asl_env *env, int64_t *ret_max,
                                 struct asl_failure *failure);
/* Distributed Map: tolerated failures; count -1 and percentage -1 where not set. */
int dataflow_map_tolerated(const struct state *state, struct asl_env *env, int64_t *ret_count, double *ret_percentage,
                           struct asl_failure *failure);
/* Distributed Map: a size of batches; 0 is as if it was not given. `name` is that of the field. */
int dataflow_map_batch_size(const struct state *state, const struct number_field *field, const char *name,
                            struct asl_env *env, bool *ret_given, int64_t *ret_size, struct asl_failure *failure);
/*
 * Distributed Map: items put together as an ItemBatcher does, a new array of {"BatchInput", "Items"}. A batch has at
 * most so many items and bytes, but at least one item. `batch_input`: NULL where there is none, else where its value
 * is.
 */
struct json_object *dataflow_map_batches(struct json_object *items, int64_t items_max, int64_t bytes_max,
                                         struct json_object *const *batch_input);
/*
 * Any other number_field that is whole ("MaxItems", batch sizes); of one beyond +-INT64_MAX that. Where the field is not
 * set ret_given is false, and the number stays as it was.
 */
int dataflow_number(const struct state *state, const struct number_field *field, struct asl_env *env, bool *ret_given,
                    int64_t *ret_number, struct asl_failure *failure);

/* Whether a list of ErrorEquals names matches an error name (ASL "Error representation"; reference/asl.md
 * section 12). */
bool dataflow_error_matches(const char **errors, size_t error_count, const char *error);
/* Delay before attempt number `attempt` (1 = first retry) in ms: interval, backoff, cap; full jitter draws from
 * env->random. */
int64_t dataflow_retry_delay_ms(const struct retrier *retrier, int64_t attempt, struct asl_env *env);

#endif
