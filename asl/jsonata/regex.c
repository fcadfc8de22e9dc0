#define PCRE2_CODE_UNIT_WIDTH 8
#include "asl/jsonata/regex.h"

#include "asl/base/mem.h"
#include "asl/jsonata/code.h"
#include "asl/jsonata/text.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { MATCH_LIMIT = 1000000, DEPTH_LIMIT = 10000, HEAP_LIMIT_KIB = 16384 };

struct regex {
    struct regex *next;
    pcre2_code *code;
    const char *source;
};

const struct regex *regex_compile(struct maker *m, struct regex **list, const struct node *node)
{
    /* What JavaScript means by the same text: \uXXXX, [] and [^], $ only at the very end. */
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS |
                       PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    for (const char *flag = node->flags; *flag; flag++)
        options |= *flag == 'i' ? PCRE2_CASELESS : PCRE2_MULTILINE;
    int number;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)node->text, node->bytes, options, &number, &offset, NULL);
    if (code == NULL) {
        char message[128];
        pcre2_get_error_message(number, (PCRE2_UCHAR *)message, sizeof message);
        make_fail(m, "S0303", node->position, NULL, arena_strdup(m->arena, message));
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where there is none it is interpreted */
    struct regex *regex = NEW(struct regex);
    *regex = (struct regex){*list, code, node->text};
    *list = regex;
    return regex;
}

void regex_free_all(struct regex *list)
{
    while (list) {
        struct regex *next = list->next;
        pcre2_code_free(list->code);
        free(list);
        list = next;
    }
}

void regex_release(struct eval *e)
{
    pcre2_match_data_free(e->match);
    pcre2_match_context_free(e->match_context);
    e->match = NULL;
    e->match_context = NULL;
}

/* Makes room for the groups of a pattern and sets the limits of matching. */
static void prepare(struct eval *e, const struct regex *regex)
{
    uint32_t groups;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (e->match == NULL || pcre2_get_ovector_count(e->match) < groups + 1) {
        pcre2_match_data_free(e->match);
        e->match = pcre2_match_data_create(groups + 1 > 8 ? groups + 1 : 8, NULL);
    }
    if (e->match_context == NULL) {
        e->match_context = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(e->match_context, MATCH_LIMIT);
        pcre2_set_depth_limit(e->match_context, DEPTH_LIMIT);
        pcre2_set_heap_limit(e->match_context, HEAP_LIMIT_KIB);
    }
}

static bool execute(struct eval *e, const struct regex *regex, struct text subject, size_t from,
                    struct match *ret_match)
{
    prepare(e, regex);
    eval_check(e);
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.data ? subject.data : "");
    int found = pcre2_match(regex->code, text, subject.bytes, from, 0, e->match, e->match_context);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(regex->code, text, subject.bytes, from, PCRE2_NO_JIT, e->match, e->match_context);
    if (found == PCRE2_ERROR_MATCHLIMIT || found == PCRE2_ERROR_DEPTHLIMIT || found == PCRE2_ERROR_HEAPLIMIT)
        fail_time(e);
    if (found < 0)
        return false;
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(e->match);
    uint32_t groups;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    /* \K may start a match behind its end: nothing JavaScript knows */
    size_t start = offsets[0] <= offsets[1] ? offsets[0] : offsets[1];
    *ret_match = (struct match){.text = {subject.data + start, offsets[1] - start}, .start = start, .end = offsets[1]};
    struct array *list = array_new(e, groups);
    for (uint32_t i = 1; i <= groups; i++) {
        struct value group = VALUE_UNDEFINED;
        if ((int)i < found && offsets[2 * i] != PCRE2_UNSET)
            group = value_text(subject.data + offsets[2 * i], offsets[2 * i + 1] - offsets[2 * i]);
        array_push(e, list, group);
    }
    ret_match->groups = value_array(list);
    return true;
}

/* The match behind another: none at the end, and an error when nothing would move on. */
static bool execute_next(struct eval *e, const struct code *code, struct text subject, size_t from,
                         struct match *ret_match)
{
    if (from >= subject.bytes || !execute(e, code->regex, subject, from, ret_match))
        return false;
    if (ret_match->text.bytes == 0) {
        struct failure failure = {.code = "D1004",
                                  .position = code->position,
                                  .value = value_text(code->regex->source, strlen(code->regex->source))};
        fail_failure(e, failure);
    }
    return true;
}

