/* Timestamps: what is one, which moment it is, and how a moment is written. */
#include "asl/dataflow/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void valid_texts(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-03-14T01:59:00Z", 1457920740000},
        {"2024-08-18T17:33:00+02:00", 1723995180000},
        {"2024-08-18T17:33:00-00:30", 1724004180000},
        {"2024-02-29T12:00:00.5Z", 1709208000500},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2023-11-14T22:13:20.123456789Z", 1700000000123},
        {"2023-11-14T22:13:20.1234567891234Z", 1700000000123},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2023-11-14T22:13:20+23:59", 1699913660000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 4711;
        if (!timestamp_parse_ms(cases[i].text, strlen(cases[i].text), &ms))
            fail_msg("%s: is a timestamp", cases[i].text);
        if (ms != cases[i].ms)
            fail_msg("%s: %lld instead of %lld", cases[i].text, (long long)ms, (long long)cases[i].ms);
    }
}

static void invalid_texts(void **state)
{
    static const char *const texts[] = {
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01t00:00:00Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+01",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+00:60",
        "2024-01-01T00:00:00Z ",
        " 2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "24-01-01T00:00:00Z",
        "02024-01-01T00:00:00Z",
        "2024-1-01T00:00:00Z",
        "05-12-2016T21:29:29Z",
        "2025-01-01T00%3A00%3A00Z",
        "-2024-01-01T00:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ms = 4711;
        if (timestamp_parse_ms(texts[i], strlen(texts[i]), &ms))
            fail_msg("\"%s\" is no timestamp", texts[i]);
        assert_int_equal(ms, 4711);
    }
}

static void order(void **state)
{
    struct timestamp a = {10, 5}, b = {10, 6}, c = {9, 999999999};
    (void)state;
    assert_true(timestamp_compare(a, a) == 0);
    assert_true(timestamp_compare(a, b) < 0);
    assert_true(timestamp_compare(b, a) > 0);
    assert_true(timestamp_compare(c, a) < 0);
}

static void written(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {1700000000120, "2023-11-14T22:13:20.120Z"},
        {951782400000, "2000-02-29T00:00:00Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
    };
    char text[TIMESTAMP_TEXT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bytes = timestamp_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(bytes, strlen(text));
    }
}

/* What is written reads back, on every day of 400 years: a whole cycle of leap years. */
static void round_trip(void **state)
{
    char text[TIMESTAMP_TEXT_BYTES];
    (void)state;
    for (int64_t day = -146097 / 2; day < 146097 / 2; day++) {
        int64_t ms = day * 86400000 + 43210987, again;
        size_t bytes = timestamp_format(ms, text);
        if (!timestamp_parse_ms(text, bytes, &again) || again != ms)
            fail_msg("%s does not read back", text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts), cmocka_unit_test(invalid_texts), cmocka_unit_test(order),
        cmocka_unit_test(written),     cmocka_unit_test(round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
