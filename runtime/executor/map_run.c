/*
 * map_run.c - a distributed Map at work: its items become child executions of their own.
 *
 * A run is made again from the parent's history after a crash: what expressions said is on its MapRunStarted,
 * children have names that follow from the run's ARN and their index. So a child that exists is watched or its
 * result read, one that does not is started; nothing runs twice (Express children, which leave no trace, do).
 *
 * The run's record is the document "maprun" under its ARN, written with the commits (DescribeMapRun reads it).
 */
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "asl/failure.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/item_reader.h"
#include "runtime/executor/result_writer.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_EVERY_MS = 200, AGAIN_S = 1 };

struct child {
    struct map_run *map_run;
    char *arn;
    struct json_object *input;
    size_t items;
    enum execution_status status;
    bool started, over;
    int64_t started_ms, stopped_ms;
    struct json_object *output;
    char *error, *cause;
};

struct map_run {
    struct map_run *next;
    struct run *parent;
    uint32_t frame;
    int64_t task_id;
    char *arn, *label, *parent_arn;
    struct asl_failure failure;
    struct json_object *settled; /* details of MapRunStarted */
    struct json_object *writer_config;
    bool exports;
    bool express;
    char definition_key[65];
    struct child *children;
    size_t count, next_child, running, over, failed, timed_out, aborted;
    int64_t max_concurrency, tolerated_count;
    double tolerated_percentage;
    int64_t started_ms;
    bool ending;   /* its end is on the way to the parent */
    bool starting; /* inside start_children() */
    const char *status;
    struct event *tick;
    struct event *again; /* goes on with the children after the store was away */
};

static void free_map_run(struct map_run *m)
{
    for (size_t i = 0; i < m->count; i++) {
        struct child *child = &m->children[i];
        if (child->started && !child->over)
            engine_forget(m->parent->engine, child->arn, child);
        free(child->arn);
        json_object_put(child->input);
        json_object_put(child->output);
        free(child->error);
        free(child->cause);
    }
    if (m->tick)
        event_free(m->tick);
    if (m->again)
        event_free(m->again);
    asl_failure_release(&m->failure);
    json_object_put(m->settled);
    json_object_put(m->writer_config);
    free(m->children);
    free(m->arn);
    free(m->label);
    free(m->parent_arn);
    free(m);
}

void map_runs_drop(struct run *run)
{
    while (run->map_runs) {
        struct map_run *m = run->map_runs;
        run->map_runs = m->next;
        free_map_run(m);
    }
}

/* --- the record -------------------------------------------------------------------------------------------- */

struct counts {
    int64_t pending, running, succeeded, failed, timed_out, aborted, total, written;
};

static void count_child(struct counts *counts, const struct child *child, int64_t weight)
{
    counts->total += weight;
    if (!child->started && !child->over)
        counts->pending += weight;
    else if (!child->over)
        counts->running += weight;
    else if (child->status == EXECUTION_SUCCEEDED)
        counts->succeeded += weight;
    else if (child->status == EXECUTION_TIMED_OUT)
        counts->timed_out += weight;
    else if (child->status == EXECUTION_ABORTED)
        counts->aborted += weight;
    else
        counts->failed += weight;
}

static struct json_object *counts_json(const struct counts *counts)
{
    struct json_object *object = json_object_new_object();
    json_add_int(object, "pending", counts->pending);
    json_add_int(object, "running", counts->running);
    json_add_int(object, "succeeded", counts->succeeded);
    json_add_int(object, "failed", counts->failed);
    json_add_int(object, "timedOut", counts->timed_out);
    json_add_int(object, "aborted", counts->aborted);
    json_add_int(object, "total", counts->total);
    json_add_int(object, "resultsWritten", counts->succeeded);
    return object;
}

