/*
 * intrinsics_priv.h - a compiled call and what its functions see; for asl/dataflow/intrinsics*.c only.
 */
#ifndef ASL_DATAFLOW_INTRINSICS_PRIV_H
#define ASL_DATAFLOW_INTRINSICS_PRIV_H

#include "asl/dataflow/intrinsics.h"

#include <stdbool.h>
#include <stdint.h>

struct jsonpath;

enum argument_kind { ARGUMENT_LITERAL, ARGUMENT_PATH, ARGUMENT_CALL };

struct argument {
    enum argument_kind kind;
    struct json_object *literal;  /* ARGUMENT_LITERAL */
    struct jsonpath *path;        /* ARGUMENT_PATH */
    const struct intrinsic *call; /* ARGUMENT_CALL */
    const char *quoted;           /* a text as it was written, escapes and all, without quotes; else NULL */
    size_t quoted_bytes;
};

/* What a function is called with. Values are borrowed. */
struct intrinsic_frame {
    const struct intrinsic *call;
    struct json_object **values;
    size_t count;
    struct asl_env *env;
    const char *whole; /* the outermost call as written: for the texts */
    struct asl_failure *failure;
};

/* 0 and a new reference; -1: wrong arguments, or another failure that it has set itself. */
typedef int intrinsic_function(const struct intrinsic_frame *frame, struct json_object **ret_value);

#define INTRINSIC(name, function) intrinsic_function intrinsic_##function;
#include "asl/dataflow/intrinsics.def"
#undef INTRINSIC

struct intrinsic {
    const char *name;
    intrinsic_function *function;
    const char *text; /* as written */
    struct argument *arguments;
    size_t argument_count;
};

/* Sets "There was an error while evaluating the intrinsic function: CALL. TEXT" and returns -1. */
int intrinsic_fail(const struct intrinsic_frame *frame, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number that the language truncates toward zero; false for anything else or beyond 2^53. */
bool intrinsic_integer(struct json_object *value, int64_t *ret_number);

#endif
