/*
 * jsonpath.h - the JSONPath dialect of Step Functions (Jayway's), compiled once.
 *
 * Shapes    a path's text starts with `$` (input), `$$` (context object) or `$name` (variable).
 * Results   definite path: the value, shared with its document, or JSONPATH_MISSING; indefinite path
 *           (wildcard, slice, filter, union, `..`): a fresh array of matches, possibly empty. Names at the end,
 *           ['a','b'], are no union: they give an object of these members.
 * Memory    a compiled path lives in the arena it was compiled into and is read-only.
 * Source    ASL "Paths", "Reference Paths"; reference: Jayway JsonPath.
 */
#ifndef ASL_JSONPATH_JSONPATH_H
#define ASL_JSONPATH_JSONPATH_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct asl_env;
struct err;
struct json_object;
struct jsonpath;

enum jsonpath_root { JSONPATH_INPUT, JSONPATH_CONTEXT, JSONPATH_VARIABLE };

/* 0, or ERR_INVALID with "column N: ...". */
int jsonpath_compile(struct arena *arena, const char *text, size_t bytes, struct jsonpath **ret_path, struct err *err);

enum jsonpath_root jsonpath_root(const struct jsonpath *path);
/* The name of the variable of a JSONPATH_VARIABLE path, else NULL. */
const char *jsonpath_variable(const struct jsonpath *path);
/* Only member and index steps: exactly one node (ASL "Reference Paths"). */
bool jsonpath_is_reference(const struct jsonpath *path);
bool jsonpath_is_definite(const struct jsonpath *path);
/* `$` alone, `$$` alone, `$name` alone. */
bool jsonpath_is_root(const struct jsonpath *path);
const char *jsonpath_text(const struct jsonpath *path);

/* Why a definite path found nothing, in Jayway's words, for the causes of reference/jsonpath.md section 2. */
enum jsonpath_miss_kind {
    JSONPATH_ABSENT,   /* a member is not there, or its parent is no object */
    JSONPATH_PAST_END, /* the last step is an index past the end of its array */
    JSONPATH_NO_ARRAY  /* an index into something that is no array */
};
struct jsonpath_miss {
    enum jsonpath_miss_kind kind;
    char step[128]; /* the member or the index that failed */
    char text[512]; /* "No results for path: $['a']", "Missing property in path $['no']", "Filter: [0] can only ..." */
};

/*
 * Evaluates against `input` (for `$`), the env's context or its variables. Returns 0 and a new
 * reference, or -1 and the reason where a definite path has no result (miss may be NULL).
 */
int jsonpath_eval(const struct jsonpath *path, struct json_object *input, struct asl_env *env,
                  struct json_object **ret_value, struct jsonpath_miss *miss);

/*
 * Puts `value` at a reference path of `document` (ResultPath): a new document that shares all
 * untouched branches; missing objects on the way are made. -1 where the document cannot hold it
 * (a member of a string, an index past the end).
 */
int jsonpath_put(const struct jsonpath *path, struct json_object *document, struct json_object *value,
                 struct json_object **ret_document, struct jsonpath_miss *miss);

#endif
