/* Signatures that were used: taken once, forgotten when their date is, bounded without a gap. */
#include "orchestrator/http/replay.h"

#include "orchestrator/http/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { NOW_S = 1000000 };

static bool use(struct replay *replay, uint32_t number, int64_t date_s, int64_t now_s)
{
    unsigned char signature[REPLAY_BYTES] = {0};
    memcpy(signature, &number, sizeof(number));
    return replay_is_new(replay, signature, date_s, now_s);
}

static void taken_once(void **state)
{
    struct replay *replay = replay_new(0);
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) /* it grows meanwhile */
        assert_true(use(replay, i, NOW_S, NOW_S));
    for (uint32_t i = 0; i < 5000; i++)
        assert_false(use(replay, i, NOW_S, NOW_S));
    replay_free(replay);
}

static void forgotten_when_the_date_is_over(void **state)
{
    struct replay *replay = replay_new(4);
    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        assert_true(use(replay, i, NOW_S, NOW_S));
    /* their dates are refused by now, so that they make room and no floor */
    int64_t later_s = NOW_S + SIGV4_SKEW_SECONDS + 1;
    for (uint32_t i = 0; i < 4; i++)
        assert_true(use(replay, i, later_s - SIGV4_SKEW_SECONDS, later_s));
    replay_free(replay);
}

static void what_is_pushed_out_stays_used(void **state)
{
    struct replay *replay = replay_new(4);
    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        assert_true(use(replay, i, NOW_S + i, NOW_S));
    for (uint32_t i = 0; i < 6; i++) /* 0 and 1 were pushed out: the floor is the date of 1 */
        assert_false(use(replay, i, NOW_S + i, NOW_S));
    assert_false(use(replay, 100, NOW_S + 1, NOW_S));
    assert_true(use(replay, 101, NOW_S + 2, NOW_S));
    replay_free(replay);
}

static void same_chain(void **state)
{
    struct replay *replay = replay_new(8);
    (void)state;
    for (uint32_t i = 0; i < 8; i++) /* the low bits, which choose the chain, are alike */
        assert_true(use(replay, i << 16, NOW_S + i, NOW_S));
    for (uint32_t i = 8; i < 20; i++)
        assert_true(use(replay, i << 16, NOW_S + i, NOW_S));
    for (uint32_t i = 0; i < 20; i++)
        assert_false(use(replay, i << 16, NOW_S + i, NOW_S));
    replay_free(replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_once),
        cmocka_unit_test(forgotten_when_the_date_is_over),
        cmocka_unit_test(what_is_pushed_out_stays_used),
        cmocka_unit_test(same_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
