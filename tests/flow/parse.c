#include "tests/flow/flow.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/definition/definition.h"
#include "asl/definition/diagnostic.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct flow_file *file;
    int line; /* of the command that is being read */
};

static _Noreturn void die(const struct reader *r, const char *what, const char *text)
{
    fprintf(stderr, "%s:%d: %s%s%s\n", r->file->path, r->line, what, text ? ": " : "", text ? text : "");
    exit(2);
}

static void read_text(const struct reader *r, const char *path, struct buf *out)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die(r, "cannot be read", path);
    size_t got;
    do {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->bytes += got;
    } while (got > 0);
    out->data[out->bytes] = '\0';
    fclose(file);
}

/* Takes the next word off the front of a text, NULL when there is none. The text is written to. */
static char *word(char **text)
{
    *text += strspn(*text, " \t");
    if (**text == '\0')
        return NULL;
    char *start = *text;
    *text += strcspn(*text, " \t");
    if (**text)
        *(*text)++ = '\0';
    return start;
}

static char *need_word(struct reader *r, char **text, const char *what)
{
    char *found = word(text);
    if (found == NULL)
        die(r, "expected", what);
    return found;
}

/* What is left of the line, or NULL. */
static char *rest(char **text)
{
    *text += strspn(*text, " \t");
    return **text ? *text : NULL;
}

static struct json_object *json_rest(struct reader *r, char **text)
{
    char *left = rest(text);
    struct json_object *value = NULL;
    struct err err = {0};
    if (left == NULL)
        die(r, "expected JSON", NULL);
    if (json_parse(left, strlen(left), &value, &err) != 0)
        die(r, err.message, left);
    return value;
}

static int64_t duration_ms(struct reader *r, const char *text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    int64_t number = strtoll(text, &end, 10);
    for (size_t i = 0; end > text && i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0)
            return number * units[i].ms;
    die(r, "expected a duration such as 5s or 200ms", text);
}

/* STATE or STATE#2 */
static void set_state(struct reader *r, struct step *step, char **text)
{
    char *name = need_word(r, text, "the name of a state");
    char *mark = strrchr(name, '#');
    if (mark) {
        *mark = '\0';
        step->nth = (unsigned)strtoul(mark + 1, NULL, 10) - 1;
    }
    step->state = mem_strdup(name);
}

static void set_failure(struct step *step, char **text)
{
    step->error = mem_strdup(word(text));
    step->cause = mem_strdup(rest(text));
}

static void compile(struct reader *r, struct flow *flow, char **text, const char *block)
{
    AUTO_BUF definition = BUF_INIT;
    char *name = word(text);
    if (name) {
        const char *slash = strrchr(r->file->path, '/');
        char *path = mem_printf("%.*s%s", slash ? (int)(slash - r->file->path) + 1 : 0, r->file->path, name);
        read_text(r, path, &definition);
        free(path);
    } else if (block) {
        buf_add_text(&definition, block);
    } else {
        die(r, "definition needs a file or an indented text", NULL);
    }
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    if (definition_compile(definition.data, definition.bytes, (struct definition_options){0}, &flow->machine,
                           &diagnostics) != 0)
        die(r, "the definition is not valid", diagnostics_aws_text(&diagnostics));
    diagnostics_release(&diagnostics);
}

static void set(struct reader *r, struct flow *flow, char **text)
{
    const char *name = need_word(r, text, "the name of a setting"), *value = need_word(r, text, "its value");
    if (strcmp(name, "payload") == 0)
        flow->settings.payload_bytes_max = strtoull(value, NULL, 10);
    else if (strcmp(name, "events") == 0)
        flow->settings.history_events_max = strtoll(value, NULL, 10);
    else if (strcmp(name, "express") == 0)
        flow->settings.timeout_seconds_max = strtoll(value, NULL, 10);
    else if (strcmp(name, "wait-scale") == 0)
        flow->settings.wait_time_scale = strtod(value, NULL);
    else if (strcmp(name, "random") == 0)
        flow->random_byte = (unsigned char)strtoul(value, NULL, 10);
    else if (strcmp(name, "activities") == 0)
        flow->no_activities = strcmp(value, "none") == 0;
    else
        die(r, "no such setting", name);
}

static struct step *add_step(struct reader *r, struct flow *flow, enum step_kind kind)
{
    if (flow->machine == NULL)
        die(r, "the definition comes first", NULL);
    flow->steps = mem_grow(flow->steps, &flow->step_capacity, flow->step_count + 1, sizeof *flow->steps);
    struct step *step = &flow->steps[flow->step_count++];
    *step = (struct step){.kind = kind, .line = r->line};
    return step;
}

