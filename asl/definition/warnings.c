/* What is allowed and most likely not meant: a path or a call that stands where nothing evaluates it. */
#include "asl/definition/compile.h"

#include <ctype.h>
#include <string.h>

/* "$.a", "$[0]", "$$.Execution.Id", "States.UUID()" */
static bool is_computed(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    const char *text = json_object_get_string(value);
    size_t bytes = (size_t)json_object_get_string_len(value);
    if (strncmp(text, "States.", 7) == 0)
        return isupper((unsigned char)text[7]) && strchr(text, '(') && text[bytes - 1] == ')';
    if (text[0] != '$')
        return false;
    text += text[1] == '$' ? 2 : 1;
    return *text == '.' ? isalpha((unsigned char)text[1]) || text[1] == '_' : *text == '[' && text[bytes - 1] == ']';
}

static bool ends_in_dollar(const char *name)
{
    size_t bytes = strlen(name);
    return bytes > 2 && strcmp(name + bytes - 2, ".$") == 0;
}

static void warn(struct compiler *c, const char *code, struct json_object *value, const char *message)
{
    diagnostic_found(diagnostics_add(c->diagnostics, DIAGNOSTIC_WARNING, code, buf_text(&c->location), "%s", message),
                     value);
}

/* Calls `visit` for each member inside a value, at its location. */
static void each_member(struct compiler *c, struct json_object *value,
                        void (*visit)(struct compiler *c, const char *name, struct json_object *member))
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            size_t mark = place_index(c, i);
            each_member(c, json_object_array_get_idx(value, i), visit);
            place_leave(c, mark);
        }
    }
    if (!json_object_is_type(value, json_type_object))
        return;
    json_object_object_foreach (value, name, member) {
        size_t mark = place_member(c, name);
        visit(c, name, member);
        each_member(c, member, visit);
        place_leave(c, mark);
    }
}

static void visit_template(struct compiler *c, const char *name, struct json_object *member)
{
    if (!ends_in_dollar(name) && is_computed(member))
        warn(c, "NO_DOLLAR", member,
             "the value looks like a path or an intrinsic call, but the name does not end in '.$': it stays a text");
}

static void visit_result(struct compiler *c, const char *name, struct json_object *member)
{
    if (ends_in_dollar(name) && is_computed(member))
        warn(c, "PASS_RESULT_IS_STATIC", member, "Result is taken as it is: nothing in it is evaluated");
}

void warn_template(struct compiler *c, struct json_object *value)
{
    if (!c->state->jsonata)
        each_member(c, value, visit_template);
}

void warn_result(struct compiler *c, struct json_object *value)
{
    each_member(c, value, visit_result);
}

void warn_text(struct compiler *c, struct json_object *value)
{
    if (!c->state->jsonata && is_computed(value))
        warn(c, "NO_PATH", value,
             "the value looks like a path, but the name of the field does not end in 'Path': it stays a text");
}
