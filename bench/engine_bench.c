/*
 * engine_bench.c - runs one workload in an engine of its own and prints what it took, as a line of JSON.
 *
 * engine_bench WORKLOAD [--executions N] [--in-flight N] [--store PATH|URL] [--functions DIR] [--workloads DIR]
 *
 * A closed loop on one thread: as many executions as the workload allows are at work at any time. Everything is
 * counted: the clock runs from the first start to the last end, CPU is that of this process and of its handlers,
 * which have been waited for.
 */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "bench/workload.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/figures.h"
#include "runtime/store/store.h"
#include "runtime/task/functions.h"

#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { STARTS_AT_ONCE = 1000 }; /* a client waits for answers too */

struct bench {
    const struct workload *workload;
    struct event_base *base;
    struct engine *engine;
    char definition_key[65];
    int executions, in_flight;
    int started, acknowledged, ended;
    int64_t *late_ms;                 /* of each ended execution, for workloads that wait */
    struct json_object *shared_input; /* of workloads with a large one */
    struct event *settle;             /* stays_open: looks whether all wait */
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "engine_bench: %s%s%s\n", what, err ? ": " : "", err ? err->message : "");
    exit(1);
}

static double wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* "VmRSS" or "VmHWM" of this process. */
static double memory_mib(const char *field)
{
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtod(line + strlen(field) + 1, NULL);
    if (status)
        fclose(status);
    return kib / 1024;
}

