/*
 * definition.h - a definition's text becomes a graph, or a list of everything that is wrong with it.
 *
 * Shapes    text is JSON or YAML, told apart by its content (JSON starts with `{`).
 * Promise   one pass finds all faults; a graph is given out only when there is no error (warnings
 *           do not count). The texts, codes and locations are those of
 *           ValidateStateMachineDefinition where AWS's are known.
 * Memory    the machine is reference-counted: definition_unref() of the last holder frees its arena.
 *           Not atomic: it stays on its thread.
 */
#ifndef ASL_DEFINITION_DEFINITION_H
#define ASL_DEFINITION_DEFINITION_H

#include "asl/definition/diagnostic.h"
#include "asl/definition/graph.h"

struct definition_options {
    bool express;            /* checks the rules of Express machines: no .sync, .waitForTaskToken ... */
    bool allow_placeholders; /* CloudFormation's ${Name} in any string: a warning, the field is not checked */
    bool single_state;       /* TestState: the text is one state instead of a machine */
};

/* 0 and the machine (NULL ret_machine: check only), or ERR_INVALID with at least one error in diagnostics. */
int definition_compile(const char *text, size_t bytes, struct definition_options options, struct machine **ret_machine,
                       struct diagnostics *diagnostics);

struct machine *definition_ref(struct machine *machine);
void definition_unref(struct machine *machine);

/* Fills line and column of every diagnostic from the text. */
void definition_locate(const char *text, size_t bytes, struct diagnostics *diagnostics);

/* YAML (or JSON) text to the JSON tree it means; for configuration files and inputs too. ERR_INVALID with line and
 * column. */
struct err;
struct json_object;
int definition_parse_document(const char *text, size_t bytes, struct json_object **ret_value, struct err *err);

/* State name to the names (sorted) of the variables that it reads: variableReferences of DescribeStateMachine; NULL
   when there are none. */
struct json_object *definition_variable_references(const struct machine *machine);

#endif
