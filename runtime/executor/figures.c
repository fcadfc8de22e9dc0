#include "config.h"

#include "runtime/executor/figures.h"

#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/engine_priv.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_AGAIN_MS = 60000 };

static const double execution_seconds[] = {0.001, 0.01, 0.1, 1, 10, 60, 300, 900, 3600, 21600, 86400, 604800, 2592000};
static const double commit_seconds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                        0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};
static const double commit_sizes[] = {0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

/* --- state machines ------------------------------------------------------------------------------------------ */

/* What is counted by state machine, a bounded number of them; the last one stands for all others. */
struct machine_figures {
    char *name;
    int64_t started;
    int64_t ended[EXECUTION_ABORTED + 1]; /* by status */
    struct histogram time;
};

static char *name_of(const char *machine_arn)
{
    static const char mark[] = ":stateMachine:";
    const char *at = strstr(machine_arn, mark);
    return mem_strdup(at ? at + sizeof mark - 1 : machine_arn);
}

static struct machine_figures *figures_of(struct engine *engine, const char *machine_arn)
{
    struct figures *figures = &engine->figures;
    void *found = NULL;
    char *name = name_of(machine_arn);
    if (!lh_table_lookup_ex(figures->machines, name, &found) &&
        lh_table_length(figures->machines) >= LIMIT_METRICS_MACHINES) {
        free(name);
        name = mem_strdup("(others)");
        lh_table_lookup_ex(figures->machines, name, &found);
    }
    if (found) {
        free(name);
        return found;
    }
    struct machine_figures *machine = NEW(struct machine_figures);
    machine->name = name;
    machine->time = HISTOGRAM(execution_seconds);
    lh_table_insert(figures->machines, machine->name, machine);
    return machine;
}

void figures_started(struct run *run)
{
    run->figures = figures_of(run->engine, run->machine_arn);
    run->figures->started++;
    run->engine->figures.open_since += !run->express;
}

void figures_ended(struct run *run)
{
    struct machine_figures *machine = run->figures ? run->figures : figures_of(run->engine, run->machine_arn);
    int64_t ms = execution_stopped_ms(run->execution) - execution_started_ms(run->execution);
    machine->ended[execution_status(run->execution)]++;
    histogram_add(&machine->time, (double)ms / 1000);
    run->engine->figures.open_since -= !run->express;
}

void figures_redriven(struct run *run)
{
    run->engine->figures.open_since++;
}

void figures_committed(struct engine *engine, size_t executions, int64_t us)
{
    histogram_add(&engine->figures.commit_seconds, (double)us / 1e6);
    histogram_add(&engine->figures.commit_sizes, (double)executions);
}

void figures_init(struct engine *engine)
{
    struct figures *figures = &engine->figures;
    tally_init(&figures->tally);
    engine->outbox.tally = &figures->tally;
    figures->machines = lh_kchar_table_new(16, NULL);
    figures->commit_seconds = HISTOGRAM(commit_seconds);
    figures->commit_sizes = HISTOGRAM(commit_sizes);
}

void figures_release(struct engine *engine)
{
    struct lh_entry *entry;
    lh_foreach(engine->figures.machines, entry)
    {
        struct machine_figures *machine = (struct machine_figures *)lh_entry_v(entry);
        free(machine->name);
        free(machine);
    }
    lh_table_free(engine->figures.machines);
}

/* --- giving them out ----------------------------------------------------------------------------------------- */

struct giving {
    struct engine *engine;
    figure_fn *fn;
    void *context;
};

static void give(const struct giving *giving, enum figure_kind kind, const char *name, const char *help, double value)
{
    giving->fn(giving->context, &(struct figure){.kind = kind, .name = name, .help = help, .value = value});
}

static void give_histogram(const struct giving *giving, const char *name, const char *help,
                           const struct histogram *histogram)
{
    giving->fn(giving->context,
               &(struct figure){.kind = FIGURE_HISTOGRAM, .name = name, .help = help, .histogram = histogram});
}

static void give_machines(const struct giving *giving)
{
    static const struct {
        const char *name, *help;
        int status; /* -1: started */
    } counters[] = {
        {"states_executions_started_total", "Executions started", -1},
        {"states_executions_succeeded_total", "Executions that succeeded", EXECUTION_SUCCEEDED},
        {"states_executions_failed_total", "Executions that failed", EXECUTION_FAILED},
        {"states_executions_aborted_total", "Executions that were stopped", EXECUTION_ABORTED},
        {"states_executions_timed_out_total", "Executions that timed out", EXECUTION_TIMED_OUT},
    };
    struct lh_entry *entry;
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        lh_foreach(giving->engine->figures.machines, entry)
        {
            const struct machine_figures *machine = (const struct machine_figures *)lh_entry_v(entry);
            int status = counters[i].status;
            giving->fn(giving->context,
                       &(struct figure){.kind = FIGURE_COUNTER,
                                        .name = counters[i].name,
                                        .help = counters[i].help,
                                        .machine = machine->name,
                                        .value = (double)(status < 0 ? machine->started : machine->ended[status])});
        }
    }
    lh_foreach(giving->engine->figures.machines, entry)
    {
        const struct machine_figures *machine = (const struct machine_figures *)lh_entry_v(entry);
        giving->fn(giving->context, &(struct figure){.kind = FIGURE_HISTOGRAM,
                                                     .name = "states_execution_time_seconds",
                                                     .help = "Time from the start of an execution to its end",
                                                     .machine = machine->name,
                                                     .histogram = &machine->time});
    }
}

