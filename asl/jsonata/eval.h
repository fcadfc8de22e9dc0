/*
 * eval.h - one evaluation: its memory, its bounds, its errors. For the files of this folder.
 *
 * Errors    fail() never returns: it leaves through the nearest catcher (the public function, or
 *           $eval). Nothing but the arena may be held across a call that can fail.
 * Bounds    every eval() counts as one level; loops of functions call tick(). The C stack is
 *           measured, so no expression can overflow it whatever the depth that was asked for.
 * Memory    eval_alloc() hands out arena memory. The charge models what the values would cost a
 *           caller: 12 bytes an array item, a byte a character; it is what limits.memory_bytes bounds.
 */
#ifndef ASL_JSONATA_EVAL_H
#define ASL_JSONATA_EVAL_H

#include "asl/base/arena.h"
#include "asl/jsonata/jsonata.h"
#include "asl/jsonata/value.h"

#include <setjmp.h>

struct code;
struct code_stage;
struct dynamic;
struct global;
struct regex;
struct scope;
struct jsonata;
struct native;

/* Variables of a block, a function call or a tuple. */
struct frame {
    struct frame *parent;
    const struct binding *tuple;
    bool captured; /* by a function: may not be reused */
    uint32_t count;
    struct value slots[];
};

enum function_kind {
    FUNCTION_NATIVE,
    FUNCTION_LAMBDA,
    FUNCTION_PARTIAL,
    FUNCTION_CHAIN,
    FUNCTION_TRANSFORM,
    FUNCTION_REGEX,
    FUNCTION_NEXT_MATCH
};

struct function {
    enum function_kind kind;
    const struct native *native;
    const struct signature *signature; /* or NULL */
    const struct code *code;           /* lambda, transform, regex */
    struct frame *frame;
    struct value context;    /* what $ is inside of a lambda */
    struct function *first;  /* partial, chain */
    struct function *second; /* chain */
    struct value *args;      /* partial: V_UNSET for each ? */
    uint32_t arg_count;
    struct value subject; /* next match: the string and where to go on */
    size_t offset;
};

/* Calls and Boolean operators under way: they name the place of an error, see error.c. */
enum call_kind { CALL_SITE, CALL_APPLY, CALL_BOOLEAN };
struct call {
    struct call *outer;
    enum call_kind kind;
    int position;
    const char *token;
};

struct catcher {
    struct catcher *outer;
    jmp_buf place;
    struct call *calls;
    int depth;
};

/* An error under way; the message is made when it is known who reports it. */
struct failure {
    char code[8];
    int position; /* -1: unknown */
    const char *token;
    struct value value, value2, exponent;
    int index; /* 0: none */
    const char *type;
    const char *function_name;
    const char *message; /* for codes that carry their own text */
};

/* A variable $eval bound at its top level. */
struct dynamic {
    const struct dynamic *next;
    const char *name;
    struct value value;
};

struct tail_call {
    const struct code *call;
    struct value input;
    struct frame *frame;
};

enum { FRAME_SIZES = 8, ANCESTOR_LABEL = 1 << 30 /* set in the numbers of what % means */ };

struct eval {
    const struct jsonata *expression;
    const struct jsonata_env *env;
    enum jsonata_dialect dialect;
    struct arena *arena;
    char *chunk, *chunk_end;
    size_t chunk_bytes;
    size_t charged, charge_max;
    size_t converted; /* bytes of the result so far: shared parts may come many times */
    int depth, depth_max;
    uint32_t ticks;
    int64_t deadline_ms; /* 0: none */
    const char *stack_base;
    struct call *calls;
    struct catcher *catcher;
    struct failure failure;
    struct value root;
    struct value eval_input; /* what $ is where the function under way was called: for $eval */
    struct value *globals;   /* one for each name of the expression, V_UNSET until asked for */
    uint32_t global_capacity;
    struct jsonata *unit;          /* the expression as $eval extends it, or NULL */
    const struct dynamic *dynamic; /* variables bound by $eval */
    struct tail_call tail;
    struct frame *free_frames[FRAME_SIZES];
    struct pcre2_real_match_data_8 *match;
    struct pcre2_real_match_context_8 *match_context;
};

/* Not zeroed. */
void *eval_alloc(struct eval *e, size_t bytes);
#define EVAL_NEW(e, type) ((type *)eval_alloc_zeroed((e), sizeof(type)))
void *eval_alloc_zeroed(struct eval *e, size_t bytes);
/* Counts bytes against limits.memory_bytes; fails when they are used up. */
void eval_charge(struct eval *e, size_t bytes);

