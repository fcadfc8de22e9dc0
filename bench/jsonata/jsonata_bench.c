/*
 * jsonata_bench.c - evaluations and compilations a second of the expressions of a workload.
 *
 * usage: jsonata_bench WORKLOAD.json [SECONDS]
 * prints {"NAME_eval_per_s": N, "NAME_compile_per_s": N, ...}
 *
 * usage: jsonata_bench --memory EXPRESSION INPUT.json
 * prints what one evaluation adds to the greatest size of the process, in bytes and as a share of the input.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/jsonata/jsonata.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static char *read_file(const char *path, size_t *ret_bytes)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    struct buf text = BUF_INIT;
    size_t got;
    do {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.bytes += got;
    } while (got > 0);
    fclose(file);
    *ret_bytes = text.bytes;
    return buf_take(&text);
}

static struct json_object *read_json(const char *path, size_t *ret_bytes)
{
    char *text = read_file(path, ret_bytes);
    struct json_object *value = NULL;
    struct err err = {0};
    if (json_parse(text, *ret_bytes, &value, &err) != 0) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        exit(1);
    }
    free(text);
    return value;
}

static struct jsonata *compile(const char *text)
{
    struct jsonata *expression;
    struct jsonata_error error;
    if (jsonata_compile(text, strlen(text), JSONATA_STANDARD, &expression, &error) != 0) {
        fprintf(stderr, "%s: %s\n", text, error.message);
        exit(1);
    }
    return expression;
}

static void evaluate(const struct jsonata *expression, struct json_object *input, struct json_object **ret_value)
{
    struct jsonata_env env = {.has_input = true, .input = input};
    struct jsonata_error error;
    bool defined;
    if (jsonata_evaluate(expression, &env, &defined, ret_value, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
}

static double evaluations_per_second(const char *text, struct json_object *input, double time)
{
    struct jsonata *expression = compile(text);
    double start = seconds(), end;
    long count = 0;
    do {
        for (int i = 0; i < 16; i++, count++) {
            struct json_object *value = NULL;
            evaluate(expression, input, &value);
            json_object_put(value);
        }
        end = seconds();
    } while (end - start < time);
    jsonata_free(expression);
    return (double)count / (end - start);
}

static double compilations_per_second(const char *text, double time)
{
    double start = seconds(), end;
    long count = 0;
    do {
        for (int i = 0; i < 16; i++, count++)
            jsonata_free(compile(text));
        end = seconds();
    } while (end - start < time);
    return (double)count / (end - start);
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static int measure_memory(const char *text, const char *path)
{
    size_t bytes;
    struct json_object *input = read_json(path, &bytes);
    struct jsonata *expression = compile(text);
    long before = peak_kib();
    struct json_object *value = NULL;
    evaluate(expression, input, &value);
    double more = (double)(peak_kib() - before) * 1024;
    printf("input %zu bytes, %.0f more at the peak: %.2f times\n", bytes, more, more / (double)bytes);
    json_object_put(value);
    json_object_put(input);
    jsonata_free(expression);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--memory") == 0)
        return measure_memory(argv[2], argv[3]);
    if (argc < 2) {
        fputs("usage: jsonata_bench WORKLOAD.json [SECONDS]\n", stderr);
        return 2;
    }
    double time = argc > 2 ? atof(argv[2]) : 1;
    size_t bytes;
    struct json_object *workload = read_json(argv[1], &bytes), *list = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dirname(argv[1]), json_member_text(workload, "data"));
    struct json_object *input = read_json(path, &bytes);
    json_member(workload, "expressions", &list);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        const char *name = json_member_text(row, "name"), *text = json_member_text(row, "expr");
        printf("%s\"%s_eval_per_s\": %.0f, \"%s_compile_per_s\": %.0f", i ? ", " : "{", name,
               evaluations_per_second(text, input, time), name, compilations_per_second(text, time / 4));
    }
    puts("}");
    json_object_put(input);
    json_object_put(workload);
    return 0;
}
