/* YAML to the JSON tree that it means (YAML 1.2, core schema). */
#include "asl/definition/document.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { YAML_NODES_MAX = 1000000 }; /* aliases counted as often as they are used */

struct reader {
    yaml_parser_t parser;
    struct document_walk *walk;
    struct document_fault *fault;
    struct json_object *anchors; /* name → value */
    struct json_object *sizes;   /* name → number of nodes in it */
    size_t nodes;
    int depth;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){(int)mark.line + 1, (int)mark.column + 1};
}

static bool fail(struct reader *r, yaml_mark_t mark, const char *message)
{
    struct place place = place_of(mark);
    *r->fault = (struct document_fault){
        .code = "INVALID_YAML_DESCRIPTION",
        .message = mem_strdup(message),
        .line = place.line,
        .column = place.column,
    };
    return false;
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return true;
    return fail(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "could not read the YAML");
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* A plain scalar by the core schema: null, true, false, a number, or a text. */
static struct json_object *resolve_plain(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    struct json_object *number;
    if (is_one_of(text, nulls))
        return NULL;
    if (is_one_of(text, trues))
        return json_object_new_boolean(true);
    if (is_one_of(text, falses))
        return json_object_new_boolean(false);
    const char *digits = *text == '+' ? text + 1 : text;
    if (strspn(digits, "+-.0123456789eE") == strlen(digits) && json_parse(digits, strlen(digits), &number, NULL) == 0)
        return number;
    return json_object_new_string(text);
}

/* CloudFormation: !Ref Name and !GetAtt Name.Attribute are placeholders; !Sub is a text with some. */
static struct json_object *resolve_scalar(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    if (tag && (strcmp(tag, "!Ref") == 0 || strcmp(tag, "!GetAtt") == 0)) {
        char *placeholder = mem_printf("${%s}", text);
        struct json_object *value = json_object_new_string(placeholder);
        free(placeholder);
        return value;
    }
    if (tag == NULL && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return resolve_plain(text);
    return json_object_new_string_len(text, (int)event->data.scalar.length);
}

static bool read_node(struct reader *r, yaml_event_t *event, struct json_object **ret_value);

static bool count_nodes(struct reader *r, const yaml_event_t *event, size_t count)
{
    r->nodes += count;
    return r->nodes <= YAML_NODES_MAX || fail(r, event->start_mark, "the aliases make the document too large");
}

static bool read_alias(struct reader *r, const yaml_event_t *event, struct json_object **ret_value)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct json_object *value;
    if (!json_member(r->anchors, name, &value))
        return fail(r, event->start_mark, "an alias names an anchor that does not exist before it");
    if (!count_nodes(r, event, (size_t)json_member_int(r->sizes, name, 1)))
        return false;
    if (r->walk)
        document_walk_scalar(r->walk, place_of(event->start_mark));
    *ret_value = json_object_get(value);
    return true;
}

static bool open_node(struct reader *r, const yaml_event_t *event, bool array)
{
    bool fits = r->depth < LIMIT_JSON_DEPTH;
    if (fits && r->walk)
        fits = document_walk_open(r->walk, array, place_of(event->start_mark));
    if (!fits) {
        fail(r, event->start_mark, "the document is nested too deeply");
        r->fault->code = "TOO_DEEPLY_NESTED";
        return false;
    }
    r->depth++;
    return true;
}

static void close_node(struct reader *r)
{
    r->depth--;
    if (r->walk)
        document_walk_close(r->walk);
}

static bool read_sequence(struct reader *r, const yaml_event_t *start, struct json_object **ret_value)
{
    AUTO_JSON struct json_object *list = json_object_new_array();
    if (!open_node(r, start, true))
        return false;
    for (;;) {
        yaml_event_t event;
        struct json_object *value = NULL;
        if (!next_event(r, &event))
            return false;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        bool read = end || read_node(r, &event, &value);
        yaml_event_delete(&event);
        if (!read)
            return false;
        if (end)
            break;
        json_append(list, value);
    }
    close_node(r);
    *ret_value = json_take(&list);
    return true;
}

static bool read_member(struct reader *r, const yaml_event_t *name, struct json_object *object)
{
    yaml_event_t event;
    struct json_object *value = NULL;
    if (name->type != YAML_SCALAR_EVENT)
        return fail(r, name->start_mark, "the name of a member must be a text");
    const char *text = (const char *)name->data.scalar.value;
    if (r->walk)
        document_walk_name(r->walk, text, place_of(name->start_mark));
    if (!next_event(r, &event))
        return false;
    bool read = read_node(r, &event, &value);
    yaml_event_delete(&event);
    if (read)
        json_add(object, text, value);
    return read;
}

static bool read_mapping(struct reader *r, const yaml_event_t *start, struct json_object **ret_value)
{
    AUTO_JSON struct json_object *object = json_object_new_object();
    if (!open_node(r, start, false))
        return false;
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        bool read = end || read_member(r, &event, object);
        yaml_event_delete(&event);
        if (!read)
            return false;
        if (end)
            break;
    }
    close_node(r);
    *ret_value = json_take(&object);
    return true;
}

static void keep_anchor(struct reader *r, const yaml_char_t *anchor, struct json_object *value, size_t nodes)
{
    if (anchor == NULL)
        return;
    json_add(r->anchors, (const char *)anchor, json_object_get(value));
    json_add_int(r->sizes, (const char *)anchor, (int64_t)nodes);
}

static bool read_node(struct reader *r, yaml_event_t *event, struct json_object **ret_value)
{
    size_t before = r->nodes;
    const yaml_char_t *anchor = NULL;
    bool read = count_nodes(r, event, 1);
    if (!read)
        return false;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(r, event, ret_value);
    case YAML_SCALAR_EVENT:
        if (r->walk)
            document_walk_scalar(r->walk, place_of(event->start_mark));
        *ret_value = resolve_scalar(event);
        anchor = event->data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        read = read_sequence(r, event, ret_value);
        anchor = event->data.sequence_start.anchor;
        break;
    case YAML_MAPPING_START_EVENT:
        read = read_mapping(r, event, ret_value);
        anchor = event->data.mapping_start.anchor;
        break;
    default:
        return fail(r, event->start_mark, "a value is missing");
    }
    if (read)
        keep_anchor(r, anchor, *ret_value, r->nodes - before);
    return read;
}

/* stream = start [ document ] end; of several documents only one may be there */
static bool read_stream(struct reader *r, struct json_object **ret_value)
{
    bool found = false;
    AUTO_JSON struct json_object *value = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        bool end = event.type == YAML_STREAM_END_EVENT;
        bool content = !end && event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
                       event.type != YAML_DOCUMENT_END_EVENT;
        bool good = true;
        if (content)
            good = found ? fail(r, event.start_mark, "there is more than one document in the text")
                         : read_node(r, &event, &value);
        found |= content;
        yaml_event_delete(&event);
        if (!good)
            return false;
        if (end)
            break;
    }
    *ret_value = json_take(&value);
    return true;
}

bool yaml_read(const char *text, size_t bytes, struct json_object **ret_value, struct document_walk *walk,
               struct document_fault *ret_fault)
{
    struct reader r = {.walk = walk, .fault = ret_fault};
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
    r.anchors = json_object_new_object();
    r.sizes = json_object_new_object();
    bool read = read_stream(&r, ret_value);
    json_object_put(r.anchors);
    json_object_put(r.sizes);
    yaml_parser_delete(&r.parser);
    return read;
}
