#include "tests/unit/task_bench.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <event2/event.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct resource function_resource(const char *name)
{
    return (struct resource){.kind = RESOURCE_FUNCTION, .name = name, .text = name, .service = "", .operation = ""};
}

int64_t bench_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int bench_setup(void **state)
{
    struct bench *bench = NEW(struct bench);
    strcpy(bench->folder, "/tmp/task_test.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->base = event_base_new();
    *state = bench;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

int bench_teardown(void **state)
{
    struct bench *bench = *state;
    if (bench->connector)
        bench->connector->ops->close(bench->connector, 1000);
    for (int i = 0; i < bench->count; i++) {
        struct item *item = &bench->items[i];
        json_object_put(item->task.input);
        free(item->output);
        free(item->submitted_output);
        free(item->error);
        free(item->cause);
    }
    event_base_free(bench->base);
    nftw(bench->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    buf_release(&bench->log);
    free(bench);
    return 0;
}

char *bench_path(struct bench *bench, const char *name)
{
    return mem_printf("%s/%s", bench->folder, name);
}

void bench_write(struct bench *bench, const char *name, const char *text, mode_t mode)
{
    char *path = bench_path(bench, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
    free(path);
}

void bench_write_handler(struct bench *bench, const char *name, const char *text)
{
    bench_write(bench, name, text, 0755);
}

static void replace(char **place, const char *text)
{
    free(*place);
    *place = text ? mem_strdup(text) : NULL;
}

void bench_report(struct task *task, const struct task_report *report)
{
    struct bench *bench = task->owner;
    struct item *item = (struct item *)task;
    assert_false(item->ended);
    item->reports++;
    char *output = json_text(report->output);
    if (report->kind == TASK_SUBMITTED) {
        item->submitted++;
        replace(&item->submitted_output, output);
    } else {
        item->ended = true;
        item->kind = report->kind;
        replace(&item->output, output);
        replace(&item->error, report->error);
        replace(&item->cause, report->cause);
        bench->ended++;
    }
    free(output);
    if (bench->cancel_next) {
        struct item *other = bench->cancel_next;
        bench->cancel_next = NULL;
        bench->connector->ops->cancel(bench->connector, &other->task);
    }
}

struct item *bench_start(struct bench *bench, const struct resource *resource, const char *input)
{
    struct connector *connector = bench->connector;
    assert_true(bench->count < TASKS_MAX);
    struct item *item = &bench->items[bench->count++];
    item->task = (struct task){.resource = resource,
                               .state_name = "Work",
                               .machine_name = "machine",
                               .execution_arn = "arn:aws:states:eu-west-1:111122223333:execution:machine:e1",
                               .idempotency_token = "token-1",
                               .report = bench_report,
                               .owner = bench};
    assert_int_equal(json_parse(input, strlen(input), &item->task.input, NULL), 0);
    assert_true(connector->ops->accepts(connector, &item->task));
    connector->ops->start(connector, &item->task);
    assert_int_equal(item->reports, 0); /* never from inside bench_start() */
    return item;
}

void bench_turn(struct bench *bench, int ms)
{
    struct timeval wait = {ms / 1000, (ms % 1000) * 1000};
    event_base_loopexit(bench->base, &wait);
    event_base_dispatch(bench->base);
}

void bench_wait(struct bench *bench, int ended)
{
    int64_t until = bench_now_ms() + PATIENCE_MS;
    while (bench->ended < ended && bench_now_ms() < until)
        bench_turn(bench, 2);
    assert_int_equal(bench->ended, ended);
}

struct item *bench_run(struct bench *bench, const struct resource *resource, const char *input)
{
    struct item *item = bench_start(bench, resource, input);
    bench_wait(bench, bench->ended + 1);
    return item;
}

void assert_output(const struct item *item, const char *output)
{
    if (item->kind != TASK_SUCCEEDED)
        fail_msg("failed: %s %s", item->error, item->cause);
    assert_string_equal(item->output, output);
}

void assert_failure(const struct item *item, const char *error, const char *part_of_cause)
{
    assert_int_equal(item->kind, TASK_FAILED);
    assert_string_equal(item->error, error);
    if (strstr(item->cause, part_of_cause) == NULL)
        fail_msg("not in the cause: %s\n%s", part_of_cause, item->cause);
}
