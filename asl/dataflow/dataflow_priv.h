/*
 * dataflow_priv.h - helpers that the files of dataflow share.
 */
#ifndef ASL_DATAFLOW_DATAFLOW_PRIV_H
#define ASL_DATAFLOW_DATAFLOW_PRIV_H

#include "asl/dataflow/dataflow.h"

struct json_object;
struct jsonpath;
struct jsonpath_miss;

/* InputPath applied to env->input, without a trace in the inspection. */
int dataflow_effective_input(const struct state *state, struct asl_env *env, struct json_object **ret_effective,
                             struct asl_failure *failure);

/* Leaves a value in the inspection, where there is one. */
void dataflow_inspect(const struct asl_env *env, const char *name, struct json_object *value);

/* "Invalid path 'PATH' : REASON" */
int dataflow_invalid_path(const struct jsonpath *path, const struct jsonpath_miss *miss, struct asl_failure *failure);

/* dataflow_number() for a field that need not be whole: a percentage. */
int dataflow_fraction(const struct state *state, const struct number_field *field, struct asl_env *env, bool *ret_given,
                      double *ret_number, struct asl_failure *failure);

#endif
