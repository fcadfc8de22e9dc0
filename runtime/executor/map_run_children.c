/*
 * map_run_children.c - the children of a distributed Map: started, found again, watched, stopped.
 *
 * A child's name follows from the run's ARN and its index. So whoever makes the run again after a crash finds a child
 * that exists and watches it or reads its result, and starts only what does not exist: nothing runs twice (Express
 * children, which leave no trace, do).
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "runtime/executor/map_run_priv.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_S = 1 };

static void take_end(struct child *child, enum execution_status status, struct json_object *output, const char *error,
                     const char *cause, int64_t started_ms, int64_t stopped_ms)
{
    struct map_run *m = child->map_run;
    child->over = true;
    child->status = status;
    child->started_ms = started_ms;
    child->stopped_ms = stopped_ms;
    child->output = json_object_get(output);
    child->error = mem_strdup(error);
    child->cause = mem_strdup(cause);
    m->over++;
    m->failed += status == EXECUTION_FAILED;
    m->timed_out += status == EXECUTION_TIMED_OUT;
    m->aborted += status == EXECUTION_ABORTED;
}

static void on_child_ended(void *context, const struct engine_outcome *outcome)
{
    struct child *child = context;
    struct map_run *m = child->map_run;
    m->running--;
    take_end(child, outcome->status, outcome->output, outcome->error, outcome->cause, outcome->started_ms,
             outcome->stopped_ms);
    map_run_note_progress(m);
    if (m->starting)
        return;
    if (!map_run_is_too_much(m))
        map_run_start_children(m);
    else
        map_run_check_end(m);
}

enum { MACHINE_NAME_BYTES = 128 };

/* "PARENT/LABEL" */
static void name_machine(const struct map_run *m, char ret_name[MACHINE_NAME_BYTES])
{
    snprintf(ret_name, MACHINE_NAME_BYTES, "%s/%s", strrchr(m->parent->machine_arn, ':') + 1, m->label);
}

/* The same index of the same run has the same name after a crash, on the parent's shard. */
static void name_child(const struct map_run *m, size_t index, const char *machine_name, char *name, char **ret_arn)
{
    struct engine *engine = m->parent->engine;
    char *seed = mem_printf("%s#%zu", m->arn, index);
    char *prefix = mem_printf("arn:aws:states:%s:%s:%s:%s:", engine->region, engine->account,
                              m->express ? "express" : "execution", machine_name);
    engine_child_name(engine, seed, prefix, m->express ? NULL : m->parent_arn, name);
    *ret_arn = m->express ? mem_printf("%s%s:%s", prefix, name, name) : mem_printf("%s%s", prefix, name);
    free(seed);
    free(prefix);
}

struct found {
    struct child *child;
    bool open;
    int code;
};

static int read_child(void *context, const struct store_execution *row)
{
    struct found *found = context;
    struct engine *engine = found->child->map_run->parent->engine;
    found->open = row->status == EXECUTION_RUNNING;
    if (found->open)
        return 0;
    char *input, *output, *error, *cause;
    AUTO_JSON struct json_object *value = NULL;
    found->code = engine_describe(engine, row, &input, &output, &error, &cause, NULL);
    if (found->code == 0) {
        if (output)
            json_parse(output, strlen(output), &value, NULL);
        take_end(found->child, row->status, value, error, cause, row->started_ms, row->stopped_ms);
    }
    free(input);
    free(output);
    free(error);
    free(cause);
    return 0;
}

static int watch_child(struct map_run *m, struct child *child)
{
    m->running++;
    int code = engine_watch(m->parent->engine, child->arn, on_child_ended, child);
    if (code != 0)
        m->running--;
    return code;
}

/* After a crash the child may be there already, running or ended. ERR_NOT_FOUND: it is not. */
static int find_child(struct map_run *m, struct child *child)
{
    struct found found = {.child = child};
    if (m->express)
        return ERR_NOT_FOUND;
    int code = store_execution_by_arn(m->parent->engine->store, child->arn, read_child, &found, NULL);
    if (code == 0)
        code = found.open ? watch_child(m, child) : found.code;
    return code;
}

static int put_back(struct child *child, int code)
{
    child->started = false;
    free(child->arn);
    child->arn = NULL;
    return code;
}

