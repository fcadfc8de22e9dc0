/*
 * intrinsics.h - States.Format(...) and its 17 siblings, compiled once.
 *
 * Shapes    States.Name(argument, ...); an argument is a text in single quotes, a number, true, false,
 *           null, a path or another call.
 * Errors    what is not a call of a known function is refused when it is compiled; the number, types and
 *           ranges of the arguments are checked when it is evaluated, as AWS does: States.Runtime.
 * Memory    a compiled call lives in the arena and is read-only; results are new references.
 * Source    ASL "Intrinsic Functions"; reference/jsonpath.md section 4.
 */
#ifndef ASL_DATAFLOW_INTRINSICS_H
#define ASL_DATAFLOW_INTRINSICS_H

#include <stddef.h>

struct arena;
struct asl_env;
struct asl_failure;
struct err;
struct intrinsic;
struct json_object;

/* 0, or ERR_INVALID with "column N: ...". */
int intrinsic_compile(struct arena *arena, const char *text, size_t bytes, struct intrinsic **ret_call,
                      struct err *err);

/* Calls it; `input` is what `$` stands for. 0 and a new reference, or -1 and the failure. */
int intrinsic_eval(const struct intrinsic *call, struct json_object *input, struct asl_env *env,
                   struct json_object **ret_value, struct asl_failure *failure);

/* Names of the workflow variables in its arguments; once per use. */
void intrinsic_variables(const struct intrinsic *call, void (*report)(void *context, const char *name), void *context);

#endif
