/*
 * native.h - the functions of the library.
 *
 * Shapes    one row of natives.def a function: name, signature, how many arguments it declares (what
 *           $map and its kin go by) and who knows it. A function gets its arguments checked by the
 *           signature and padded with undefined to NATIVE_ARGS.
 */
#ifndef ASL_JSONATA_NATIVE_H
#define ASL_JSONATA_NATIVE_H

#include "asl/jsonata/eval.h"

enum { NATIVE_ARGS = 4 };

enum native_home { NATIVE_BOTH, NATIVE_STANDARD, NATIVE_STATES };

struct native {
    const char *name;
    const char *signature;
    int arity;
    enum native_home home;
    struct value (*call)(struct eval *e, const struct value *args, size_t count);
};

/* The function of a name in a dialect, or NULL. */
const struct native *native_find(const char *name, enum jsonata_dialect dialect);
/* $eval: needs to know where it is called from. */
bool native_is_eval(const struct native *native);
struct value eval_expression(struct eval *e, const struct value *args, const struct scope *scope, struct frame *frame);

#define X(name, signature, arity, home) struct value fn_##name(struct eval *e, const struct value *args, size_t count);
#include "asl/jsonata/natives.def"
#undef X

#endif
