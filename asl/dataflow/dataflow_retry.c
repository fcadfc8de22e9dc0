/* Retry: which errors a list of names matches, and how long to wait. */
#include "asl/dataflow/dataflow.h"

#include <math.h>
#include <string.h>

static bool is(const char *name, const char *error)
{
    return strcmp(name, error) == 0;
}

/*
 * States.Runtime is never retried nor caught. States.ALL takes all others, States.TaskFailed all but
 * timeouts; a missed heartbeat is a timeout too.
 */
static bool name_matches(const char *name, const char *error)
{
    bool heartbeat = is("States.HeartbeatTimeout", error);
    if (is(name, "States.ALL"))
        return true;
    if (is(name, "States.TaskFailed"))
        return !heartbeat && !is("States.Timeout", error);
    return is(name, error) || (heartbeat && is(name, "States.Timeout"));
}

bool dataflow_error_matches(const char **errors, size_t error_count, const char *error)
{
    if (error == NULL)
        error = ""; /* a task may fail without a name */
    if (is("States.Runtime", error))
        return false;
    for (size_t i = 0; i < error_count; i++)
        if (name_matches(errors[i], error))
            return true;
    return false;
}

int64_t dataflow_retry_delay_ms(const struct retrier *retrier, int64_t attempt, struct asl_env *env)
{
    double seconds = (double)retrier->interval_seconds * pow(retrier->backoff_rate, (double)(attempt - 1));
    double seconds_max = retrier->max_delay_seconds ? (double)retrier->max_delay_seconds : INT32_MAX;
    if (!(seconds < seconds_max)) /* also when the power overflows */
        seconds = seconds_max;
    int64_t delay_ms = (int64_t)(seconds * 1000);
    if (retrier->full_jitter && env->random && delay_ms > 0) {
        uint64_t random;
        env->random(env->random_owner, &random, sizeof random);
        delay_ms = (int64_t)(random % ((uint64_t)delay_ms + 1));
    }
    return delay_ms;
}
