/* base_test.c - asl/base: memory, text, errors and the additions to json-c. */
#include "asl/base/arena.h"
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void buf_grows_and_stays_terminated(void **state)
{
    (void)state;
    AUTO_BUF buf = BUF_INIT;
    assert_string_equal(buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        buf_add_int(&buf, i % 10);
    assert_int_equal(buf.bytes, 1000);
    assert_int_equal(strlen(buf.data), 1000);
    buf_clear(&buf);
    buf_add_int(&buf, INT64_MIN);
    buf_add_char(&buf, ' ');
    buf_printf(&buf, "%s=%d", "n", 7);
    assert_string_equal(buf_text(&buf), "-9223372036854775808 n=7");
    char *taken = buf_take(&buf);
    assert_string_equal(taken, "-9223372036854775808 n=7");
    assert_int_equal(buf.bytes, 0);
    free(taken);
    char *empty = buf_take(&buf);
    assert_string_equal(empty, "");
    free(empty);
}

static void arena_zeroes_aligns_and_limits(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    for (size_t bytes = 1; bytes < 200000; bytes = bytes * 3 + 1) {
        unsigned char *memory = arena_alloc(arena, bytes);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, bytes);
    }
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    arena_free(arena);

    arena = arena_new(1000);
    assert_non_null(arena_alloc(arena, 900));
    assert_null(arena_alloc(arena, 200));
    arena_free(arena);
}

static void err_keeps_what_fits(void **state)
{
    (void)state;
    struct err err = {0};
    char long_text[2000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(err_set(&err, ERR_IO, "%s", long_text), ERR_IO);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    err_at(&err, "/States/%s", "A");
    err_hint(&err, "try %d", 2);
    assert_string_equal(err.where, "/States/A");
    assert_string_equal(err.hint, "try 2");
    assert_int_equal(err_set(NULL, ERR_BUSY, "nobody listens"), ERR_BUSY);
    assert_string_equal(err_code_name(ERR_NOT_FOUND), "not found");
}

struct document {
    const char *text;
    const char *written; /* NULL: not JSON */
};

static void json_reads_strictly_and_writes_compactly(void **state)
{
    (void)state;
    static const struct document documents[] = {
        {" {\"b\" : 1 , \"a\" : [ true , null ] } ", "{\"b\":1,\"a\":[true,null]}"},
        {"null", "null"},
        {"\"\\u00e9\\ud83d\\ude00\\n/\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n/\""},
        {"1.50", "1.50"},
        {"-0.0", "-0.0"},
        {"9223372036854775807", "9223372036854775807"},
        {"{\"a\":1} x", NULL},
        {"{'a':1}", NULL},
        {"[1,]", NULL},
        {"[1 2]", NULL},
        {"", NULL},
        {"nul", NULL},
        {"\"\xff\"", NULL},
        {"\"\t\"", NULL},
        {"// no\n1", NULL},
        {"NaN", NULL},
        {"01", NULL},
        {"-01", NULL},
        {"1.", NULL},
        {"1e999", NULL},
        {"True", NULL},
        {"\"\\x\"", NULL},
        {"\"\xed\xa0\x80\"", NULL},
        {"\"\\ud800\"", "\"\xef\xbf\xbd\""},
        {"{\"a\":{\"b\":[1,\"s\",{\"c\":\"d\"}]},\"e\":\"\"}", "{\"a\":{\"b\":[1,\"s\",{\"c\":\"d\"}]},\"e\":\"\"}"},
        {"99999999999999999999999", "99999999999999999999999"},
        {"{\"a\\u0000b\":1}", NULL},
        {"{\"a\" 1}", NULL},
        {"\"\\u0000\"", "\"\\u0000\""},
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        AUTO_JSON struct json_object *value = NULL;
        struct err err = {0};
        int code = json_parse(documents[i].text, strlen(documents[i].text), &value, &err);
        if (!documents[i].written) {
            if (code != ERR_INVALID)
                fail_msg("taken for JSON: %s", documents[i].text);
            assert_true(strstr(err.message, "line ") == err.message);
            continue;
        }
        if (code)
            fail_msg("%s: %s", documents[i].text, err.message);
        char *text = json_text(value);
        assert_string_equal(text, documents[i].written);
        assert_int_equal(json_size(value, SIZE_MAX), strlen(text));
        free(text);
    }
}

static void json_depth_is_limited(void **state)
{
    (void)state;
    char text[2 * 1001];
    for (int depth = LIMIT_JSON_DEPTH - 1; depth <= 1000; depth += 1000 - LIMIT_JSON_DEPTH + 1) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        AUTO_JSON struct json_object *value = NULL;
        struct err err = {0};
        int code = json_parse(text, 2 * (size_t)depth, &value, &err);
        assert_int_equal(code, depth < LIMIT_JSON_DEPTH ? 0 : ERR_INVALID);
    }
}

