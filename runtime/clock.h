/*
 * clock.h - what time it is, and how much has passed.
 *
 * The steady clocks only go forward and begin anywhere: for differences and deadlines within this process. The real
 * one is ms since 1970, UTC, and may be set. Executions have a clock of their own: engine_now_ms().
 */
#ifndef RUNTIME_CLOCK_H
#define RUNTIME_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t clock_steady_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static inline int64_t clock_steady_ms(void)
{
    return clock_steady_us() / 1000;
}

static inline int64_t clock_real_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

#endif