static void add_stimulus(struct reader *r, struct flow *flow, enum stimulus_kind kind, char **text)
{
    struct step *step = add_step(r, flow, STEP_STIMULUS);
    step->stimulus = kind;
    if (kind == STIMULUS_START)
        step->value = json_rest(r, text);
    else
        set_failure(step, text);
}

static void add_task(struct reader *r, struct flow *flow, char **text)
{
    struct step *step = add_step(r, flow, STEP_STIMULUS);
    set_state(r, step, text);
    const char *what = need_word(r, text, "what the task does");
    if (strcmp(what, "succeeds") == 0) {
        step->stimulus = STIMULUS_TASK_SUCCEEDED;
        step->value = json_rest(r, text);
    } else if (strcmp(what, "submitted") == 0) {
        step->stimulus = STIMULUS_TASK_SUBMITTED;
        step->value = json_rest(r, text);
    } else if (strcmp(what, "fails") == 0) {
        step->stimulus = STIMULUS_TASK_FAILED;
        set_failure(step, text);
    } else if (strcmp(what, "times-out") == 0) {
        step->stimulus = STIMULUS_TASK_TIMED_OUT;
        set_failure(step, text);
    } else if (strcmp(what, "started") == 0) {
        step->stimulus = STIMULUS_TASK_STARTED;
        step->words = mem_strdup(rest(text));
    } else if (strcmp(what, "heartbeat") == 0) {
        step->stimulus = STIMULUS_HEARTBEAT;
    } else {
        die(r, "a task does no such thing", what);
    }
}

static void add_map_run(struct reader *r, struct flow *flow, char **text)
{
    struct step *step = add_step(r, flow, STEP_STIMULUS);
    step->stimulus = STIMULUS_MAP_RUN_ENDED;
    step->map_run = true;
    set_state(r, step, text);
    const char *what = need_word(r, text, "what the map run does");
    if (strcmp(what, "succeeds") == 0)
        step->value = json_rest(r, text);
    else if (strcmp(what, "fails") == 0)
        set_failure(step, text);
    else
        die(r, "a map run does no such thing", what);
}

static const struct {
    const char *name;
    enum event_type ending;
} endings[] = {{"SUCCEEDED", EVENT_EXECUTION_SUCCEEDED},
               {"FAILED", EVENT_EXECUTION_FAILED},
               {"ABORTED", EVENT_EXECUTION_ABORTED},
               {"TIMED_OUT", EVENT_EXECUTION_TIMED_OUT}};

static bool expect_ended(struct reader *r, struct step *step, const char *what, char **text)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(what, endings[i].name) != 0)
            continue;
        step->expectation = EXPECT_ENDED;
        step->ending = endings[i].ending;
        if (step->ending == EVENT_EXECUTION_SUCCEEDED)
            step->value = json_rest(r, text);
        else
            set_failure(step, text);
        return true;
    }
    return false;
}

static void add_expectation(struct reader *r, struct flow *flow, char **text)
{
    static const struct {
        const char *name;
        enum expectation expectation;
    } lists[] = {{"tasks", EXPECT_TASKS}, {"events", EXPECT_EVENTS}, {"previous", EXPECT_PREVIOUS}};
    struct step *step = add_step(r, flow, STEP_EXPECT);
    const char *what = need_word(r, text, "what to expect");
    if (expect_ended(r, step, what, text))
        return;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(what, lists[i].name) == 0) {
            step->expectation = lists[i].expectation;
            step->words = mem_strdup(rest(text) ? *text : "");
            return;
        }
    }
    if (strcmp(what, "running") == 0) {
        step->expectation = EXPECT_RUNNING;
    } else if (strcmp(what, "task") == 0 || strcmp(what, "exit") == 0) {
        step->expectation = *what == 't' ? EXPECT_TASK : EXPECT_EXIT;
        set_state(r, step, text);
        step->value = json_rest(r, text);
    } else if (strcmp(what, "timer") == 0) {
        const char *when = need_word(r, text, "a duration or none");
        step->expectation = EXPECT_TIMER;
        step->number = strcmp(when, "none") == 0 ? -1 : duration_ms(r, when);
    } else if (strcmp(what, "history") == 0) {
        step->expectation = EXPECT_HISTORY;
        step->number = strtoll(need_word(r, text, "a number"), NULL, 10);
    } else {
        die(r, "nothing of that kind can be expected", what);
    }
}

