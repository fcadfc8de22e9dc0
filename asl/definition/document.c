#include "asl/definition/document.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "asl/definition/jackson.h"
#include "asl/definition/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void document_walk_release(struct document_walk *walk)
{
    while (walk->depth > 0)
        json_object_put(walk->frames[--walk->depth].names);
    buf_release(&walk->location);
}

/* A value begins: the location moves to it. Returns the node to show. */
static struct document_node begin(struct document_walk *walk, struct place place, bool scalar)
{
    struct document_node node = {.value = place, .scalar = scalar};
    if (walk->depth == 0) {
        buf_clear(&walk->location);
        buf_add_char(&walk->location, '/');
    } else {
        struct walk_frame *frame = &walk->frames[walk->depth - 1];
        if (frame->array) {
            walk->location.bytes = frame->mark;
            buf_printf(&walk->location, "[%zu]", frame->index++);
        } else {
            node.name = frame->name;
            node.twice = frame->twice;
        }
    }
    node.location = buf_text(&walk->location);
    return node;
}

bool document_walk_open(struct document_walk *walk, bool array, struct place place)
{
    if (walk->depth == LIMIT_JSON_DEPTH)
        return false;
    struct document_node node = begin(walk, place, false);
    walk->visit(walk->context, &node);
    walk->frames[walk->depth++] = (struct walk_frame){
        .array = array,
        .mark = walk->location.bytes,
        .names = array ? NULL : json_object_new_object(),
    };
    return true;
}

void document_walk_close(struct document_walk *walk)
{
    json_object_put(walk->frames[--walk->depth].names);
}

void document_walk_name(struct document_walk *walk, const char *name, struct place place)
{
    struct walk_frame *frame = &walk->frames[walk->depth - 1];
    struct json_object *before;
    walk->location.bytes = frame->mark;
    if (frame->mark > 1) /* the root is "/" itself */
        buf_add_char(&walk->location, '/');
    buf_add_text(&walk->location, name);
    frame->name = place;
    frame->twice = json_member(frame->names, name, &before);
    if (!frame->twice)
        json_add(frame->names, name, NULL);
}

void document_walk_scalar(struct document_walk *walk, struct place place)
{
    struct document_node node = begin(walk, place, true);
    walk->visit(walk->context, &node);
}

void document_fault_release(struct document_fault *fault)
{
    free(fault->message);
    free(fault->location);
    *fault = (struct document_fault){0};
}

/* The tokens of a JSON text drive a walk. */
struct json_walk {
    struct document_walk *walk;
    const char *text;
    struct text_position position;
};

static void walk_name(struct json_walk *w, size_t offset, size_t bytes, struct place place)
{
    const char *name = w->text + offset;
    AUTO_JSON struct json_object *decoded = NULL;
    if (memchr(name, '\\', bytes) && json_parse(name, bytes, &decoded, NULL) == 0) {
        document_walk_name(w->walk, json_object_get_string(decoded), place);
        return;
    }
    char *plain = mem_strndup(name + 1, bytes - 2);
    document_walk_name(w->walk, plain, place);
    free(plain);
}

static void visit_token(void *context, enum jackson_token token, size_t offset, size_t bytes)
{
    struct json_walk *w = context;
    text_position_advance(&w->position, w->text, offset);
    struct place place = {w->position.line, w->position.column};
    switch (token) {
    case JACKSON_OBJECT:
    case JACKSON_ARRAY:
        document_walk_open(w->walk, token == JACKSON_ARRAY, place);
        break;
    case JACKSON_OBJECT_END:
    case JACKSON_ARRAY_END:
        document_walk_close(w->walk);
        break;
    case JACKSON_NAME:
        walk_name(w, offset, bytes, place);
        break;
    case JACKSON_SCALAR:
        document_walk_scalar(w->walk, place);
        break;
    }
}