/* Not 0: the store is away, or the shard is not ours at the moment; the child is as it was. */
static int start_child(struct map_run *m, size_t index)
{
    struct engine *engine = m->parent->engine;
    struct child *child = &m->children[index];
    char name[ENGINE_CHILD_NAME_CHARS + 1], machine_name[MACHINE_NAME_BYTES], machine_arn[LIMIT_ARN_CHARS * 2];
    name_machine(m, machine_name);
    snprintf(machine_arn, sizeof machine_arn, "%s/%s", m->parent->machine_arn, m->label);
    name_child(m, index, machine_name, name, &child->arn);
    child->started = true;
    int code = find_child(m, child);
    if (code != ERR_NOT_FOUND)
        return code == 0 ? 0 : put_back(child, code);
    AUTO_JSON struct json_object *meta = NULL;
    struct json_object *logging = NULL;
    if (m->parent->meta)
        json_parse(m->parent->meta, strlen(m->parent->meta), &meta, NULL);
    json_member(meta, "logging", &logging);
    struct engine_start start = {
        .arn = child->arn,
        .name = name,
        .machine_arn = machine_arn,
        .machine_name = machine_name,
        .definition_key = m->definition_key,
        .role_arn = json_member_text(meta, "roleArn"),
        .test_case = m->parent->test_case,
        .map_run_arn = m->arn,
        .item_count = child->items,
        .logging = logging,
        .input = child->input,
        .express = m->express,
    };
    m->running++;
    code = engine_start(engine, &start, &child->started_ms, NULL, NULL, on_child_ended, child);
    if (code == 0)
        return 0;
    m->running--;
    if (code == ERR_EXISTS) /* in memory, on its way to the disk */
        code = watch_child(m, child);
    return code == 0 ? 0 : put_back(child, code);
}

void map_run_start_children(struct map_run *m)
{
    int64_t most = m->max_concurrency && m->max_concurrency < LIMIT_DISTRIBUTED_MAP_CONCURRENCY
                       ? m->max_concurrency
                       : LIMIT_DISTRIBUTED_MAP_CONCURRENCY;
    m->starting = true;
    while (m->next_child < m->count && (int64_t)m->running < most && !map_run_is_too_much(m)) {
        if (start_child(m, m->next_child) != 0) {
            event_add(m->again, &(struct timeval){.tv_sec = AGAIN_S});
            break;
        }
        m->next_child++;
    }
    m->starting = false;
    map_run_check_end(m);
}

struct open_children {
    char **arns;
    size_t count, capacity;
};

static int note_open(void *context, const struct store_execution *row)
{
    struct open_children *open = context;
    open->arns = mem_grow(open->arns, &open->capacity, open->count + 1, sizeof *open->arns);
    open->arns[open->count++] = mem_strdup(row->arn);
    return 0;
}

/* Each that may be there is asked for, since nobody can tell which are. */
static void ask_all_to_stop(struct map_run *m)
{
    char name[ENGINE_CHILD_NAME_CHARS + 1], machine_name[MACHINE_NAME_BYTES];
    name_machine(m, machine_name);
    for (size_t i = 0; i < m->count; i++) {
        if (m->children[i].started || m->children[i].over)
            continue;
        char *arn;
        name_child(m, i, machine_name, name, &arn);
        AUTO_JSON struct json_object *input = json_object_new_object();
        json_add_text(input, "executionArn", arn);
        engine_ask_to_stop(m->parent->engine, arn, input);
        free(arn);
    }
}

/* Whoever ran it before has started children, and the store was away before this process came to all of them. */
static void stop_unmet(struct map_run *m)
{
    struct engine *engine = m->parent->engine;
    struct store_execution_query query = {.map_run = m->arn, .status = EXECUTION_RUNNING, .redriven = -1};
    struct open_children open = {0};
    if (store_executions(engine->store, &query, note_open, &open, NULL) != 0)
        ask_all_to_stop(m);
    for (size_t i = 0; i < open.count; i++) {
        engine_stop_surely(engine, open.arns[i]);
        free(open.arns[i]);
    }
    free(open.arns);
}

void map_run_stop_children(struct map_run *m)
{
    struct engine *engine = m->parent->engine;
    bool all_met = m->next_child == m->count || !m->resumed || m->express;
    for (size_t i = 0; i < m->count; i++) {
        struct child *child = &m->children[i];
        if (!child->started || child->over)
            continue;
        engine_forget(engine, child->arn, child);
        child->over = true;
        child->status = EXECUTION_ABORTED;
        child->stopped_ms = engine_now_ms(engine);
        engine_stop_surely(engine, child->arn);
    }
    if (!all_met)
        stop_unmet(m);
}
