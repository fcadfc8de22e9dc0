/*
 * map_run.c - a distributed Map at work: its items become child executions of their own, and their outputs its result.
 *
 * A run is made again from the parent's history after a crash: what expressions said is on its MapRunStarted, and its
 * children are found by their names (map_run_children.c).
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "runtime/executor/map_run_priv.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

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
    json_object_put(m->updated);
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

/* --- the end --------------------------------------------------------------------------------------------------- */

/* Takes it off the parent's list; then the parent goes on, and may itself be gone. */
static void end_run(struct map_run *m, const char *status, struct json_object *result, const char *error,
                    const char *cause)
{
    struct run *parent = m->parent;
    m->status = status;
    map_run_write_record(m);
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

bool map_run_is_too_much(const struct map_run *m)
{
    int64_t bad = (int64_t)(m->failed + m->timed_out + m->aborted);
    if (bad == 0)
        return false;
    if (m->tolerated_count < 0 && m->tolerated_percentage < 0)
        return true;
    return (m->tolerated_count >= 0 && bad > m->tolerated_count) ||
           (m->tolerated_percentage >= 0 && (double)bad * 100 > m->tolerated_percentage * (double)m->count);
}

void map_run_check_end(struct map_run *m)
{
    if (m->ending || m->starting)
        return;
    if (m->failure.error || map_run_is_too_much(m)) {
        m->ending = true;
        map_run_stop_children(m);
        bool own = m->failure.error != NULL;
        end_run(m, "FAILED", NULL, own ? m->failure.error : "States.ExceedToleratedFailureThreshold",
                own ? m->failure.cause : "The specified tolerated failure threshold was exceeded");
    } else if (m->over == m->count) {
        m->ending = true;
        AUTO_JSON struct json_object *result = NULL;
        if (map_run_make_result(m, &result) == 0)
            end_run(m, "SUCCEEDED", result, NULL, NULL);
        else
            end_run(m, "FAILED", NULL, m->failure.error, m->failure.cause);
    }
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

static void on_tick(int fd, short what, void *context)
{
    (void)fd, (void)what;
    map_run_write_record(context);
}

static void on_again(int fd, short what, void *context)
{
    (void)fd, (void)what;
    map_run_start_children(context);
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
    if (map_run_read_record(m) != 0) {
        run_forget(parent);
        recover_soon(engine, ENGINE_RELOAD_MS);
        return;
    }
    if (map_run_make_children(m, &wanted) == 0)
        keep_definition(m, wanted.state, execution_machine(parent->execution));
    map_run_write_record(m);
    if (m->failure.error)
        map_run_check_end(m);
    else
        map_run_start_children(m);
}

/* --- what others ask --------------------------------------------------------------------------------------------- */

static void stop_run(struct run *parent, struct command command)
{
    for (struct map_run *m = parent->map_runs; m; m = m->next) {
        if (m->frame != command.frame || m->task_id != command.task_id)
            continue;
        m->ending = true;
        map_run_stop_children(m);
        m->status = "ABORTED";
        map_run_write_record(m);
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
    if (m->updated == NULL)
        m->updated = json_object_new_object();
    if (max_concurrency >= 0) {
        m->max_concurrency = max_concurrency;
        json_add_int(m->updated, "maxConcurrency", max_concurrency);
    }
    if (tolerated_count >= 0) {
        m->tolerated_count = tolerated_count;
        json_add_int(m->updated, "toleratedFailureCount", tolerated_count);
    }
    if (tolerated_percentage >= 0) {
        m->tolerated_percentage = tolerated_percentage;
        json_add(m->updated, "toleratedFailurePercentage", json_object_new_double(tolerated_percentage));
    }
    map_run_write_record(m);
    map_run_start_children(m);
    return 0;
}
