/*
 * figures.h - what the engine counts and measures, one figure after the other: for /metrics.
 *
 * Names     those of CloudWatch in Prometheus' spelling: ExecutionsStarted is states_executions_started_total,
 *           ActivityRunTime states_activity_run_time_seconds; what AWS has not is orchestrator_NAME. Figures of one
 *           name follow one another.
 * Cost      nothing is read from the store but, once, the number of open executions (where several nodes share a
 *           store: at most once a minute).
 */
#ifndef RUNTIME_EXECUTOR_FIGURES_H
#define RUNTIME_EXECUTOR_FIGURES_H

#include "runtime/histogram.h"

struct engine;

enum figure_kind { FIGURE_COUNTER, FIGURE_GAUGE, FIGURE_HISTOGRAM };

struct figure {
    enum figure_kind kind;
    const char *name, *help;
    const char *machine; /* of this state machine, or NULL */
    double value;
    const struct histogram *histogram; /* of FIGURE_HISTOGRAM */
};

typedef void figure_fn(void *context, const struct figure *figure);
void engine_figures(struct engine *engine, figure_fn *fn, void *context);

#endif