/* Activities, Lambda functions and services: the same figures under each kind's names. */
static const struct task_names {
    enum event_type scheduled, started, succeeded, failed, start_failed, schedule_failed, timed_out;
    const char *scheduled_name, *started_name, *succeeded_name, *failed_name, *timed_out_name, *heartbeat_name;
    const char *run_name, *schedule_name, *overall_name;
} task_names[TALLY_KINDS] = {
#define NAMES(things, thing)                                                                                           \
    "states_" things "_scheduled_total", "states_" things "_started_total", "states_" things "_succeeded_total",       \
        "states_" things "_failed_total", "states_" things "_timed_out_total",                                         \
        "states_" things "_heartbeat_timed_out_total", "states_" thing "_run_time_seconds",                            \
        "states_" thing "_schedule_time_seconds", "states_" thing "_time_seconds"
    [TALLY_ACTIVITY] = {EVENT_ACTIVITY_SCHEDULED, EVENT_ACTIVITY_STARTED, EVENT_ACTIVITY_SUCCEEDED,
                        EVENT_ACTIVITY_FAILED, EVENT_TYPES, EVENT_ACTIVITY_SCHEDULE_FAILED, EVENT_ACTIVITY_TIMED_OUT,
                        NAMES("activities", "activity")},
    [TALLY_LAMBDA] = {EVENT_LAMBDA_SCHEDULED, EVENT_LAMBDA_STARTED, EVENT_LAMBDA_SUCCEEDED, EVENT_LAMBDA_FAILED,
                      EVENT_LAMBDA_START_FAILED, EVENT_LAMBDA_SCHEDULE_FAILED, EVENT_LAMBDA_TIMED_OUT,
                      NAMES("lambda_functions", "lambda_function")},
    [TALLY_SERVICE] = {EVENT_TASK_SCHEDULED, EVENT_TASK_STARTED, EVENT_TASK_SUCCEEDED, EVENT_TASK_FAILED,
                       EVENT_TASK_START_FAILED, EVENT_TASK_SUBMIT_FAILED, EVENT_TASK_TIMED_OUT,
                       NAMES("service_integrations", "service_integration")},
#undef NAMES
};

static double counted(const struct tally *tally, enum event_type type)
{
    return type == EVENT_TYPES ? 0 : (double)tally->counts[type];
}

