/*
 * code.h - the compiled form of an expression. For the files of this folder.
 *
 * A tree of struct code with everything resolved that can be: variables to frames and slots, names
 * of functions to their table entry, member names to json-c's hash, regular expressions compiled.
 *
 * Scopes    the language finds variables by name at run time. Here every frame knows its names when
 *           the expression is compiled, so a variable is a short list of places to look at: the
 *           slots that may have been bound, from the inside out, and at last the global (a variable
 *           of the caller, or a function of the library). A slot nothing was bound to yet is
 *           V_UNSET and the next place is asked.
 * Tuples    while a path carries variables of @ and # or ancestors for %, each of its items brings a
 *           frame of its own whose `tuple` lists them by number (REF_TUPLE).
 */
#ifndef ASL_JSONATA_CODE_H
#define ASL_JSONATA_CODE_H

#include "asl/jsonata/tree.h"
#include "asl/jsonata/value.h"

struct native;
struct regex;
struct scope;
struct signature;

enum code_op {
    CODE_CONSTANT,
    CODE_CONTEXT,
    CODE_VARIABLE,
    CODE_GLOBAL,
    CODE_NAME,
    CODE_WILDCARD,
    CODE_DESCENDANT,
    CODE_PARENT,
    CODE_PATH,
    CODE_SORT,
    CODE_OPERATOR,
    CODE_AND,
    CODE_OR,
    CODE_NEGATE,
    CODE_ARRAY,
    CODE_OBJECT,
    CODE_CALL,
    CODE_PARTIAL,
    CODE_LAMBDA,
    CODE_CONDITION,
    CODE_DEFAULT,
    CODE_COALESCE,
    CODE_BLOCK,
    CODE_BIND,
    CODE_APPLY,
    CODE_TRANSFORM,
    CODE_REGEX,
    CODE_TAIL_CALL,
    CODE_HOLE,
};

/* A name that is looked for outside of the expression. */
struct global {
    struct global *next;
    uint32_t number;
    bool free;        /* used somewhere where nothing in the expression can have bound it */
    const char *name; /* NUL-terminated */
    const struct native *native;
    const struct signature *signature; /* of the native */
};

enum { REF_TUPLE = -1 };
struct ref {
    uint32_t hops; /* frames to go up */
    int32_t slot;  /* or REF_TUPLE */
};

struct code_stage {
    struct code_stage *next;
    const struct code *filter; /* or NULL: bind the position to the variable `index` */
    uint32_t index;
    uint32_t frame_count;
};

struct code {
    enum code_op op;
    enum operator_id oper;
    int position;
    bool keep_array;                 /* [] : a single result stays an array */
    bool keep_singleton;             /* path: one of the steps says so */
    bool cons;                       /* array constructor at the end of a path */
    bool tuple;                      /* path or block: what it makes is a tuple stream ... */
    bool stream;                     /* ... which it hands to the path around it */
    bool carries;                    /* step: from here on the path is a tuple stream */
    bool nested;                     /* array constructor as an item of one */
    bool simple;                     /* step: a plain name, nothing else */
    bool literal_keys;               /* object: keys are distinct literals */
    bool finished;                   /* no predicates, group or [] follow: eval() may return at once */
    uint32_t number;                 /* variable, %: its number in tuples */
    uint32_t focus, index, ancestor; /* numbers of what a tuple step binds */
    const struct code_stage *predicates, *stages;
    const struct code *group; /* CODE_OBJECT */
    struct value constant;    /* literal; text of a name */
    const char *name;         /* NUL-terminated, of a name or of the function called */
    unsigned long hash;       /* json-c's, of a name */
    const struct code *a, *b, *c;
    const struct code **items;
    uint32_t count;
    uint32_t frame_count; /* slots of the frame a block, a lambda or a tuple step brings */
    const struct ref *refs;
    uint32_t ref_count;
    const struct global *global;
    const struct code *clone; /* transform: the variable $clone */
    const struct signature *signature;
    const int32_t *parameters; /* lambda: slots */
    const bool *descending;
    const struct regex *regex;
    const struct scope *scope; /* of a variable that may be $eval */
};

struct jsonata {
    struct arena *arena;
    enum jsonata_dialect dialect;
    const struct code *code;
    const struct node *tree;
    const char *text;
    size_t bytes;
    uint32_t frame_count;
    struct global *globals;
    uint32_t global_count;
    struct regex *regexes;
    struct name *names;
    uint32_t name_count, label_count;
};

struct compiled {
    const struct code *code;
    uint32_t frame_count;
    const struct scope *scope; /* the outermost of what was compiled */
};

/*
 * Compiles a checked tree inside of `outer` (NULL: an expression of its own). Names join the lists
 * of `expression`. Errors leave through the maker.
 */
struct compiled compile(struct maker *m, struct jsonata *expression, const struct node *tree,
                        const struct scope *outer);
/* The slot of a name in a scope, or -1; the n-th name. */
int32_t scope_slot(const struct scope *scope, const char *name, size_t bytes);
const char *scope_name(const struct scope *scope, int32_t slot, size_t *ret_bytes);

/* make.c: text to code; what $eval and jsonata_compile() share. */
int make(struct jsonata *expression, const char *text, size_t bytes, const struct scope *outer,
         struct compiled *ret_compiled, struct jsonata_error *error);

#endif
