/*
 * regex.h - regular expressions as JavaScript writes them, run by PCRE2 within limits.
 *
 * Shapes    offsets are bytes of the subject. A matcher is what $match, $replace, $split and
 *           $contains iterate with: a regular expression, or a function of the language that returns
 *           {match, start, end, groups, next}.
 * Bounds    PCRE2's match and heap limits; one that is reached ends the evaluation as a timeout.
 */
#ifndef ASL_JSONATA_REGEX_H
#define ASL_JSONATA_REGEX_H

#include "asl/jsonata/eval.h"
#include "asl/jsonata/tree.h"

struct regex;

/* Adds to the list, which regex_free_all() frees. */
const struct regex *regex_compile(struct maker *m, struct regex **list, const struct node *node);
void regex_free_all(struct regex *list);

struct match {
    struct text text;    /* what matched */
    size_t start, end;   /* bytes of the subject */
    struct value groups; /* an array; undefined items for groups that did not take part */
    struct value next;   /* the function that finds the next one, for matchers of the language */
};

struct matcher {
    struct eval *e;
    struct value function;
    struct text subject;
    struct match match;
    bool started;
};

/* Finds the first or next match; false when there is none. */
bool matcher_next(struct matcher *matcher);
/* Code points before a byte of the subject. */
double match_position(const struct matcher *matcher, size_t byte);

/* Calls a regular expression as a function: {match, start, end, groups, next} or undefined. */
struct value regex_apply(struct eval *e, struct function *function, const struct value *args, size_t count);
/* Frees what matching took. */
void regex_release(struct eval *e);

#endif
