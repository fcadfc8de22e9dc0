/* Retry and Catch: who handles which error (ASL "Errors"; reference/asl.md section 12). */
#include "asl/definition/compile.h"

#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <string.h>

/* States.ALL stands alone, and in the last retrier or catcher only. */
static void check_all(struct compiler *c, const char **errors, size_t count, bool last)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(errors[i], "States.ALL") != 0 || (count == 1 && last))
            continue;
        size_t mark = place_member(c, "ErrorEquals");
        place_index(c, i);
        struct diagnostic *diagnostic = fault(c, SCHEMA, "States.ALL must appear alone and at end of list");
        diagnostic->plain = mem_strdup(count > 1 ? "'States.ALL' must be the only error name of its list"
                                                 : "'States.ALL' can only appear in the last element");
        diagnostic->found = mem_strdup("States.ALL");
        place_leave(c, mark);
        return;
    }
}

/* ErrorEquals: a list of names that is not empty. */
static const char **compile_errors(struct compiler *c, struct json_object *object, bool last, size_t *ret_count)
{
    struct json_object *names;
    *ret_count = 0;
    if (!json_member(object, "ErrorEquals", &names))
        return NULL;
    size_t mark = place_member(c, "ErrorEquals");
    const char **errors = NULL;
    if (placeholder(c, names)) {
        place_leave(c, mark);
        return NULL;
    }
    if (expect_type(c, names, json_type_array)) {
        size_t count = json_object_array_length(names);
        if (count == 0)
            fault(c, SCHEMA, "Value cannot be empty");
        errors = ARENA_ARRAY(c->arena, const char *, count + 1);
        for (size_t i = 0; i < count; i++) {
            struct json_object *name = json_object_array_get_idx(names, i);
            size_t inner = place_index(c, i);
            if (expect_type(c, name, json_type_string))
                errors[(*ret_count)++] = arena_strdup(c->arena, json_object_get_string(name));
            place_leave(c, inner);
        }
    }
    place_leave(c, mark);
    check_all(c, errors, *ret_count, last);
    return errors;
}

static void compile_retrier(struct compiler *c, struct json_object *object, bool last, struct retrier *retrier)
{
    *retrier = (struct retrier){.interval_seconds = 1, .max_attempts = 3, .backoff_rate = 2.0};
    compile_object(c, RETRIER, object, retrier);
    retrier->errors = compile_errors(c, object, last, &retrier->error_count);
    const char *jitter = json_member_text(object, "JitterStrategy");
    retrier->full_jitter = jitter && strcmp(jitter, "FULL") == 0;
    if (retrier->max_delay_seconds && retrier->max_delay_seconds <= retrier->interval_seconds) {
        size_t mark = place_member(c, "MaxDelaySeconds");
        struct diagnostic *diagnostic = fault(c, SCHEMA, "'MaxDelaySeconds' must be greater than 'IntervalSeconds'");
        diagnostic->found = mem_printf("%lld", (long long)retrier->max_delay_seconds);
        diagnostic->expected = mem_printf("more than %lld", (long long)retrier->interval_seconds);
        place_leave(c, mark);
    }
}

void compile_retry(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct state *state = target;
    if (!expect_type(c, value, json_type_array))
        return;
    size_t count = json_object_array_length(value);
    state->retry = ARENA_ARRAY(c->arena, struct retrier, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(value, i);
        size_t mark = place_index(c, i);
        if (expect_type(c, object, json_type_object))
            compile_retrier(c, object, i + 1 == count, &state->retry[state->retry_count++]);
        place_leave(c, mark);
    }
}

void compile_catch(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct state *state = target;
    if (!expect_type(c, value, json_type_array))
        return;
    size_t count = json_object_array_length(value);
    state->catch = ARENA_ARRAY(c->arena, struct catcher, count + 1);
    c->in_catcher = true;
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(value, i);
        size_t mark = place_index(c, i);
        if (expect_type(c, object, json_type_object)) {
            struct catcher *catcher = &state->catch[state->catch_count++];
            compile_object(c, CATCHER, object, catcher);
            catcher->errors = compile_errors(c, object, i + 1 == count, &catcher->error_count);
        }
        place_leave(c, mark);
    }
    c->in_catcher = false;
}