static struct value member(struct value object, const char *name)
{
    struct value found = VALUE_UNDEFINED;
    if (object.type == V_OBJECT)
        object_get(object, (struct text){name, strlen(name)}, &found);
    return found;
}

/* What a matcher written in the language found. */
static bool take_match(struct matcher *matcher, struct value found)
{
    struct eval *e = matcher->e;
    if (is_undefined(found))
        return false;
    struct value start = member(found, "start"), end = member(found, "end"), groups = member(found, "groups");
    struct value next = member(found, "next"), text = member(found, "match");
    if (start.type != V_NUMBER && end.type != V_NUMBER && groups.type != V_ARRAY && next.type != V_FUNCTION)
        fail(e, "T1010");
    size_t first = start.type == V_NUMBER && number_of(start) > 0 ? (size_t)number_of(start) : 0;
    size_t last = end.type == V_NUMBER && number_of(end) > 0 ? (size_t)number_of(end) : 0;
    matcher->match.start = utf8_offset(matcher->subject.data, matcher->subject.bytes, first);
    matcher->match.end = utf8_offset(matcher->subject.data, matcher->subject.bytes, last);
    matcher->match.text = text.type == V_STRING ? text_of(text) : (struct text){"", 0};
    matcher->match.groups = groups.type == V_ARRAY ? groups : value_array(array_new(e, 0));
    matcher->match.next = next;
    return true;
}

bool matcher_next(struct matcher *matcher)
{
    struct eval *e = matcher->e;
    tick(e);
    bool first = !matcher->started;
    matcher->started = true;
    const struct function *function = matcher->function.as.function;
    if (function->kind == FUNCTION_REGEX && first)
        return execute(e, function->code->regex, matcher->subject, 0, &matcher->match);
    if (function->kind == FUNCTION_REGEX)
        return execute_next(e, function->code, matcher->subject, matcher->match.end, &matcher->match);
    struct value subject = value_text(matcher->subject.data, matcher->subject.bytes);
    if (first)
        return take_match(matcher, apply(e, matcher->function, &subject, 1, VALUE_UNDEFINED));
    if (matcher->match.next.type != V_FUNCTION)
        fail(e, "T1010");
    return take_match(matcher, apply(e, matcher->match.next, NULL, 0, VALUE_UNDEFINED));
}

double match_position(const struct matcher *matcher, size_t byte)
{
    return (double)utf8_count(matcher->subject.data, byte);
}

struct value regex_apply(struct eval *e, struct function *function, const struct value *args, size_t count)
{
    struct value subject = function->kind == FUNCTION_NEXT_MATCH ? function->subject
                           : count                               ? args[0]
                                                                 : VALUE_UNDEFINED;
    if (subject.type != V_STRING)
        return VALUE_UNDEFINED;
    struct text text = text_of(subject);
    struct match match;
    if (function->kind == FUNCTION_NEXT_MATCH) {
        if (!execute_next(e, function->code, text, function->offset, &match))
            return VALUE_UNDEFINED;
    } else {
        size_t from = count > 1 && args[1].type == V_NUMBER && number_of(args[1]) > 0 ? (size_t)number_of(args[1]) : 0;
        from = utf8_offset(text.data, text.bytes, from);
        if (!execute(e, function->code->regex, text, from, &match))
            return VALUE_UNDEFINED;
    }
    struct function *next = function_new(e, FUNCTION_NEXT_MATCH);
    next->code = function->code;
    next->subject = subject;
    next->offset = match.end;
    struct object *object = object_new(e, 5);
    object_add(e, object, value_text("match", 5), value_text(match.text.data, match.text.bytes));
    object_add(e, object, value_text("start", 5), value_double((double)utf8_count(text.data, match.start)));
    object_add(e, object, value_text("end", 3), value_double((double)utf8_count(text.data, match.end)));
    object_add(e, object, value_text("groups", 6), match.groups);
    object_add(e, object, value_text("next", 4), value_function(next));
    return value_object(object);
}