static void write_record(struct map_run *m)
{
    struct engine *engine = m->parent->engine;
    struct counts items = {0}, executions = {0};
    for (size_t i = 0; i < m->count; i++) {
        count_child(&items, &m->children[i], (int64_t)m->children[i].items);
        count_child(&executions, &m->children[i], 1);
    }
    AUTO_JSON struct json_object *record = json_object_new_object();
    json_add_text(record, "mapRunArn", m->arn);
    json_add_text(record, "executionArn", m->parent_arn);
    json_add_text(record, "status", m->status);
    json_add_int(record, "startedMs", m->started_ms);
    if (strcmp(m->status, "RUNNING") != 0)
        json_add_int(record, "stoppedMs", engine_now_ms(engine));
    json_add_int(record, "maxConcurrency", m->max_concurrency);
    json_add_int(record, "toleratedFailureCount", m->tolerated_count < 0 ? 0 : m->tolerated_count);
    json_add(record, "toleratedFailurePercentage",
             json_object_new_double(m->tolerated_percentage < 0 ? 0 : m->tolerated_percentage));
    json_add(record, "itemCounts", counts_json(&items));
    json_add(record, "executionCounts", counts_json(&executions));
    char *body = json_text(record);
    static bool never; /* an unconditional put has no conflict */
    store_batch_put_document(engine_batch(engine), "maprun", m->arn, body, -1, &never);
    commit_kick(engine);
    free(body);
}

static void on_tick(int fd, short what, void *context)
{
    (void)fd, (void)what;
    write_record(context);
}