static bool read_json(const char *text, size_t bytes, struct json_object **ret_value, struct document_walk *walk,
                      struct document_fault *ret_fault)
{
    struct json_walk w = {.walk = walk, .text = text, .position = {0, 1, 1}};
    struct jackson_fault fault = {0};
    struct err err;
    if (!jackson_scan(text, bytes, walk ? visit_token : NULL, &w, &fault)) {
        char *source = jackson_source(text, bytes, fault.line, fault.column);
        *ret_fault = (struct document_fault){
            .code = fault.too_deep ? "TOO_DEEPLY_NESTED" : "INVALID_JSON_DESCRIPTION",
            .message = mem_printf("%s\n at %s", fault.message, source),
            .location = source,
            .line = fault.line,
            .column = fault.column,
        };
        jackson_fault_release(&fault);
        return false;
    }
    if (json_parse(text, bytes, ret_value, &err) == 0)
        return true;
    *ret_fault = (struct document_fault){.code = "INVALID_JSON_DESCRIPTION", .message = mem_strdup(err.message)};
    sscanf(err.message, "line %d column %d", &ret_fault->line, &ret_fault->column);
    return false;
}

/* JSON or YAML? A YAML mapping has a colon behind a word somewhere; a stray word or two is meant to be JSON. */
static bool looks_like_yaml(const char *text, size_t bytes)
{
    size_t blanks = 0;
    while (blanks < bytes && strchr(" \t\r\n", text[blanks]) && text[blanks] != '\0')
        blanks++;
    if (blanks == bytes || strchr("{[\"", text[blanks]))
        return false;
    if (text[blanks] == '#' || (bytes - blanks >= 3 && memcmp(text + blanks, "---", 3) == 0))
        return true;
    for (size_t i = blanks; i < bytes; i++)
        if (text[i] == ':' && (i + 1 == bytes || text[i + 1] == ' ' || text[i + 1] == '\n' || text[i + 1] == '\r'))
            return true;
    return false;
}

bool document_read(const char *text, size_t bytes, struct json_object **ret_value, struct document_walk *walk,
                   struct document_fault *ret_fault)
{
    bool yaml = looks_like_yaml(text, bytes);
    return (yaml ? yaml_read : read_json)(text, bytes, ret_value, walk, ret_fault);
}

static void visit_twice(void *context, const struct document_node *node)
{
    if (!node->twice)
        return;
    const char *name = strrchr(node->location, '/') + 1;
    bool state = strncmp(node->location, "/States/", 8) == 0 && strchr(node->location + 8, '/') == NULL;
    struct diagnostic *diagnostic =
        state ? diagnostics_add(context, DIAGNOSTIC_ERROR, "DUPLICATE_STATE_NAME", node->location,
                                "Duplicate State name: %s", name)
              : diagnostics_add(context, DIAGNOSTIC_ERROR, SCHEMA, node->location, "Duplicate field '%s'", name);
    diagnostic->expected = mem_strdup("each name once in an object");
    diagnostic->line = node->name.line;
    diagnostic->column = node->name.column;
}

bool document_read_definition(const char *text, size_t bytes, struct json_object **ret_value,
                              struct diagnostics *diagnostics)
{
    struct document_fault fault = {0};
    if (bytes == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, SCHEMA, NULL, "Definition must be a valid JSON object");
        return false;
    }
    if (bytes > LIMIT_DEFINITION_BYTES) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, SCHEMA, NULL, "Definition of %zu bytes is longer than %d", bytes,
                        LIMIT_DEFINITION_BYTES);
        return false;
    }
    struct document_walk *walk = NEW(struct document_walk);
    walk->visit = visit_twice;
    walk->context = diagnostics;
    bool read = document_read(text, bytes, ret_value, walk, &fault);
    document_walk_release(walk);
    free(walk);
    if (read)
        return true;
    struct diagnostic *diagnostic =
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, fault.code, fault.location, "%s", fault.message);
    diagnostic->line = fault.line;
    diagnostic->column = fault.column;
    document_fault_release(&fault);
    return false;
}

int definition_parse_document(const char *text, size_t bytes, struct json_object **ret_value, struct err *err)
{
    struct document_fault fault = {0};
    if (document_read(text, bytes, ret_value, NULL, &fault))
        return 0;
    char *end = strstr(fault.message, "\n at "); /* the place follows in words of our own */
    if (end)
        *end = '\0';
    err_set(err, ERR_INVALID, "line %d column %d: %s", fault.line, fault.column, fault.message);
    document_fault_release(&fault);
    return ERR_INVALID;
}
