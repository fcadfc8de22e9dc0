/*
 * run_cases FILE... - runs cases of the language that are written as text.
 *
 * A case is a program, an input and what comes out, a line each; a blank line ends it. Lines before the
 * program that start with `#` say what it is about. The folder that a file is in says what its programs are:
 *
 *   jsonpath    a path; each match is a line
 *   intrinsics  a call
 *   template    a payload template; `jsonata TEMPLATE` for one of the other language
 *   choice      the array of a Choices field; the result is the name of the next state, or `none`
 *   dataflow    a state; the input is {"input", "result", "error"} and the results are lines that start
 *               with what they are: `arguments`, `output`, `assigned`, `next` ... (see run_dataflow)
 *
 * A failure at run time is a line `! ERROR: CAUSE`. A case that starts with the line %%FAIL is a program
 * that cannot be compiled, and what is said about it. The lines %%context JSON and %%variables JSON set
 * what `$$` and `$name` stand for in the cases that follow.
 */
#include "asl/base/arena.h"
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/dataflow/choice.h"
#include "asl/dataflow/dataflow.h"
#include "asl/dataflow/intrinsics.h"
#include "asl/dataflow/template.h"
#include "asl/definition/definition.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "asl/jsonpath/jsonpath.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t now_ms = 1700000000000;

struct setting {
    struct json_object *context;
    struct json_object *variables;
    struct asl_variables scope;
    struct asl_env env;
    struct json_object *input;
};

/* Every "random" byte is 0x5A. */
static void fill(void *owner, void *bytes, size_t count)
{
    (void)owner;
    memset(bytes, 0x5A, count);
}

static struct json_object *make_context(void *owner)
{
    const struct setting *setting = owner;
    return json_object_get(setting->context);
}

static void add_value(struct buf *out, const char *label, struct json_object *value)
{
    buf_add_text(out, label);
    json_write(out, value);
    buf_add_char(out, '\n');
}

static int add_failure(struct buf *out, struct asl_failure *failure)
{
    buf_printf(out, "! %s: %s", failure->error, failure->cause);
    if (failure->location)
        buf_printf(out, " (at %s)", failure->location);
    if (!failure->in_state)
        buf_add_text(out, " (bare)");
    buf_add_char(out, '\n');
    asl_failure_release(failure);
    return 0;
}

static int add_diagnostics(struct buf *out, struct diagnostics *diagnostics)
{
    int code = diagnostics->error_count ? -1 : 0;
    for (size_t i = 0; i < diagnostics->count; i++)
        if (diagnostics->list[i].severity == DIAGNOSTIC_ERROR)
            buf_printf(out, "%s: %s: %s\n", diagnostics->list[i].code, diagnostics->list[i].location,
                       diagnostics->list[i].message);
    diagnostics_release(diagnostics);
    return code;
}

/* Each kind of program: 0, or -1 where it does not compile; `out` takes what is to be compared. */

static int run_jsonpath(struct arena *arena, const char *program, struct setting *s, struct buf *out)
{
    struct jsonpath *path;
    struct err err;
    struct jsonpath_miss miss;
    if (jsonpath_compile(arena, program, strlen(program), &path, &err) != 0) {
        buf_printf(out, "%s\n", err.message);
        return -1;
    }
    AUTO_JSON struct json_object *value = NULL;
    if (jsonpath_eval(path, s->input, &s->env, &value, &miss) != 0) {
        buf_printf(out, "! %s\n", miss.text);
        return 0;
    }
    if (jsonpath_is_definite(path) || !json_object_is_type(value, json_type_array)) {
        add_value(out, "", value);
        return 0;
    }
    for (size_t i = 0; i < json_object_array_length(value); i++)
        add_value(out, "", json_object_array_get_idx(value, i));
    return 0;
}

static int run_intrinsics(struct arena *arena, const char *program, struct setting *s, struct buf *out)
{
    struct intrinsic *call;
    struct err err;
    struct asl_failure failure = ASL_FAILURE_INIT;
    if (intrinsic_compile(arena, program, strlen(program), &call, &err) != 0) {
        buf_printf(out, "%s\n", err.message);
        return -1;
    }
    AUTO_JSON struct json_object *value = NULL;
    if (intrinsic_eval(call, s->input, &s->env, &value, &failure) != 0)
        return add_failure(out, &failure);
    add_value(out, "", value);
    return 0;
}

