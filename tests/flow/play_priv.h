/*
 * play_priv.h - a flow that is being played: what play.c, which moves it, and expect.c, which looks at it, share.
 */
#ifndef TESTS_FLOW_PLAY_PRIV_H
#define TESTS_FLOW_PLAY_PRIV_H

#include "tests/flow/flow.h"

/* An event as it went to the store, and what a test looks at. */
struct stored {
    char *row;
    size_t step; /* that brought it */
    int64_t id, previous_id, at_ms;
    enum event_type type;
    const struct state *state;
    bool has_value;
    struct json_object *value;
    char *dump; /* of the execution where a commit ends here, else NULL */
};

struct running {
    uint32_t frame;
    int64_t task_id;
};

struct play {
    const struct flow_file *file;
    const struct flow *flow;
    const char *what; /* "" or " after a crash at event 7": for messages */
    const struct step *step;
    size_t step_index;
    struct execution *x;
    struct inputs inputs;
    struct outbox outbox;
    struct stored *stored;
    size_t stored_count, stored_capacity;
    int64_t *clock_after;    /* by step */
    struct running *running; /* tasks and map runs asked for and not over */
    size_t running_count, running_capacity;
    struct running *over; /* tasks that are over, for `stale` */
    size_t over_count, over_capacity;
    char **over_states;
    size_t over_states_capacity;
    bool failed;
};

struct task_list {
    struct execution_task *list;
    size_t count, capacity;
};

/* Says what is wrong, with the line of the step, and lets the play fail; only the first time. */
void play_complain(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What the execution says is at work; the caller frees the list. */
struct task_list play_tasks(struct play *p);
/* The task (or map run) that a step means; says so where there is none. */
bool play_find_task(struct play *p, const struct step *step, struct running *ret_task);
/* Of the newest event; 0: there is none. */
int64_t play_last_id(const struct play *p);

/* The words of a list in their order, joined again; on the heap. */
char *play_sorted(const char *list);
/* expect.c: complains where it is not so. */
void play_expect(struct play *p, const struct step *step);

#endif