static void note_progress(struct map_run *m)
{
    if (event_pending(m->tick, EV_TIMEOUT, NULL))
        return;
    struct timeval delay = {0, RECORD_EVERY_MS * 1000};
    event_add(m->tick, &delay);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void add_ms(struct json_object *record, const char *name, int64_t ms)
{
    char text[40];
    snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
    json_add(record, name, json_object_new_double_s((double)ms / 1000, text));
}

static struct json_object *child_record(const struct map_run *m, const struct child *child)
{
    static const char *const names[] = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING"};
    struct json_object *record = json_object_new_object();
    struct json_object *included = json_object_new_object();
    json_add_bool(included, "Included", true);
    json_add_text(record, "ExecutionArn", child->arn);
    char *input = json_text(child->input);
    json_add_text(record, "Input", input);
    free(input);
    json_add(record, "InputDetails", json_object_get(included));
    json_add_text(record, "Name", strrchr(child->arn, ':') + 1);
    if (child->over && child->status == EXECUTION_SUCCEEDED) {
        char *output = json_text(child->output);
        json_add_text(record, "Output", output);
        free(output);
        json_add(record, "OutputDetails", json_object_get(included));
    }
    json_object_put(included);
    if (child->error)
        json_add_text(record, "Error", child->error);
    if (child->cause)
        json_add_text(record, "Cause", child->cause);
    json_add_int(record, "RedriveCount", 0);
    json_add_text(record, "RedriveStatus", "NOT_REDRIVABLE");
    if (child->started)
        add_ms(record, "StartDate", child->started_ms);
    char machine[LIMIT_ARN_CHARS * 2];
    snprintf(machine, sizeof machine, "%s/%s", m->parent->machine_arn, m->label);
    json_add_text(record, "StateMachineArn", machine);
    json_add_text(record, "Status", child->over ? names[child->status] : "PENDING");
    if (child->over)
        add_ms(record, "StopDate", child->stopped_ms);
    return record;
}

static struct json_object *outputs_of(const struct map_run *m)
{
    struct json_object *outputs = json_object_new_array_ext((int)m->count);
    for (size_t i = 0; i < m->count; i++)
        if (m->children[i].over && m->children[i].status == EXECUTION_SUCCEEDED)
            json_append(outputs, json_object_get(m->children[i].output));
    return outputs;
}

static int make_result(struct map_run *m, struct json_object **ret_result)
{
    if (!m->exports && m->writer_config == NULL) {
        *ret_result = outputs_of(m);
        return 0;
    }
    AUTO_JSON struct json_object *records = json_object_new_array_ext((int)m->count);
    for (size_t i = 0; i < m->count; i++)
        json_append(records, child_record(m, &m->children[i]));
    struct json_object *arguments = NULL;
    if (!m->exports) {
        *ret_result = result_writer_transform(m->writer_config, "COMPACT", records);
        return 0;
    }
    json_member(m->settled, "_writer", &arguments);
    return result_writer_write(m->parent->engine->options.buckets, m->arn, m->writer_config, arguments, records,
                               ret_result, &m->failure);
}

/* Takes it off the parent's list; then the parent goes on, and may itself be gone. */
static void end_run(struct map_run *m, const char *status, struct json_object *result, const char *error,
                    const char *cause)
{
    struct run *parent = m->parent;
    m->status = status;
    write_record(m);
    struct map_run **at = &parent->map_runs;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    run_deliver(parent, &(struct stimulus){.kind = STIMULUS_MAP_RUN_ENDED,
                                           .frame = m->frame,
                                           .task_id = m->task_id,
                                           .value = result,
                                           .error = error,
                                           .cause = cause});
    free_map_run(m);
}

static void stop_children(struct map_run *m)
{
    struct engine *engine = m->parent->engine;
    for (size_t i = 0; i < m->count; i++) {
        struct child *child = &m->children[i];
        if (!child->started || child->over)
            continue;
        engine_forget(engine, child->arn, child);
        child->over = true;
        child->status = EXECUTION_ABORTED;
        child->stopped_ms = engine_now_ms(engine);
        engine_stop(engine, child->arn, NULL, NULL, NULL, NULL);
    }
}

static bool is_too_much(const struct map_run *m)
{
    int64_t bad = (int64_t)(m->failed + m->timed_out + m->aborted);
    if (bad == 0)
        return false;
    if (m->tolerated_count < 0 && m->tolerated_percentage < 0)
        return true;
    return (m->tolerated_count >= 0 && bad > m->tolerated_count) ||
           (m->tolerated_percentage >= 0 && (double)bad * 100 > m->tolerated_percentage * (double)m->count);
}

static void check_end(struct map_run *m)
{
    if (m->ending || m->starting)
        return;
    if (m->failure.error || is_too_much(m)) {
        m->ending = true;
        stop_children(m);
        bool own = m->failure.error != NULL;
        end_run(m, "FAILED", NULL, own ? m->failure.error : "States.ExceedToleratedFailureThreshold",
                own ? m->failure.cause : "The specified tolerated failure threshold was exceeded");
    } else if (m->over == m->count) {
        m->ending = true;
        AUTO_JSON struct json_object *result = NULL;
        if (make_result(m, &result) == 0)
            end_run(m, "SUCCEEDED", result, NULL, NULL);
        else
            end_run(m, "FAILED", NULL, m->failure.error, m->failure.cause);
    }
}

/* --- children -------------------------------------------------------------------------------------------------- */

static void start_children(struct map_run *m);

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
    note_progress(m);
    if (m->starting)
        return;
    if (!is_too_much(m))
        start_children(m);
    else
        check_end(m);
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
    char name[ENGINE_CHILD_NAME_CHARS + 1], machine_name[128], machine_arn[LIMIT_ARN_CHARS * 2];
    const char *parent_machine = strrchr(m->parent->machine_arn, ':') + 1;
    snprintf(machine_name, sizeof machine_name, "%s/%s", parent_machine, m->label);
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

static void start_children(struct map_run *m)
{
    int64_t most = m->max_concurrency && m->max_concurrency < LIMIT_DISTRIBUTED_MAP_CONCURRENCY
                       ? m->max_concurrency
                       : LIMIT_DISTRIBUTED_MAP_CONCURRENCY;
    m->starting = true;
    while (m->next_child < m->count && (int64_t)m->running < most && !is_too_much(m)) {
        if (start_child(m, m->next_child) != 0) {
            event_add(m->again, &(struct timeval){.tv_sec = AGAIN_S});
            break;
        }
        m->next_child++;
    }
    m->starting = false;
    check_end(m);
}

static void on_again(int fd, short what, void *context)
{
    (void)fd, (void)what;
    start_children(context);
}

/* --- the beginning ----------------------------------------------------------------------------------------------- */

/* The item processor as a definition of its own, kept under its own key. */
static int keep_definition(struct map_run *m, const struct state *state, const struct machine *machine)
{
    struct engine *engine = m->parent->engine;
    struct json_object *processor;
    if (!json_member(state->source, "ItemProcessor", &processor))
        json_member(state->source, "Iterator", &processor);
    AUTO_JSON struct json_object *source = json_object_new_object();
    if (machine->jsonata)
        json_add_text(source, "QueryLanguage", "JSONata");
    json_object_object_foreach (processor, name, value) {
        if (strcmp(name, "ProcessorConfig") != 0)
            json_add(source, name, json_object_get(value));
    }
    char *text = json_text(source);
    engine_definition_key(text, strlen(text), m->express, m->definition_key);
    int code = 0;
    if (engine_definition(engine, m->definition_key) == NULL) {
        struct machine *compiled = NULL;
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct definition_options options = {.express = m->express, .allow_placeholders = true};
        code = definition_compile(text, strlen(text), options, &compiled, &diagnostics);
        if (code == 0) {
            engine_keep_definition(engine, m->definition_key, compiled);
            definition_unref(compiled);
        } else {
            asl_failure_set(&m->failure, "States.Runtime", false, "The item processor cannot run on its own: %s",
                            diagnostics.count ? diagnostics.list[0].message : "it does not compile");
        }
        diagnostics_release(&diagnostics);
    }
    /* Also where it is known: what was not used for long may have been removed (sweep_definitions.c). */
    if (code == 0) {
        AUTO_JSON struct json_object *document = json_object_new_object();
        json_add_text(document, "definition", text);
        json_add_text(document, "type", m->express ? "EXPRESS" : "STANDARD");
        char *body = json_text(document);
        static bool never;
        store_batch_put_document(engine_batch(engine), "definition", m->definition_key, body, -1, &never);
        free(body);
    }
    free(text);
    return code;
}

static struct child *add_child(struct map_run *m, size_t *capacity)
{
    m->children = mem_grow(m->children, capacity, m->count + 1, sizeof *m->children);
    struct child *child = &m->children[m->count++];
    *child = (struct child){.map_run = m};
    return child;
}

/* One batch: {"BatchInput": ..., "Items": [...]}. */
static struct json_object *batch_input(const struct map_run *m, struct json_object *items)
{
    struct json_object *input = json_object_new_object();
    struct json_object *shared;
    if (json_member(m->settled, "_batchInput", &shared))
        json_add(input, "BatchInput", json_object_get(shared));
    json_add(input, "Items", items);
    return input;
}

static void make_batches(struct map_run *m, struct json_object *inputs)
{
    int64_t most = json_member_int(m->settled, "_maxItemsPerBatch", INT64_MAX);
    int64_t most_bytes = json_member_int(m->settled, "_maxInputBytesPerBatch", LIMIT_PAYLOAD_BYTES);
    size_t capacity = 0, count = json_object_array_length(inputs);
    struct json_object *shared = NULL;
    int64_t fixed = 12; /* {"Items":[]} */
    if (json_member(m->settled, "_batchInput", &shared))
        fixed += 14 + (int64_t)json_size(shared, LIMIT_PAYLOAD_BYTES);
    for (size_t i = 0; i < count;) {
        struct json_object *items = json_object_new_array();
        int64_t bytes = fixed;
        do {
            struct json_object *item = json_object_array_get_idx(inputs, i);
            bytes += (int64_t)json_size(item, (size_t)most_bytes) + 1;
            if (json_object_array_length(items) && bytes > most_bytes)
                break;
            json_append(items, json_object_get(item));
            i++;
        } while (i < count && (int64_t)json_object_array_length(items) < most);
        struct child *child = add_child(m, &capacity);
        child->items = json_object_array_length(items);
        child->input = batch_input(m, items);
    }
}

static void make_singles(struct map_run *m, struct json_object *inputs)
{
    size_t capacity = 0, count = json_object_array_length(inputs);
    for (size_t i = 0; i < count; i++) {
        struct child *child = add_child(m, &capacity);
        child->items = 1;
        child->input = json_object_get(json_object_array_get_idx(inputs, i));
    }
}

static int select_inputs(struct map_run *m, const struct state *state, struct json_object *items,
                         struct json_object **ret_inputs)
{
    if (state->item_selector == NULL) {
        *ret_inputs = json_object_get(items);
        return 0;
    }
    struct inputs inputs;
    engine_inputs(m->parent->engine, &inputs);
    size_t count = json_object_array_length(items);
    *ret_inputs = json_object_new_array_ext((int)count);
    for (size_t i = 0; i < count; i++) {
        struct json_object *input = NULL;
        if (execution_map_item_input(m->parent->execution, m->frame, &inputs, (uint32_t)i,
                                     json_object_array_get_idx(items, i), &input, &m->failure) != 0)
            return -1;
        json_append(*ret_inputs, input);
    }
    return 0;
}

static int make_children(struct map_run *m, const struct execution_map_run *wanted)
{
    const struct state *state = wanted->state;
    AUTO_JSON struct json_object *items = json_object_get(wanted->items);
    if (state->item_reader) {
        struct json_object *arguments = NULL;
        json_member(m->settled, "_reader", &arguments);
        if (item_reader_read(m->parent->engine->options.buckets, state->item_reader, arguments,
                             json_member_int(m->settled, "_maxItems", INT64_MIN), &items, &m->failure) != 0)
            return -1;
    }
    AUTO_JSON struct json_object *inputs = NULL;
    if (select_inputs(m, state, items, &inputs) != 0)
        return -1;
    if (state->item_batcher)
        make_batches(m, inputs);
    else
        make_singles(m, inputs);
    return 0;
}

static void start_run(struct run *parent, struct command command)
{
    struct execution_map_run wanted;
    if (!execution_map_run(parent->execution, command.frame, command.task_id, &wanted))
        return;
    struct engine *engine = parent->engine;
    struct map_run *m = NEW(struct map_run);
    m->parent = parent;
    m->frame = command.frame;
    m->task_id = command.task_id;
    m->arn = mem_strdup(wanted.arn);
    m->label = mem_strdup(wanted.state->label);
    m->parent_arn = mem_strdup(parent->arn);
    m->settled = json_object_get(wanted.settled);
    m->express = wanted.state->express_children;
    if (wanted.state->result_writer) {
        m->exports = wanted.state->result_writer->exports;
        m->writer_config = json_object_get(wanted.state->result_writer->config);
    }
    struct json_object *percentage = NULL;
    json_member(m->settled, "_toleratedPercentage", &percentage);
    m->max_concurrency = json_member_int(m->settled, "_maxConcurrency", 0);
    m->tolerated_count = json_member_int(m->settled, "_toleratedCount", -1);
    m->tolerated_percentage = percentage ? json_object_get_double(percentage) : -1;
    m->started_ms = engine_now_ms(engine);
    m->status = "RUNNING";
    m->tick = evtimer_new(engine->base, on_tick, m);
    m->again = evtimer_new(engine->base, on_again, m);
    m->next = parent->map_runs;
    parent->map_runs = m;
    if (make_children(m, &wanted) == 0)
        keep_definition(m, wanted.state, execution_machine(parent->execution));
    write_record(m);
    if (m->failure.error)
        check_end(m);
    else
        start_children(m);
}

static void stop_run(struct run *parent, struct command command)
{
    for (struct map_run *m = parent->map_runs; m; m = m->next) {
        if (m->frame != command.frame || m->task_id != command.task_id)
            continue;
        m->ending = true;
        stop_children(m);
        m->status = "ABORTED";
        write_record(m);
        struct map_run **at = &parent->map_runs;
        while (*at != m)
            at = &(*at)->next;
        *at = m->next;
        free_map_run(m);
        return;
    }
}

void map_run_carry_out(struct run *run, struct command command)
{
    if (command.kind == COMMAND_START_MAP_RUN)
        start_run(run, command);
    else
        stop_run(run, command);
}

static struct map_run *find_map_run(struct engine *engine, const char *arn)
{
    struct lh_entry *entry;
    lh_foreach(engine->runs_by_id, entry)
    {
        struct run *run = (struct run *)lh_entry_v(entry);
        for (struct map_run *m = run->map_runs; m; m = m->next)
            if (strcmp(m->arn, arn) == 0)
                return m;
    }
    return NULL;
}

int engine_update_map_run(struct engine *engine, const char *arn, int64_t max_concurrency, int64_t tolerated_count,
                          double tolerated_percentage)
{
    struct map_run *m = find_map_run(engine, arn);
    if (m == NULL)
        return ERR_NOT_FOUND;
    if (max_concurrency >= 0)
        m->max_concurrency = max_concurrency;
    if (tolerated_count >= 0)
        m->tolerated_count = tolerated_count;
    if (tolerated_percentage >= 0)
        m->tolerated_percentage = tolerated_percentage;
    write_record(m);
    start_children(m);
    return 0;
}
