/*
 * task_bench.c - the functions connector alone: calls of a line-protocol handler, without engine and store.
 *
 * task_bench DIR [CALLS [IN_FLIGHT]]: runs the function echo_handler of the folder DIR and prints calls a second and
 * the CPU time of a call, over this process and the handler.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/task/functions.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { IN_FLIGHT_MAX = 10000 };

static struct {
    struct event_base *base;
    struct connector *connector;
    long left, running, failed;
} bench;

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static double cpu(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_report(struct task *task, const struct task_report *report)
{
    bench.failed += report->kind != TASK_SUCCEEDED;
    if (bench.left > 0) {
        bench.left--;
        bench.connector->ops->start(bench.connector, task);
    } else if (--bench.running == 0) {
        event_base_loopbreak(bench.base);
    }
}

int main(int argc, char **argv)
{
    static const char input[] = "{\"orderId\":\"o-123456\",\"amount\":42,\"items\":[{\"sku\":\"a\",\"n\":1}]}";
    static const struct resource echo = {.kind = RESOURCE_FUNCTION, .name = "echo_handler", .text = ""};
    static struct task tasks[IN_FLIGHT_MAX];
    const char *directories[] = {argc > 1 ? argv[1] : "bench"};
    long calls = argc > 2 ? atol(argv[2]) : 500000, in_flight = argc > 3 ? atol(argv[3]) : 1000;
    if (in_flight < 1 || in_flight > IN_FLIGHT_MAX || calls < in_flight) {
        fprintf(stderr, "usage: task_bench DIR [CALLS [IN_FLIGHT up to %d]]\n", IN_FLIGHT_MAX);
        return 2;
    }
    struct err err;
    struct json_object *payload = NULL;
    json_parse(input, sizeof input - 1, &payload, NULL);
    bench.base = event_base_new();
    struct functions_options options = {.directories = directories, .directory_count = 1};
    if (functions_open(bench.base, &options, &bench.connector, &err) != 0) {
        fprintf(stderr, "task_bench: %s\n", err.message);
        return 1;
    }
    double since = wall();
    bench.running = in_flight;
    bench.left = calls - in_flight;
    for (long i = 0; i < in_flight; i++) {
        tasks[i] = (struct task){.resource = &echo,
                                 .input = payload,
                                 .state_name = "Charge",
                                 .execution_arn = "arn:aws:states:us-east-1:123456789012:execution:orders:o-123456",
                                 .idempotency_token = "8f14e45f-ceea-467f-a9bd-1c2f3a4b5c6d",
                                 .report = on_report};
        bench.connector->ops->start(bench.connector, &tasks[i]);
    }
    event_base_dispatch(bench.base);
    double took = wall() - since, own = cpu(RUSAGE_SELF);
    bench.connector->ops->close(bench.connector, 1000);
    double theirs = cpu(RUSAGE_CHILDREN);
    printf("{\"calls\":%ld,\"failed\":%ld,\"per_second\":%.0f,\"cpu_us\":%.2f,\"cpu_us_handler\":%.2f}\n", calls,
           bench.failed, (double)calls / took, own * 1e6 / (double)calls, theirs * 1e6 / (double)calls);
    json_object_put(payload);
    event_base_free(bench.base);
    return bench.failed != 0;
}
