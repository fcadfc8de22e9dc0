/* stored_event_test.c - the members of a stored event in its text: whole, in any order, and where the text breaks off. */
#include "runtime/execution/stored_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char row[] = "[{\"id\":12,\"type\":\"MapIterationStarted\",\"prev\":11,\"at\":1700000000123,\"f\":3,"
                          "\"name\":\"a\\\"},{\\\\\",\"value\":{\"type\":\"x\",\"id\":[1,{\"f\":9}]},\"n\":-4},"
                          "{\"type\":\"~Note\",\"same\":true},{\"value\":-1.5e3,\"details\":{},\"id\":13},{}]";

static void members_are_found(void **state)
{
    struct stored_event event;
    size_t at = stored_event_read(row, sizeof row - 1, 1, &event);
    (void)state;
    assert_int_equal(event.id, 12);
    assert_string_equal(event.type, "MapIterationStarted");
    assert_int_equal(event.previous_id, 11);
    assert_int_equal(event.at_ms, 1700000000123);
    assert_int_equal(event.frame, 3);
    assert_int_equal(event.number, -4);
    assert_false(event.same);
    assert_int_equal(event.value_bytes, strlen("{\"type\":\"x\",\"id\":[1,{\"f\":9}]}"));
    assert_memory_equal(event.value, "{\"type\":\"x\",\"id\":[1,{\"f\":9}]}", event.value_bytes);

    at = stored_event_read(row, sizeof row - 1, at + 1, &event);
    assert_int_equal(event.id, 0);
    assert_string_equal(event.type, "~Note");
    assert_true(event.same);
    assert_null(event.value);

    at = stored_event_read(row, sizeof row - 1, at + 1, &event);
    assert_int_equal(event.id, 13);
    assert_int_equal(event.value_bytes, 6);
    assert_memory_equal(event.value, "-1.5e3", 6);

    at = stored_event_read(row, sizeof row - 1, at + 1, &event);
    assert_int_equal(at, sizeof row - 2);
    assert_int_equal(event.id, 0);
}

static void nothing_else_is_an_event(void **state)
{
    static const char *const texts[] = {"",         "[]",        "1",          "{",           "{\"id\"}",
                                        "{\"id\":", "{\"id\":1", "{\"id\":1,", "{\"id\":[1}", "{\"id\":\"1}",
                                        "{id:1}",   "{\"v\\"};
    struct stored_event event;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(stored_event_read(texts[i], strlen(texts[i]), 0, &event), 0);
}

/* In memory that ends with the text, where a read past it is found out. */
static void text_may_break_off_anywhere(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < sizeof row - 1; bytes++) {
        char *text = malloc(bytes ? bytes : 1);
        memcpy(text, row, bytes);
        struct stored_event event;
        for (size_t at = 1; at < bytes;) {
            size_t end = stored_event_read(text, bytes, at, &event);
            assert_true(end <= bytes);
            if (end == 0)
                break;
            at = end + 1;
        }
        free(text);
    }
}

static void a_type_may_be_too_long(void **state)
{
    char text[200];
    struct stored_event event;
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "{\"type\":\"", 9);
    memcpy(text + sizeof text - 2, "\"}", 2);
    assert_int_equal(stored_event_read(text, sizeof text, 0, &event), sizeof text);
    assert_string_equal(event.type, "");
}

static void a_number_may_be_too_large(void **state)
{
    static const char text[] = "{\"at\":-99999999999999999999999,\"id\":7}";
    struct stored_event event;
    (void)state;
    assert_int_equal(stored_event_read(text, sizeof text - 1, 0, &event), sizeof text - 1);
    assert_int_equal(event.id, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found),           cmocka_unit_test(nothing_else_is_an_event),
        cmocka_unit_test(text_may_break_off_anywhere), cmocka_unit_test(a_type_may_be_too_long),
        cmocka_unit_test(a_number_may_be_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
