/*
 * template_priv.h - the compiled form of a template; for asl/dataflow/template*.c only.
 */
#ifndef ASL_DATAFLOW_TEMPLATE_PRIV_H
#define ASL_DATAFLOW_TEMPLATE_PRIV_H

#include "asl/dataflow/template.h"

struct intrinsic;
struct jsonpath;

enum template_kind {
    TEMPLATE_CONSTANT,
    TEMPLATE_PATH,    /* JSONPath: "x.$": "$.a" */
    TEMPLATE_CALL,    /* JSONPath: "x.$": "States.Format(...)" */
    TEMPLATE_JSONATA, /* {% ... %} */
    TEMPLATE_OBJECT,
    TEMPLATE_ARRAY
};

struct template_member {
    const char *name; /* without `.$` */
    struct template *value;
};

/* A node of the tree; a constant subtree is one node. */
struct template
{
    enum template_kind kind;
    bool whole_states; /* TEMPLATE_JSONATA: may look at all of $states, the context object included */
    const char *field; /* as run-time texts name it: "value.$"; JSONata: "Output/a[0]" */
    const char *text;  /* of the path, or of the expression without its delimiters */
    struct json_object *constant;
    struct jsonpath *path;
    struct intrinsic *call;
    struct jsonata *expression;
    struct template_member *members; /* TEMPLATE_OBJECT; TEMPLATE_ARRAY: without names */
    size_t member_count;
};

/* What one evaluation of a template shares between its expressions. */
struct template_frame {
    struct json_object *input; /* `$` of JSONPath */
    struct asl_env *env;
    struct json_object *states; /* $states, made on first use */
    bool states_whole;
    struct asl_failure *failure;
};

/* Fills `node` from the text between the delimiters; faults go to the diagnostics. */
void template_compile_jsonata(struct arena *arena, struct template *node, const char *text, size_t bytes,
                              const struct template_scope *scope, const char *location,
                              struct diagnostics *diagnostics);
int template_eval_jsonata(const struct template *node, struct template_frame *frame, struct json_object **ret_value);

#endif
