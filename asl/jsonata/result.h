/*
 * result.h - what an evaluation made, as a json_object that outlives it.
 *
 * Parts of the input are shared, not copied, as long as their numbers print as JavaScript prints
 * them: 1.0 becomes 1 on the way through an expression.
 */
#ifndef ASL_JSONATA_RESULT_H
#define ASL_JSONATA_RESULT_H

#include "asl/jsonata/eval.h"

/* 0, or ERR_BUSY for time, ERR_FULL for memory, ERR_LIMIT for depth; never leaves by fail(). */
int result_to_json(struct eval *e, struct value v, struct json_object **ret_value);

#endif