static int run_template(struct arena *arena, const char *program, struct setting *s, struct buf *out)
{
    struct template_scope scope = {.jsonata = strncmp(program, "jsonata ", 8) == 0};
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct asl_failure failure = ASL_FAILURE_INIT;
    AUTO_JSON struct json_object *json = NULL, *value = NULL;
    program += scope.jsonata ? 8 : 0;
    if (json_parse(program, strlen(program), &json, NULL) != 0)
        return -1;
    struct template *template = template_compile(arena, json, scope.jsonata ? "Output" : "Parameters", scope,
                                                 scope.jsonata ? "/Output" : "/Parameters", &diagnostics);
    if (add_diagnostics(out, &diagnostics) != 0)
        return -1;
    s->env.input = s->input;
    if (template_eval(template, s->input, &s->env, &value, &failure) != 0)
        return add_failure(out, &failure);
    add_value(out, "", value);
    return 0;
}

/* States are known by their names alone; one that is called "Nowhere" does not exist. */
static struct state *choice_target(void *context, const char *name, const char *location)
{
    struct arena *arena = context;
    (void)location;
    if (strcmp(name, "Nowhere") == 0)
        return NULL;
    struct state *state = ARENA_NEW(arena, struct state);
    state->name = arena_strdup(arena, name);
    return state;
}

static int run_choice(struct arena *arena, const char *program, struct setting *s, struct buf *out)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct asl_failure failure = ASL_FAILURE_INIT;
    struct choice_scope scope = {.arena = arena,
                                 .jsonata = strncmp(program, "jsonata ", 8) == 0,
                                 .target = choice_target,
                                 .context = arena,
                                 .diagnostics = &diagnostics};
    const struct choice_rule *rule;
    size_t count;
    AUTO_JSON struct json_object *json = NULL;
    program += scope.jsonata ? 8 : 0;
    if (json_parse(program, strlen(program), &json, NULL) != 0)
        return -1;
    struct choice_rule *rules = choice_compile(&scope, json, "/Choices", &count);
    if (add_diagnostics(out, &diagnostics) != 0)
        return -1;
    s->env.input = s->input;
    if (choice_select(rules, count, s->input, &s->env, &rule, &failure) != 0)
        return add_failure(out, &failure);
    buf_printf(out, "%s\n", rule ? rule->next->name : "none");
    return 0;
}

/* Runs a state of `machine` as the core would, with the result or the error of its work given. */
struct dataflow {
    const struct state *state;
    struct asl_env *env;
    struct json_object *given; /* the case's input */
    struct buf *out;
    struct asl_failure failure;
};

static int flow_choice(struct dataflow *f)
{
    AUTO_JSON struct json_object *output = NULL, *assigned = NULL;
    struct state *next;
    if (dataflow_choice(f->state, f->env, &next, &output, &assigned, &f->failure) != 0)
        return -1;
    buf_printf(f->out, "next %s\n", next->name);
    add_value(f->out, "output ", output);
    if (assigned)
        add_value(f->out, "assigned ", assigned);
    return 0;
}

static int flow_wait(struct dataflow *f)
{
    int64_t until_ms;
    if (dataflow_wait_until(f->state, f->env, now_ms, &until_ms, &f->failure) != 0)
        return -1;
    buf_printf(f->out, "wait %lld\n", (long long)(until_ms - now_ms));
    return 0;
}

static int flow_fail(struct dataflow *f)
{
    char *error = NULL, *cause = NULL;
    if (dataflow_fail(f->state, f->env, &error, &cause, &f->failure) != 0)
        return -1;
    buf_printf(f->out, "fail %s: %s\n", error ? error : "none", cause ? cause : "none");
    free(error);
    free(cause);
    return 0;
}

static int flow_task(struct dataflow *f, struct json_object *effective)
{
    AUTO_JSON struct json_object *credentials = NULL;
    int64_t timeout = 0, heartbeat = 0;
    if (dataflow_timeouts(f->state, f->env, &timeout, &heartbeat, &f->failure) != 0 ||
        dataflow_credentials(f->state, f->env, effective, &credentials, &f->failure) != 0)
        return -1;
    if (timeout || heartbeat)
        buf_printf(f->out, "timeouts %lld %lld\n", (long long)timeout, (long long)heartbeat);
    if (credentials)
        add_value(f->out, "credentials ", credentials);
    return 0;
}