static void read_file(const char *folder, const char *name, struct buf *out)
{
    char *path = mem_printf("%s/%s.asl.json", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die(path, NULL);
    size_t got;
    do {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->bytes += got;
    } while (got > 0);
    out->data[out->bytes] = '\0';
    fclose(file);
    free(path);
}

static void on_stored(void *context, int code, const struct err *err)
{
    if (code)
        die("the definition was not stored", err);
    event_base_loopexit(context, NULL);
}

/* Stores the definition of the workload, as CreateStateMachine does. */
static void store_definition(struct bench *bench, const char *folder)
{
    AUTO_BUF text = BUF_INIT;
    read_file(folder, bench->workload->definition, &text);
    engine_definition_key(text.data, text.bytes, bench->workload->express, bench->definition_key);
    AUTO_JSON struct json_object *document = json_object_new_object();
    json_add_text(document, "definition", text.data);
    json_add_text(document, "type", bench->workload->express ? "EXPRESS" : "STANDARD");
    char *body = json_text(document);
    static bool conflict;
    store_batch_put_document(engine_batch(bench->engine), "definition", bench->definition_key, body, -1, &conflict);
    free(body);
    engine_on_commit(bench->engine, on_stored, bench->base);
    event_base_dispatch(bench->base);
    if (engine_definition(bench->engine, bench->definition_key) == NULL)
        die("the definition cannot be compiled", NULL);
}

static void start_more(struct bench *bench);

static void on_ended(void *context, const struct engine_outcome *outcome)
{
    struct bench *bench = context;
    if (outcome->status != EXECUTION_SUCCEEDED) {
        fprintf(stderr, "engine_bench: an execution failed: %s: %s\n", outcome->error ? outcome->error : "",
                outcome->cause ? outcome->cause : "");
        exit(1);
    }
    if (bench->workload->wait_ms)
        bench->late_ms[bench->ended] = outcome->stopped_ms - outcome->started_ms - bench->workload->wait_ms;
    if (++bench->ended == bench->executions)
        event_base_loopexit(bench->base, NULL);
    else
        start_more(bench);
}

static void start_more(struct bench *bench);

static void on_started(void *context, int code, const struct err *err)
{
    struct bench *bench = context;
    if (code)
        die("an execution was not started", err);
    bench->acknowledged++;
    start_more(bench);
}

static void start_one(struct bench *bench)
{
    int i = bench->started++;
    char *name = mem_printf("b%08d", i);
    char *arn =
        mem_printf("arn:aws:states:us-east-1:123456789012:%s:bench:%s%s",
                   bench->workload->express ? "express" : "execution", name, bench->workload->express ? ":1" : "");
    AUTO_JSON struct json_object *input =
        bench->shared_input ? json_object_get(bench->shared_input) : workload_input(bench->workload, i);
    const struct engine_start start = {
        .arn = arn,
        .name = name,
        .machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
        .machine_name = "bench",
        .definition_key = bench->definition_key,
        .role_arn = "arn:aws:iam::123456789012:role/bench",
        .input = input,
        .express = bench->workload->express,
    };
    int64_t started_ms;
    engine_start(bench->engine, &start, &started_ms, on_started, bench, bench->workload->stays_open ? NULL : on_ended,
                 bench);
    free(name);
    free(arn);
}

/* Not from inside the loop's own recursion: an Express execution may end before engine_start() returns. */
static void start_more(struct bench *bench)
{
    static bool inside;
    if (inside)
        return;
    inside = true;
    while (bench->started < bench->executions && bench->started - bench->ended < bench->in_flight &&
           bench->started - bench->acknowledged < STARTS_AT_ONCE)
        start_one(bench);
    inside = false;
}

static void on_figure(void *context, const struct figure *figure)
{
    int64_t *commits = context;
    if (strcmp(figure->name, "orchestrator_commit_seconds") == 0)
        for (size_t i = 0; i <= figure->histogram->bound_count; i++)
            *commits += figure->histogram->counts[i];
}

static int64_t count_commits(struct bench *bench)
{
    int64_t commits = 0;
    engine_figures(bench->engine, on_figure, &commits);
    return commits;
}

/* stays_open: done once every start is acknowledged and nothing has been committed for a second. */
static void on_settle(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    static int64_t commits_before = -1;
    struct bench *bench = context;
    int64_t commits = count_commits(bench);
    if (bench->acknowledged == bench->executions && commits == commits_before)
        event_base_loopexit(bench->base, NULL);
    commits_before = commits;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void report(struct bench *bench, double seconds, double cpu_engine, double cpu_handlers, double rss_mib)
{
    double units = (double)bench->executions * bench->workload->units;
    printf("{\"workload\":\"%s\",\"executions\":%d,\"inFlight\":%d,\"unit\":\"%s\",\"seconds\":%.3f,"
           "\"unitsPerSecond\":%.0f,\"cpuUsPerUnit\":%.2f,\"handlerCpuUsPerUnit\":%.2f,\"rssMiB\":%.1f,\"peakRssMiB\":%"
           ".1f",
           bench->workload->name, bench->executions, bench->in_flight, bench->workload->unit, seconds, units / seconds,
           (cpu_engine + cpu_handlers) / units * 1e6, cpu_handlers / units * 1e6, rss_mib, memory_mib("VmHWM"));
    if (bench->workload->wait_ms) {
        size_t count = (size_t)bench->ended;
        qsort(bench->late_ms, count, sizeof *bench->late_ms, by_value);
        printf(",\"lateP50Ms\":%lld,\"lateP99Ms\":%lld,\"lateMaxMs\":%lld", (long long)bench->late_ms[count / 2],
               (long long)bench->late_ms[count * 99 / 100], (long long)bench->late_ms[count - 1]);
    }
    puts("}");
}

static void log_warnings(void *context, int level, const char *message)
{
    (void)context;
    if (level >= 2)
        fprintf(stderr, "engine: %s\n", message);
}

static void run(struct bench *bench, const char *store_path, const char *functions, const char *workloads)
{
    struct err err = {0};
    struct store *store;
    char *url = strstr(store_path, "://") ? mem_strdup(store_path) : mem_printf("sqlite:%s", store_path);
    if (store_open(url, &store, &err))
        die(url, &err);
    free(url);
    bench->base = event_base_new();
    const struct engine_options options = {
        .base = bench->base,
        .store = store,
        .region = "us-east-1",
        .account = "123456789012",
        .node = "bench",
        .payload_bytes_max = SIZE_MAX,
        .history_events_max = INT64_MAX,
        .log = log_warnings,
    };
    if (engine_open(&options, &bench->engine, &err))
        die("the engine did not open", &err);
    struct connector *connector;
    const char *directories[] = {functions};
    const struct functions_options functions_options = {.directories = directories, .directory_count = 1};
    if (functions_open(bench->base, &functions_options, &connector, &err))
        die("no functions", &err);
    engine_add_connector(bench->engine, connector);
    if (engine_take_ownership(bench->engine, &err))
        die("the store is in use", &err);
    store_definition(bench, workloads);
    if (bench->workload->items)
        bench->shared_input = workload_input(bench->workload, 0);
    bench->late_ms = mem_zalloc(sizeof *bench->late_ms * (size_t)bench->executions);
    if (bench->workload->stays_open) {
        bench->settle = event_new(bench->base, -1, EV_PERSIST, on_settle, bench);
        event_add(bench->settle, &(struct timeval){.tv_sec = 1});
    }

    double cpu_before = cpu_s(RUSAGE_SELF), start = wall_s();
    start_more(bench);
    if (bench->ended < bench->executions)
        event_base_dispatch(bench->base);
    double seconds = wall_s() - start, cpu = cpu_s(RUSAGE_SELF) - cpu_before;
    double rss_mib = memory_mib("VmRSS");

    if (bench->settle)
        event_free(bench->settle);
    engine_close(bench->engine, 1000);
    store_close(store);
    json_release(&bench->shared_input);
    event_base_free(bench->base);
    report(bench, seconds, cpu, cpu_s(RUSAGE_CHILDREN), rss_mib);
    free(bench->late_ms);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    const char *store = "bench.db", *functions = "bench", *workloads = "bench/workloads";
    if (argc < 2 || argv[1][0] == '-') {
        puts("usage: engine_bench WORKLOAD [--executions N] [--in-flight N] [--store PATH|URL] [--functions DIR] "
             "[--workloads DIR]\nworkloads:");
        workload_print_names();
        return 2;
    }
    bench.workload = workload_find(argv[1]);
    if (bench.workload == NULL)
        die("no such workload", NULL);
    bench.executions = bench.workload->executions;
    bench.in_flight = bench.workload->in_flight;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--executions") == 0)
            bench.executions = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--in-flight") == 0)
            bench.in_flight = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--store") == 0)
            store = argv[i + 1];
        else if (strcmp(argv[i], "--functions") == 0)
            functions = argv[i + 1];
        else if (strcmp(argv[i], "--workloads") == 0)
            workloads = argv[i + 1];
        else
            die("unknown option", NULL);
    }
    run(&bench, store, functions, workloads);
    return 0;
}