/* From now on, by the steady clock; 0: no limit. */
void eval_start_clock(struct eval *e, int time_ms);
bool eval_time_is_over(const struct eval *e);
/* Ends the evaluation when its time is over or the C stack runs low. */
void eval_check(struct eval *e);
static inline void tick(struct eval *e)
{
    if (__builtin_expect((++e->ticks & 255) == 0, 0))
        eval_check(e);
}
/* For functions that recurse over values: counts like nested evaluation. */
void eval_enter(struct eval *e);
/* For calls that do not nest in eval(): watches the C stack only. */
void eval_enter_call(struct eval *e);
static inline void eval_leave(struct eval *e)
{
    e->depth--;
}

/* The result of an expression. */
struct value eval(struct eval *e, const struct code *code, struct value input, struct frame *frame);
/* A sequence of nothing is undefined, a sequence of one is its item, unless [] asked for an array. */
struct value eval_unwrap(const struct code *code, struct value v);
/* Room for so many variables, all V_UNSET; given back it is used again, unless a function has captured it. */
struct frame *frame_new(struct eval *e, struct frame *parent, uint32_t count);
void frame_release(struct eval *e, struct frame *frame);

/* eval_path.c: a path; a predicate or index of a step, over items or tuples; a name, over whatever the input is. */
struct value eval_path(struct eval *e, const struct code *code, struct value input, struct frame *frame);
struct value eval_filter(struct eval *e, const struct code_stage *stage, bool tuples, struct value input,
                         struct frame *frame);
struct value eval_name(struct eval *e, struct value input, const struct code *name);
/* The member of an object, those of all objects in an array, or undefined. */
struct value lookup(struct eval *e, struct value input, struct text key);
/* eval_group.c: { ... } after a path, over items or tuples; ^( ... ). */
struct value eval_group(struct eval *e, const struct code *group, bool tuples, struct value input, struct frame *frame);
struct value eval_sort(struct eval *e, const struct code *sort, struct value input, struct frame *frame);
/* The frame that shows the variables of a tuple; anything else brings an empty one. */
struct frame *tuple_frame(struct eval *e, struct value item, struct frame *parent, uint32_t count);
static inline struct value tuple_context(struct value item)
{
    return item.type == V_TUPLE ? item.as.tuple->context : item;
}
/* eval_operator.c: arithmetic, comparison, &, in, ranges. */
struct value eval_operator(struct eval *e, const struct code *code, struct value a, struct value b);

/* apply.c: calls of functions. `piped`: the left side of ~>, goes before the arguments; or NULL. */
struct value eval_call(struct eval *e, const struct code *call, const struct value *piped, struct value input,
                       struct frame *frame);
struct value eval_partial(struct eval *e, const struct code *call, struct value input, struct frame *frame);
struct value eval_transform(struct eval *e, const struct function *transform, struct value subject);
struct value apply(struct eval *e, struct value function, const struct value *args, size_t count, struct value context);
/* For functions that call functions: as many of the arguments as it declares, at least one. */
struct value apply_declared(struct eval *e, struct value function, const struct value *args, size_t count);
/* Arguments that it declares. */
int function_arity(struct value function);
struct function *function_new(struct eval *e, enum function_kind kind);
struct value value_native(struct eval *e, const struct native *native, const struct signature *signature);

/* fn_number.c: to the nearest, halves to even, at a decimal place. */
double number_round(double number, double precision);

/* error.c. A code is one of errors.def ("T2001"); token: the name that the message shows, or NULL. */
_Noreturn void fail(struct eval *e, const char *code);
_Noreturn void fail_at(struct eval *e, const char *code, int position, const char *token);
_Noreturn void fail_value(struct eval *e, const char *code, struct value value);
_Noreturn void fail_failure(struct eval *e, struct failure failure);
_Noreturn void fail_message(struct eval *e, const char *code, const char *message);
_Noreturn void fail_stack(struct eval *e);
_Noreturn void fail_memory(struct eval *e);
_Noreturn void fail_time(struct eval *e);
/* The message of a failure, in the arena. */
const char *failure_message(struct eval *e, const struct failure *failure);
/* The text of a code, or NULL. */
const char *error_template(const char *code);

/* Strings that grow in the arena. */
struct builder {
    struct eval *e;
    char *data;
    size_t bytes, capacity;
};
/* Room for so many bytes and no more, when the size is known. */
void builder_reserve(struct builder *b, size_t bytes);
void builder_add(struct builder *b, const char *text, size_t bytes);
void builder_add_text(struct builder *b, struct text text);
void builder_add_char(struct builder *b, char c);
void builder_add_code_point(struct builder *b, uint32_t code_point);
struct value builder_value(struct builder *b);

/* From the caller's random bytes: 0 <= x < 1. */
double eval_random(struct eval *e);

/* stringify.c */
struct value value_to_string(struct eval *e, struct value v, bool pretty);
/* Number as $string shows it: 15 significant digits. */
size_t number_format(double number, char text[32]);
/* Number with all its digits, as JavaScript prints it. */
size_t number_format_exact(double number, char text[32]);

#endif