/* What a state gives out must be readable as a document; what the program wrote may be deeper. */
static void json_size_knows_the_depth(void **state)
{
    (void)state;
    char text[2 * (LIMIT_JSON_DEPTH + 1)];
    for (int depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        AUTO_JSON struct json_object *value = NULL;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(json_parse_stored(text, 2 * (size_t)depth, &value, NULL), 0);
        bool small = json_size(value, 1000) <= 1000;
        assert_int_equal(small, depth == LIMIT_JSON_DEPTH);
        AUTO_JSON struct json_object *again = NULL;
        assert_int_equal(json_parse(text, 2 * (size_t)depth, &again, NULL) == 0, small);
    }
}

static void json_members_and_copies(void **state)
{
    (void)state;
    AUTO_JSON struct json_object *object = json_object_new_object();
    json_add_text(object, "text", "x");
    json_add_int(object, "int", 5);
    json_add_bool(object, "bool", true);
    json_add(object, "null", NULL);
    struct json_object *member = object;
    assert_true(json_member(object, "null", &member));
    assert_null(member);
    assert_false(json_member(object, "other", &member));
    assert_string_equal(json_member_text(object, "text"), "x");
    assert_null(json_member_text(object, "int"));
    assert_int_equal(json_member_int(object, "int", 0), 5);
    assert_int_equal(json_member_int(object, "other", -3), -3);

    AUTO_JSON struct json_object *copy = json_shallow_copy(object);
    assert_true(json_same(copy, object));
    json_add_int(copy, "int", 6);
    assert_false(json_same(copy, object));
    assert_int_equal(json_member_int(object, "int", 0), 5);
}

struct comparison {
    const char *a, *b;
    bool same;
};

static void json_equality_is_that_of_the_language(void **state)
{
    (void)state;
    static const struct comparison comparisons[] = {
        {"1", "1.0", true},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"[1,2]", "[2,1]", false},
        {"null", "false", false},
        {"\"1\"", "1", false},
        {"{\"a\":null}", "{}", false},
        {"{\"a\":null}", "{\"b\":null}", false},
        {"[{\"a\":[1.5e0]}]", "[{\"a\":[1.5]}]", true},
    };
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        const struct comparison *c = &comparisons[i];
        AUTO_JSON struct json_object *a = NULL, *b = NULL;
        assert_int_equal(json_parse(c->a, strlen(c->a), &a, NULL), 0);
        assert_int_equal(json_parse(c->b, strlen(c->b), &b, NULL), 0);
        if (json_same(a, b) != c->same || json_same(b, a) != c->same)
            fail_msg("%s and %s", c->a, c->b);
    }
}

struct number {
    double number;
    const char *text;
};

static void doubles_print_as_javascript_prints_them(void **state)
{
    (void)state;
    static const struct number numbers[] = {
        {0.1, "0.1"},
        {-0.0, "0"},
        {1e21, "1e+21"},
        {1e20, "100000000000000000000"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {123456789.125, "123456789.125"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0.30000000000000004, "0.30000000000000004"},
        {-1.5, "-1.5"},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[32];
        size_t bytes = json_format_double(numbers[i].number, text);
        assert_string_equal(text, numbers[i].text);
        assert_int_equal(bytes, strlen(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_grows_and_stays_terminated),
        cmocka_unit_test(arena_zeroes_aligns_and_limits),
        cmocka_unit_test(err_keeps_what_fits),
        cmocka_unit_test(json_reads_strictly_and_writes_compactly),
        cmocka_unit_test(json_depth_is_limited),
        cmocka_unit_test(json_size_knows_the_depth),
        cmocka_unit_test(json_members_and_copies),
        cmocka_unit_test(json_equality_is_that_of_the_language),
        cmocka_unit_test(doubles_print_as_javascript_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