/* crash-after every [N] event[s] */
static void set_crash(struct reader *r, struct flow *flow, char **text)
{
    need_word(r, text, "every");
    const char *number = need_word(r, text, "event");
    flow->crash_every = isdigit((unsigned char)*number) ? strtoll(number, NULL, 10) : 1;
}

static void take_command(struct reader *r, struct flow *flow, char *text, const char *block)
{
    const char *name = word(&text);
    if (strcmp(name, "definition") == 0)
        compile(r, flow, &text, block);
    else if (strcmp(name, "set") == 0)
        set(r, flow, &text);
    else if (strcmp(name, "input") == 0)
        add_stimulus(r, flow, STIMULUS_START, &text);
    else if (strcmp(name, "task") == 0)
        add_task(r, flow, &text);
    else if (strcmp(name, "map-run") == 0)
        add_map_run(r, flow, &text);
    else if (strcmp(name, "stale") == 0)
        set_state(r, add_step(r, flow, STEP_STALE), &text);
    else if (strcmp(name, "advance") == 0) {
        int64_t ms = duration_ms(r, need_word(r, &text, "a duration"));
        add_step(r, flow, STEP_ADVANCE)->number = ms;
    } else if (strcmp(name, "stop") == 0)
        add_stimulus(r, flow, STIMULUS_STOP, &text);
    else if (strcmp(name, "redrive") == 0)
        add_stimulus(r, flow, STIMULUS_REDRIVE, &text);
    else if (strcmp(name, "expect") == 0)
        add_expectation(r, flow, &text);
    else if (strcmp(name, "crash-after") == 0)
        set_crash(r, flow, &text);
    else
        die(r, "no such command", name);
}

static struct flow *begin_flow(struct reader *r, const char *title)
{
    struct flow_file *file = r->file;
    file->flows = mem_grow(file->flows, &file->capacity, file->count + 1, sizeof *file->flows);
    struct flow *flow = &file->flows[file->count++];
    *flow = (struct flow){
        .title = mem_strdup(title),
        .line = r->line,
        .settings = {.payload_bytes_max = LIMIT_PAYLOAD_BYTES,
                     .history_events_max = LIMIT_HISTORY_EVENTS,
                     .wait_time_scale = 1,
                     .keep_events = true},
        .random_byte = 0x80,
    };
    return flow;
}

/* A command and the block below it; `line` is its first line. */
static void take_lines(struct reader *r, struct flow **flow, char *line, struct buf *block)
{
    if (strncmp(line, "flow ", 5) == 0) {
        *flow = begin_flow(r, line + 5);
        return;
    }
    if (*flow == NULL)
        die(r, "a flow begins with \"flow TITLE\"", NULL);
    if (strncmp(line, "definition", 10) == 0) {
        take_command(r, *flow, line, block->bytes ? block->data : NULL);
        return;
    }
    AUTO_BUF whole = BUF_INIT; /* elsewhere the block is more of the same line */
    buf_add_text(&whole, line);
    for (const char *c = buf_text(block); *c; c++)
        buf_add_char(&whole, *c == '\n' ? ' ' : *c);
    for (char *at = whole.data, *next; at; at = next) {
        next = strstr(at, " ; ");
        if (next) {
            *next = '\0';
            next += 3;
        }
        at += strspn(at, " ");
        if (*at)
            take_command(r, *flow, at, NULL);
    }
}

struct flow_file flow_file_read(const char *path)
{
    struct flow_file file = {.path = mem_strdup(path)};
    struct reader r = {.file = &file};
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF block = BUF_INIT;
    read_text(&r, path, &text);
    struct flow *flow = NULL;
    char *pending = NULL;
    int number = 0;
    for (char *at = text.data, *end; at && *at; at = end) {
        end = strchr(at, '\n');
        if (end)
            *end++ = '\0';
        number++;
        if (pending && (*at == ' ' || *at == '\t')) {
            buf_add_text(&block, at);
            buf_add_char(&block, '\n');
            continue;
        }
        if (pending)
            take_lines(&r, &flow, pending, &block);
        buf_clear(&block);
        pending = *at == '#' || *at == '\0' ? NULL : at;
        r.line = number;
    }
    if (pending)
        take_lines(&r, &flow, pending, &block);
    return file;
}

void flow_file_release(struct flow_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        struct flow *flow = &file->flows[i];
        for (size_t j = 0; j < flow->step_count; j++) {
            struct step *step = &flow->steps[j];
            free(step->state);
            json_object_put(step->value);
            free(step->error);
            free(step->cause);
            free(step->words);
        }
        free(flow->steps);
        free(flow->title);
        if (flow->machine)
            definition_unref(flow->machine);
    }
    free(file->flows);
    free(file->path);
}