static void give_tasks(const struct giving *giving, enum tally_kind kind)
{
    const struct tally *tally = &giving->engine->figures.tally;
    const struct tally_tasks *tasks = &tally->tasks[kind];
    const struct task_names *names = &task_names[kind];
    double missed = (double)tasks->heartbeats_missed;
    give(giving, FIGURE_COUNTER, names->scheduled_name, "Scheduled", counted(tally, names->scheduled));
    give(giving, FIGURE_COUNTER, names->started_name, "Started", counted(tally, names->started));
    give(giving, FIGURE_COUNTER, names->succeeded_name, "Succeeded", counted(tally, names->succeeded));
    give(giving, FIGURE_COUNTER, names->failed_name, "Failed",
         counted(tally, names->failed) + counted(tally, names->start_failed) + counted(tally, names->schedule_failed));
    give(giving, FIGURE_COUNTER, names->timed_out_name, "Timed out", counted(tally, names->timed_out) - missed);
    give(giving, FIGURE_COUNTER, names->heartbeat_name, "Timed out for want of a heartbeat", missed);
    give_histogram(giving, names->run_name, "Time from the start to the end", &tasks->run);
    give_histogram(giving, names->schedule_name, "Time from being scheduled to the start", &tasks->schedule);
    give_histogram(giving, names->overall_name, "Time from being scheduled to the end", &tasks->overall);
}

static double all_events(const struct tally *tally)
{
    int64_t sum = 0;
    for (size_t i = 0; i < EVENT_TYPES; i++)
        sum += tally->counts[i];
    return (double)sum;
}

/* Counted in the store once, then kept; other nodes on the store make that old after a while. */
static double open_executions(struct engine *engine)
{
    struct figures *figures = &engine->figures;
    int64_t now_us = clock_steady_us();
    bool old = engine->shards > 1 && now_us - figures->open_counted_us > COUNT_AGAIN_MS * INT64_C(1000);
    if (engine->store && (figures->open_counted_us == 0 || old)) {
        int64_t count = store_count_open(engine->store);
        if (count >= 0) {
            figures->open_base = count;
            figures->open_counted_us = now_us;
            figures->open_since = 0;
        }
    }
    return (double)(figures->open_base + figures->open_since);
}

void engine_figures(struct engine *engine, figure_fn *fn, void *context)
{
    const struct giving giving = {engine, fn, context};
    int64_t begun_us = engine->writing ? engine->writing->begun_us : 0;
    give_machines(&giving);
    for (enum tally_kind kind = 0; kind < TALLY_KINDS; kind++)
        give_tasks(&giving, kind);
    give(&giving, FIGURE_GAUGE, "orchestrator_executions_open", "Executions of the store that have not ended",
         open_executions(engine));
    give(&giving, FIGURE_GAUGE, "orchestrator_executions_in_memory", "Executions in memory",
         (double)lh_table_length(engine->runs_by_id));
    give(&giving, FIGURE_GAUGE, "orchestrator_tasks_running", "Tasks at work here", engine->tasks_running);
    give(&giving, FIGURE_GAUGE, "orchestrator_tasks_queued", "Tasks that wait for a place",
         (double)(engine->queue_count - engine->queue_head));
    give(&giving, FIGURE_COUNTER, "orchestrator_events_total", "History events and records made",
         all_events(&engine->figures.tally));
    give_histogram(&giving, "orchestrator_commit_seconds", "Time that a commit took", &engine->figures.commit_seconds);
    give_histogram(&giving, "orchestrator_commit_executions", "Executions that shared a commit",
                   &engine->figures.commit_sizes);
    give(&giving, FIGURE_GAUGE, "orchestrator_store_lag_seconds", "How long the commit at work has taken so far",
         begun_us ? (double)(clock_steady_us() - begun_us) / 1e6 : 0);
    give(&giving, FIGURE_GAUGE, "orchestrator_store_waiting_executions", "Executions that wait for the next commit",
         (double)engine->filling->run_count);
}
