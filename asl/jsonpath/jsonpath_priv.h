/*
 * jsonpath_priv.h - the compiled form of a path; for the files of asl/jsonpath/ only.
 *
 * A path is an array of steps. Filters are trees of struct filter whose leaves are operands: literals or
 * paths of their own that start at the current node (`@`) or at the document (`$`).
 */
#ifndef ASL_JSONPATH_JSONPATH_PRIV_H
#define ASL_JSONPATH_JSONPATH_PRIV_H

#include "asl/jsonpath/jsonpath.h"

#include <stdint.h>

enum step_kind {
    STEP_MEMBER,   /* .name, ['name'] */
    STEP_INDEX,    /* [n], negative from the end */
    STEP_WILDCARD, /* .*, [*] */
    STEP_MEMBERS,  /* ['a','b'] with steps behind it: each member */
    STEP_PICK,     /* ['a','b'] at the end: one object of these members */
    STEP_INDEXES,  /* [0,2] */
    STEP_SLICE,    /* [a:b] */
    STEP_FILTER,   /* [?(...)] */
    STEP_DESCEND,  /* `..`: the node and all below it, for the step that follows */
    STEP_FUNCTION  /* .length() at the end */
};

enum path_function {
    FUNCTION_LENGTH,
    FUNCTION_MIN,
    FUNCTION_MAX,
    FUNCTION_AVG,
    FUNCTION_STDDEV,
    FUNCTION_SUM,
    FUNCTION_KEYS,
    FUNCTION_FIRST,
    FUNCTION_LAST
};

struct slice {
    int64_t from, to;
    bool has_from, has_to;
};

struct step {
    enum step_kind kind;
    union {
        const char *name; /* STEP_MEMBER */
        int64_t index;    /* STEP_INDEX */
        struct {
            const char **names;
            size_t count;
            bool whole; /* behind `..`: of objects that have them all */
        } members;      /* STEP_MEMBERS, STEP_PICK */
        struct {
            int64_t *list;
            size_t count;
        } indexes; /* STEP_INDEXES */
        struct slice slice;
        const struct filter *filter;
        enum path_function function;
    };
};

struct jsonpath {
    enum jsonpath_root root;
    bool at_current; /* an operand of a filter that starts with `@` */
    bool walks;      /* a step may lead to many nodes */
    bool definite;   /* yet its value may be one: that of a function */
    bool reference;
    uint32_t step_count;
    struct step *steps;
    const char *variable;
    const char *text;
};

enum filter_operator {
    FILTER_OR,
    FILTER_AND,
    FILTER_NOT,
    FILTER_EXISTS,
    FILTER_EQ,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE,
    FILTER_MATCHES, /* =~ */
    FILTER_IN,
    FILTER_NIN,
    FILTER_SUBSETOF,
    FILTER_ANYOF,
    FILTER_NONEOF,
    FILTER_SIZE,
    FILTER_EMPTY,
    FILTER_CONTAINS
};

/* A literal, a path or a regular expression. */
struct operand {
    const struct jsonpath *path; /* NULL: a literal or a regex */
    struct json_object *literal;
    void *regex; /* pcre2_code */
};

struct filter {
    enum filter_operator op;
    const struct filter *left, *right; /* OR, AND; NOT has left alone */
    struct operand a, b;               /* comparisons; EXISTS has a alone */
};

/* Nodes and comparisons that one evaluation may take: `$..*..*..*` over a large document would never end. */
enum { VISITS_MAX = 1000000 };

/* One evaluation of a path, its filters and their paths included. */
struct evaluation {
    struct json_object *document; /* `$` of filters */
    struct asl_env *env;
    int visits; /* more than VISITS_MAX: it has given up, whatever it found */
};

bool filter_accepts(const struct filter *filter, struct json_object *current, struct evaluation *e);

/* The value at `path` below `current` or the document; false: nothing there. A new reference. */
bool jsonpath_operand(const struct jsonpath *path, struct json_object *current, struct evaluation *e,
                      struct json_object **ret_value);

/* Applies a function that ends a path; false: it has no value for this argument. A new reference. */
bool jsonpath_function(enum path_function function, struct json_object *argument, struct json_object **ret_value);

/* The reader of paths, shared with the reader of filters. */
struct path_reader {
    struct arena *arena;
    const char *text; /* for columns */
    const char *at, *end;
    int depth;
    int terms; /* operands of && and || */
    struct err *err;
};

int path_error(struct path_reader *in, const char *expected);
void path_skip_blanks(struct path_reader *in);
bool path_accept(struct path_reader *in, const char *word);
/* The steps after a root, as far as they go. */
int path_read_steps(struct path_reader *in, struct jsonpath *path);
/* A quoted string with its quotes; `\` escapes that quote and itself, and stands for itself elsewhere. */
int path_read_quoted(struct path_reader *in, const char **ret_text);
bool path_read_integer(struct path_reader *in, int64_t *ret_number);
/* The expression between `?(` and `)`. */
int filter_read(struct path_reader *in, const struct filter **ret_filter);

#endif