static int flow_map(struct dataflow *f, struct json_object *effective)
{
    AUTO_JSON struct json_object *items = NULL;
    int64_t concurrency, count;
    double percentage;
    bool keyed;
    if (dataflow_map_items(f->state, f->env, effective, &items, &keyed, &f->failure) != 0 ||
        dataflow_map_max_concurrency(f->state, f->env, &concurrency, &f->failure) != 0 ||
        dataflow_map_tolerated(f->state, f->env, &count, &percentage, &f->failure) != 0)
        return -1;
    buf_printf(f->out, "limits %lld %lld %g\n", (long long)concurrency, (long long)count, percentage);
    for (size_t i = 0; i < json_object_array_length(items); i++) {
        AUTO_JSON struct json_object *input = NULL;
        if (dataflow_map_item_input(f->state, f->env, effective, json_object_array_get_idx(items, i), &input,
                                    &f->failure) != 0)
            return -1;
        add_value(f->out, "item ", input);
    }
    return 0;
}

/* How long each retrier waits before its first attempts, `attempts` in the input. */
static void flow_retry(struct dataflow *f, int64_t attempts)
{
    for (size_t i = 0; i < f->state->retry_count; i++) {
        buf_printf(f->out, "retrier %zu:", i);
        for (int64_t attempt = 1; attempt <= attempts; attempt++)
            buf_printf(f->out, " %lld", (long long)dataflow_retry_delay_ms(&f->state->retry[i], attempt, f->env));
        buf_add_char(f->out, '\n');
    }
}

/* The name of an error in the input: the first catcher that matches takes it. */
static int flow_catch(struct dataflow *f, const char *error)
{
    AUTO_JSON struct json_object *output = NULL, *assigned = NULL;
    for (size_t i = 0; i < f->state->catch_count; i++) {
        if (!dataflow_error_matches(f->state->catch[i].errors, f->state->catch[i].error_count, error))
            continue;
        if (dataflow_catch(f->state, i, f->env, &output, &assigned, &f->failure) != 0)
            return -1;
        buf_printf(f->out, "caught %zu\n", i);
        add_value(f->out, "output ", output);
        if (assigned)
            add_value(f->out, "assigned ", assigned);
        return 0;
    }
    buf_add_text(f->out, "not caught\n");
    return 0;
}

static int flow_through(struct dataflow *f)
{
    const struct state *state = f->state;
    AUTO_JSON struct json_object *effective = NULL, *arguments = NULL, *output = NULL, *assigned = NULL;
    struct json_object *result = NULL, *given = NULL, *error = NULL;
    bool takes_arguments = state->type == STATE_TASK || state->type == STATE_PARALLEL || state->type == STATE_PASS;
    if (state->type == STATE_CHOICE)
        return flow_choice(f);
    if (state->type == STATE_FAIL)
        return flow_fail(f);
    if (state->retry_count)
        flow_retry(f, json_member_int(f->given, "attempts", 3));
    if (json_member(f->given, "error", &error)) {
        f->env->error_output = error;
        return flow_catch(f, json_member_text(error, "Error"));
    }
    if (dataflow_input(state, f->env, &effective, &f->failure) != 0 ||
        (state->type == STATE_WAIT && flow_wait(f) != 0) || (state->type == STATE_TASK && flow_task(f, effective) != 0))
        return -1;
    if (state->type == STATE_MAP && flow_map(f, effective) != 0)
        return -1;
    if (takes_arguments) {
        if (dataflow_arguments(state, f->env, effective, &arguments, &f->failure) != 0)
            return -1;
        add_value(f->out, "arguments ", arguments);
    }
    result = takes_arguments ? arguments : effective;
    if (state->type == STATE_PASS && state->has_result)
        result = state->result;
    if (json_member(f->given, "result", &given))
        result = given;
    if (dataflow_output(state, f->env, effective, result, &output, &assigned, &f->failure) != 0)
        return -1;
    add_value(f->out, "output ", output);
    if (assigned)
        add_value(f->out, "assigned ", assigned);
    return 0;
}

static int run_dataflow(struct arena *arena, const char *program, struct setting *s, struct buf *out)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct machine *machine = NULL;
    struct json_object *unused;
    (void)arena;
    definition_compile(program, strlen(program), (struct definition_options){.single_state = true}, &machine,
                       &diagnostics);
    if (add_diagnostics(out, &diagnostics) != 0)
        return -1;
    struct dataflow f = {.state = machine->scope->start, .env = &s->env, .given = s->input, .out = out};
    json_member(s->input, "input", &s->env.input);
    if (json_member(s->input, "inspect", &unused))
        s->env.inspection = json_object_new_object();
    if (flow_through(&f) != 0)
        add_failure(out, &f.failure);
    if (s->env.inspection)
        add_value(out, "inspection ", s->env.inspection);
    json_release(&s->env.inspection);
    definition_unref(machine);
    return 0;
}

