/*
 * document.h - the text of a definition, JSON or YAML, as a JSON tree; and where in the text things are.
 *
 * Shapes    a text whose first character is `{` or `[` is JSON; so is one that is no YAML mapping.
 *           YAML is 1.2 with its core schema; CloudFormation's !Ref, !GetAtt and !Sub become
 *           "${Name}".
 * Promise   depth, aliases and size are bounded; every name that an object has twice is reported.
 * Locations are written as in diagnostic.h.
 */
#ifndef ASL_DEFINITION_DOCUMENT_H
#define ASL_DEFINITION_DOCUMENT_H

#include "asl/base/buf.h"
#include "asl/base/limits.h"

#include <stdbool.h>
#include <stddef.h>

struct diagnostics;
struct json_object;

/* Both from 1. */
struct place {
    int line, column;
};

/* A value of the document, in the order of the text. */
struct document_node {
    const char *location;
    struct place name; /* of its name; line 0: it is the root or an element of an array */
    struct place value;
    bool scalar;
    bool twice; /* the object had a member of this name already */
};

/* Goes through a document: readers call it for what they find, it calls back for each value. */
struct document_walk {
    void (*visit)(void *context, const struct document_node *node);
    void *context;
    struct buf location;
    struct walk_frame {
        bool array;
        size_t index;
        size_t mark;               /* bytes of the location without the member or element at hand */
        struct json_object *names; /* of the object so far */
        struct place name;
        bool twice;
    } frames[LIMIT_JSON_DEPTH];
    size_t depth;
};

void document_walk_release(struct document_walk *walk);
/* False where the limit of depth is reached. */
bool document_walk_open(struct document_walk *walk, bool array, struct place place);
void document_walk_close(struct document_walk *walk);
void document_walk_name(struct document_walk *walk, const char *name, struct place place);
void document_walk_scalar(struct document_walk *walk, struct place place);

/* What went wrong while a document was read. */
struct document_fault {
    const char *code;
    char *message;  /* heap */
    char *location; /* heap; NULL */
    int line, column;
};
void document_fault_release(struct document_fault *fault);

/* Reads a document; walk may be NULL. False with the fault. */
bool document_read(const char *text, size_t bytes, struct json_object **ret_value, struct document_walk *walk,
                   struct document_fault *ret_fault);

/* yaml.c: the same of a YAML text. *ret_value is untouched when it fails. */
bool yaml_read(const char *text, size_t bytes, struct json_object **ret_value, struct document_walk *walk,
               struct document_fault *ret_fault);

/* Reads a definition: faults and names that stand twice go to the diagnostics. False where there is no value. */
bool document_read_definition(const char *text, size_t bytes, struct json_object **ret_value,
                              struct diagnostics *diagnostics);

#endif
