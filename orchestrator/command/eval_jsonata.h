/*
 * eval_jsonata.h - JSONata from the command line: one expression, or many as JSON Lines.
 *
 * Batch     a line in {"expr": TEXT, "data": ANY?, "bindings": OBJECT?, "timelimit": MS?, "depth": N?},
 *           a line out {"result": ANY}, {"undefined": true} or {"error": {"code", "message",
 *           "position"?, "token"?, ...}}. Without "data" the input is undefined.
 */
#ifndef ORCHESTRATOR_COMMAND_EVAL_JSONATA_H
#define ORCHESTRATOR_COMMAND_EVAL_JSONATA_H

#include <stdbool.h>
#include <stdio.h>

struct json_object;

/* What one evaluation is given: all borrowed. */
struct eval_jsonata {
    const char *expression;
    bool has_input;
    struct json_object *input;
    struct json_object *bindings; /* an object, or NULL */
    bool states;                  /* the dialect of Step Functions */
    int time_ms;                  /* 0: no limit */
    int depth;                    /* 0: the built-in one */
};

/* Answers every line until the end of `in`. 0, or 1 when `out` cannot be written. */
int eval_jsonata_batch(FILE *in, FILE *out);

/* Prints the result as JSON, nothing for no value; an error goes to `err` with a caret under its place. 0 or 1. */
int eval_jsonata_one(const struct eval_jsonata *request, FILE *out, FILE *err);

#endif