static const struct kind {
    const char *folder;
    int (*run)(struct arena *arena, const char *program, struct setting *s, struct buf *out);
} kinds[] = {
    {"jsonpath", run_jsonpath}, {"intrinsics", run_intrinsics}, {"template", run_template},
    {"choice", run_choice},     {"dataflow", run_dataflow},
};

/* ---- files ---- */

struct run {
    const char *file;
    const struct kind *kind;
    struct setting setting;
    int passed, failed;
};

/* One case as it stands in the file. */
struct example {
    int line;
    bool must_fail;
    char *program, *input;
    struct buf expected;
};

static void complain(struct run *run, const struct example *example, const char *what, const char *got)
{
    run->failed++;
    printf("%s:%d: %s\n  program:  %s\n  input:    %s\n  expected: %s  got:      %s\n", run->file, example->line, what,
           example->program, example->input ? example->input : "", buf_text(&example->expected), got);
}

static void run_example(struct run *run, const struct example *example)
{
    struct setting *s = &run->setting;
    AUTO_JSON struct json_object *input = NULL;
    AUTO_BUF out = BUF_INIT;
    struct arena *arena = arena_new(0);
    s->scope = (struct asl_variables){.values = s->variables};
    s->env = (struct asl_env){
        .make_context = make_context, .context_owner = s, .variables = &s->scope, .now_ms = now_ms, .random = fill};
    if (example->input && json_parse(example->input, strlen(example->input), &input, NULL) != 0) {
        complain(run, example, "the input is not JSON", "");
    } else {
        s->input = input;
        int code = run->kind->run(arena, example->program, s, &out);
        if (code != 0 && !example->must_fail)
            complain(run, example, "does not compile", buf_text(&out));
        else if (code == 0 && example->must_fail)
            complain(run, example, "compiles", buf_text(&out));
        else if (strcmp(buf_text(&out), buf_text(&example->expected)) != 0)
            complain(run, example, "another result", buf_text(&out));
        else
            run->passed++;
    }
    asl_env_release(&s->env);
    arena_free(arena);
}

static bool directive(struct run *run, const char *line)
{
    struct json_object **target = strncmp(line, "%%context ", 10) == 0     ? &run->setting.context
                                  : strncmp(line, "%%variables ", 12) == 0 ? &run->setting.variables
                                                                           : NULL;
    if (target == NULL)
        return false;
    const char *json = strchr(line, ' ') + 1;
    json_release(target);
    if (json_parse(json, strlen(json), target, NULL) != 0)
        complain(run, &(struct example){.program = "", .expected = BUF_INIT}, "a directive is not JSON", line);
    return true;
}

static void end_example(struct run *run, struct example *example)
{
    if (example->program)
        run_example(run, example);
    free(example->program);
    free(example->input);
    buf_release(&example->expected);
    *example = (struct example){0};
}

static void take_line(struct run *run, struct example *example, const char *line, int number)
{
    if (*line == '\0') {
        end_example(run, example);
    } else if (example->program == NULL) {
        if (strcmp(line, "%%FAIL") == 0) {
            example->must_fail = true;
        } else if (*line != '#' && !directive(run, line)) {
            example->program = mem_strdup(line);
            example->line = number;
        }
    } else if (example->input == NULL && !example->must_fail) {
        example->input = mem_strdup(line);
    } else {
        buf_printf(&example->expected, "%s\n", line);
    }
}

/* By the name of the folder that the file is in. */
static const struct kind *kind_of(const char *file)
{
    const char *name = strrchr(file, '/'), *folder = name;
    while (folder && folder > file && folder[-1] != '/')
        folder--;
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].folder) == (size_t)(name - folder) &&
            memcmp(kinds[i].folder, folder, (size_t)(name - folder)) == 0)
            return &kinds[i];
    return NULL;
}

static int run_file(struct run *run)
{
    FILE *file = fopen(run->file, "r");
    if (file == NULL) {
        perror(run->file);
        return -1;
    }
    run->kind = kind_of(run->file);
    if (run->kind == NULL) {
        fprintf(stderr, "%s: no kind of program is known by its folder\n", run->file);
        fclose(file);
        return -1;
    }
    struct example example = {0};
    char *line = NULL;
    size_t capacity = 0;
    int number = 0;
    while (getline(&line, &capacity, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        take_line(run, &example, line, ++number);
    }
    end_example(run, &example);
    free(line);
    fclose(file);
    return 0;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        struct run run = {.file = argv[i]};
        int error = run_file(&run);
        json_release(&run.setting.context);
        json_release(&run.setting.variables);
        passed += run.passed;
        failed += run.failed + (error != 0);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
