/* eval.c - `eval`: one expression against an input. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/command.h"
#include "orchestrator/command/eval_jsonata.h"
#include "orchestrator/output.h"

#include "asl/base/arena.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/dataflow/template.h"
#include "asl/env.h"
#include "asl/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct evaluation {
    const char *expression;
    bool has_input;
    struct json_object *input, *context, *bindings;
};

/* 0 or EXIT_USAGE; null where the option is not given. */
static int read_json(const struct options *options, enum option option, struct json_object **ret_value)
{
    const char *given = options_text(options, option);
    struct err err = {0};
    char *text = NULL;
    size_t bytes;

    if (!given)
        return EXIT_OK;
    if (options_read_json(given, &text, &bytes, &err) || json_parse(text, bytes, ret_value, &err))
        return command_usage(options, "--%s: %s: %s", option_spec(option)->long_name, err.where, err.message);
    free(text);
    return EXIT_OK;
}

/* --bind NAME=JSON ...: one object, or NULL where there is none. */
static int read_bindings(const struct options *options, struct json_object **ret_bindings)
{
    const struct option_values *given = &options->given[OPT_BIND];
    AUTO_JSON struct json_object *bindings = given->count ? json_object_new_object() : NULL;

    for (size_t i = 0; i < given->count; i++) {
        const char *equals = strchr(given->list[i], '=');
        struct json_object *value = NULL;
        struct err err = {0};
        if (!equals || equals == given->list[i])
            return command_usage(options, "--bind: expected NAME=JSON, found \"%s\"", given->list[i]);
        if (json_parse(equals + 1, strlen(equals + 1), &value, &err))
            return command_usage(options, "--bind %s: %s", given->list[i], err.message);
        char *name = mem_strndup(given->list[i], (size_t)(equals - given->list[i]));
        json_add(bindings, name, value);
        free(name);
    }
    *ret_bindings = json_take(&bindings);
    return EXIT_OK;
}

static void draw_random(void *owner, void *bytes, size_t count)
{
    (void)owner;
    for (size_t done = 0; done < count; done += 256) {
        size_t some = count - done < 256 ? count - done : 256;
        if (getentropy((char *)bytes + done, some))
            memset((char *)bytes + done, 0, some);
    }
}

static int evaluate_path(const struct evaluation *evaluation)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct asl_failure failure = ASL_FAILURE_INIT;
    struct asl_variables variables = {.values = evaluation->bindings};
    struct asl_env env = {
        .input = evaluation->input,
        .context = evaluation->context ? json_object_get(evaluation->context) : json_object_new_object(),
        .variables = &variables,
        .now_ms = (int64_t)time(NULL) * 1000,
        .random = draw_random,
    };
    AUTO_JSON struct json_object *value = NULL;
    struct arena *arena = arena_new(0);
    struct template *compiled =
        template_compile_path(arena, evaluation->expression, "expression", true, "", &diagnostics);
    int code = EXIT_FAILED;

    if (diagnostics.error_count) {
        for (size_t i = 0; i < diagnostics.count; i++)
            fprintf(stderr, "orchestrator eval: %s\n", diagnostics.list[i].message);
    } else if (template_eval(compiled, evaluation->input, &env, &value, &failure)) {
        fprintf(stderr, "orchestrator eval: %s: %s\n", failure.error ? failure.error : "States.Runtime",
                failure.cause ? failure.cause : "");
    } else {
        output_json(value, true);
        code = EXIT_OK;
    }
    asl_failure_release(&failure);
    diagnostics_release(&diagnostics);
    asl_env_release(&env);
    arena_free(arena);
    return code;
}

static int evaluate_jsonata(const struct evaluation *evaluation)
{
    const struct eval_jsonata request = {
        .expression = evaluation->expression,
        .has_input = evaluation->has_input,
        .input = evaluation->input,
        .bindings = evaluation->bindings,
    };
    return eval_jsonata_one(&request, stdout, stderr) ? EXIT_FAILED : EXIT_OK;
}

static int evaluate(const struct options *options)
{
    AUTO_JSON struct json_object *input = NULL;
    AUTO_JSON struct json_object *context = NULL;
    AUTO_JSON struct json_object *bindings = NULL;
    int code;

    if ((code = read_json(options, OPT_INPUT, &input)) || (code = read_json(options, OPT_CONTEXT, &context)) ||
        (code = read_bindings(options, &bindings)))
        return code;
    const struct evaluation evaluation = {
        .expression = options->arguments[0],
        .has_input = options_has(options, OPT_INPUT),
        .input = input,
        .context = context,
        .bindings = bindings,
    };
    return options_has(options, OPT_JSONATA) ? evaluate_jsonata(&evaluation) : evaluate_path(&evaluation);
}

int cmd_eval(const struct options *options)
{
    if (options_has(options, OPT_BATCH)) {
        if (!options_has(options, OPT_JSONATA) || options->argument_count)
            return command_usage(options, "--batch goes with --jsonata, and takes its expressions from standard input");
        return eval_jsonata_batch(stdin, stdout) ? EXIT_UNAVAILABLE : EXIT_OK;
    }
    if (!options->argument_count)
        return command_usage(options, "missing argument: EXPRESSION");
    return evaluate(options);
}
