/* expect.c - what a flow expects, compared with what is there. */
#include "tests/flow/play_priv.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/graph.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static bool text_matches(const char *pattern, const char *text)
{
    if (pattern == NULL || text == NULL)
        return pattern == text;
    return strcmp(pattern, text) == 0 || fnmatch(pattern, text, 0) == 0;
}

static void check_ended(struct play *p, const struct step *step)
{
    if (execution_phase(p->x) != EXECUTION_CLOSED) {
        play_complain(p, "it still runs");
        return;
    }
    const char *error = execution_error(p->x), *cause = execution_cause(p->x);
    AUTO_BUF output = BUF_INIT;
    json_write(&output, execution_output(p->x));
    if (execution_ending(p->x) != step->ending)
        play_complain(p, "ended with %s (error %s, cause %s, output %s)", event_type_name(execution_ending(p->x)),
                      error ? error : "none", cause ? cause : "none", output.data);
    else if (step->ending == EVENT_EXECUTION_SUCCEEDED
                 ? !json_same(execution_output(p->x), step->value)
                 : !text_matches(step->error, error) || !text_matches(step->cause, cause))
        play_complain(p, "ended with error %s, cause %s, output %s", error ? error : "none", cause ? cause : "none",
                      output.data);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Cuts a text into its words; the array is on the heap, NULL where there are none. */
static char **split(char *text, size_t *ret_count)
{
    char **words = NULL, *save;
    size_t count = 0, capacity = 0;
    for (char *at = strtok_r(text, " \t", &save); at; at = strtok_r(NULL, " \t", &save)) {
        words = mem_grow(words, &capacity, count + 1, sizeof *words);
        words[count++] = at;
    }
    *ret_count = count;
    return words;
}

char *play_sorted(const char *list)
{
    size_t count;
    char *copy = mem_strdup(list), **words = split(copy, &count);
    if (count)
        qsort(words, count, sizeof *words, by_text);
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s%s", i ? " " : "", words[i]);
    free(words);
    free(copy);
    return buf_take(&out);
}

static void check_task_list(struct play *p, const struct step *step)
{
    struct task_list tasks = play_tasks(p);
    AUTO_BUF names = BUF_INIT;
    for (size_t i = 0; i < tasks.count; i++)
        buf_printf(&names, "%s ", tasks.list[i].state->name);
    char *found = play_sorted(buf_text(&names)), *wanted = play_sorted(step->words);
    if (strcmp(found, wanted) != 0)
        play_complain(p, "tasks at work: %s", *found ? found : "none");
    free(found);
    free(wanted);
    free(tasks.list);
}

static void check_value(struct play *p, const struct step *step, struct json_object *value)
{
    if (json_same(value, step->value))
        return;
    AUTO_BUF text = BUF_INIT;
    json_write(&text, value);
    play_complain(p, "it is %s", text.data);
}

static void check_task(struct play *p, const struct step *step)
{
    struct running found;
    struct execution_task task;
    if (play_find_task(p, step, &found) && execution_task(p->x, found.frame, found.task_id, &task))
        check_value(p, step, task.input);
}

static void check_exit(struct play *p, const struct step *step)
{
    for (size_t i = p->stored_count; i-- > 0;) {
        const struct stored *event = &p->stored[i];
        if (event_is_exited(event->type) && event->state && strcmp(event->state->name, step->state) == 0) {
            check_value(p, step, event->value);
            return;
        }
    }
    play_complain(p, "%s has not been left", step->state);
}

static void check_timer(struct play *p, const struct step *step)
{
    int64_t due = execution_next_due(p->x);
    if (due == INT64_MAX ? step->number != -1 : due - p->inputs.now_ms != step->number)
        play_complain(p, "the next timer is due in %lld ms",
                      due == INT64_MAX ? -1LL : (long long)(due - p->inputs.now_ms));
}

/* Whether the types from `at` on fit the words; "..." takes any run. */
static bool events_match(const struct play *p, size_t at, char **words, size_t count)
{
    while (at < p->stored_count && p->stored[at].id == 0)
        at++;
    if (count == 0)
        return at == p->stored_count;
    if (strcmp(*words, "...") == 0) {
        for (;; at++) {
            if (events_match(p, at, words + 1, count - 1))
                return true;
            if (at == p->stored_count)
                return false;
        }
    }
    return at < p->stored_count && strcmp(event_type_name(p->stored[at].type), *words) == 0 &&
           events_match(p, at + 1, words + 1, count - 1);
}

static void check_events(struct play *p, const struct step *step)
{
    size_t count;
    char *copy = mem_strdup(step->words), **words = split(copy, &count);
    if (!events_match(p, 0, words, count)) {
        AUTO_BUF text = BUF_INIT;
        for (size_t i = 0; i < p->stored_count; i++)
            if (p->stored[i].id)
                buf_printf(&text, " %s", event_type_name(p->stored[i].type));
        play_complain(p, "the events are%s", buf_text(&text));
    }
    free(words);
    free(copy);
}

static void check_previous(struct play *p, const struct step *step)
{
    AUTO_BUF found = BUF_INIT;
    for (size_t i = 0; i < p->stored_count; i++)
        if (p->stored[i].id)
            buf_printf(&found, "%s%lld", found.bytes ? " " : "", (long long)p->stored[i].previous_id);
    if (strcmp(buf_text(&found), step->words) != 0)
        play_complain(p, "the previous events are %s", buf_text(&found));
}

void play_expect(struct play *p, const struct step *step)
{
    switch (step->expectation) {
    case EXPECT_RUNNING:
        if (execution_phase(p->x) != EXECUTION_OPEN)
            play_complain(p, "it does not run: %s, %s", event_type_name(execution_ending(p->x)),
                          execution_cause(p->x) ? execution_cause(p->x) : "no cause");
        break;
    case EXPECT_ENDED:
        check_ended(p, step);
        break;
    case EXPECT_TASKS:
        check_task_list(p, step);
        break;
    case EXPECT_TASK:
        check_task(p, step);
        break;
    case EXPECT_EXIT:
        check_exit(p, step);
        break;
    case EXPECT_TIMER:
        check_timer(p, step);
        break;
    case EXPECT_EVENTS:
        check_events(p, step);
        break;
    case EXPECT_PREVIOUS:
        check_previous(p, step);
        break;
    case EXPECT_HISTORY:
        if (play_last_id(p) != step->number)
            play_complain(p, "the history has %lld events", (long long)play_last_id(p));
    }
}
