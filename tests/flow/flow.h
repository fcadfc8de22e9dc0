/*
 * flow.h - a test of the pure core, written as text: a definition, what happens outside, what must come out.
 *
 * A file holds flows; each begins with `flow TITLE`. A line is a command, indented lines below it belong to it,
 * `#` starts a comment line. The clock stands still unless it is moved and begins at 2024-01-01T00:00:00Z.
 *
 *   definition [FILE]              the definition: the indented text below (YAML or JSON), or a file beside the flow
 *   set NAME VALUE                 before input: payload BYTES, events N, express SECONDS, wait-scale X,
 *                                  activities none, random 0..255 (the byte that every random number is made of)
 *   input JSON                     starts the execution
 *   task STATE[#N] succeeds JSON   the N-th (default: first) task of that state that is at work ends
 *   task STATE[#N] fails [ERROR [CAUSE]]
 *   task STATE[#N] times-out [ERROR]
 *   task STATE[#N] started [WORKER] | submitted JSON | heartbeat
 *   stale STATE                    a task of that state that is over reports success: nothing may happen
 *   map-run STATE succeeds JSON | fails ERROR [CAUSE]
 *   advance 5s                     moves the clock (ms, s, m, h, d), timers fire in their order
 *   stop [ERROR [CAUSE]]           StopExecution
 *   redrive
 *   expect running                 or SUCCEEDED JSON, FAILED [ERROR [CAUSE]], ABORTED ..., TIMED_OUT ...; CAUSE may
 *                                  hold *
 *   expect tasks [STATE ...]       exactly these tasks are at work
 *   expect task STATE[#N] JSON     what a task at work was given
 *   expect exit STATE JSON         what the state's last exit handed on
 *   expect timer 2s                when the next timer is due from now; `none`
 *   expect events TYPE ...         the whole history; `...` stands for any run of events
 *   expect previous ID ...         previousEventId of each event
 *   expect history N               number of events
 *   crash-after every [N] event    see below; once, at the end
 *
 * Several commands may stand in a line with ` ; ` between them. In every flow, after every step: ids are dense,
 * exactly the tasks at work have been asked for, and the fold of the stored events is the live execution. With
 * `crash-after`, the flow is played again for every (N-th) event: the execution is made from the stored events up
 * to that one, goes on with the rest of the script and must end the same way, and with the same events where a
 * commit ends there.
 */
#ifndef TESTS_FLOW_FLOW_H
#define TESTS_FLOW_FLOW_H

#include "runtime/execution/execution.h"

#include <stdbool.h>
#include <stdint.h>

enum step_kind { STEP_STIMULUS, STEP_STALE, STEP_ADVANCE, STEP_EXPECT };

enum expectation {
    EXPECT_RUNNING,
    EXPECT_ENDED,
    EXPECT_TASKS,
    EXPECT_TASK,
    EXPECT_EXIT,
    EXPECT_TIMER,
    EXPECT_EVENTS,
    EXPECT_PREVIOUS,
    EXPECT_HISTORY
};

struct step {
    enum step_kind kind;
    int line;
    enum stimulus_kind stimulus;
    enum expectation expectation;
    enum event_type ending;
    bool map_run;
    char *state;
    unsigned nth; /* from 0 */
    bool has_value;
    struct json_object *value;
    char *error, *cause; /* of ended executions: NULL: not there */
    int64_t number;      /* ms, or a count; -1: none */
    char *words;         /* of an expectation that is a list */
};

struct flow {
    char *title;
    int line;
    struct machine *machine;
    struct execution_settings settings;
    bool no_activities;
    unsigned char random_byte;
    struct step *steps;
    size_t step_count, step_capacity;
    int64_t crash_every; /* 0: not */
};

struct flow_file {
    char *path;
    struct flow *flows;
    size_t count, capacity;
};

/* Reads a file; complains on stderr and ends the program where it cannot be understood. */
struct flow_file flow_file_read(const char *path);
void flow_file_release(struct flow_file *file);

/* Plays one flow; false when it failed, which it has then said on stderr. */
bool flow_play(const struct flow_file *file, const struct flow *flow);

#endif
