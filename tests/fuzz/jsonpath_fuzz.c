/*
 * jsonpath_fuzz - paths and intrinsic calls from any bytes.
 *
 * The first line of the input is the program, what follows it is the document that it is run on (a small one
 * where that is not JSON). What compiles must evaluate within its bounds, and a reference path must be able
 * to put a value where it can find one.
 */
#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/dataflow/intrinsics.h"
#include "asl/env.h"
#include "asl/failure.h"
#include "asl/jsonpath/jsonpath.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char small[] = "{\"a\":[1,2.5,{\"b\":\"x\"},null],\"b\":{\"a\":\"\\u00e4{}\",\"c\":[[true]]},\"n\":-3}";

static void run_path(struct arena *arena, const char *text, size_t bytes, struct json_object *document)
{
    struct asl_variables variables = {.values = document};
    struct asl_env env = {.input = document, .context = json_object_get(document), .variables = &variables};
    struct jsonpath *path;
    struct jsonpath_miss miss;
    AUTO_JSON struct json_object *value = NULL, *changed = NULL, *found = NULL;
    if (jsonpath_compile(arena, text, bytes, &path, NULL) == 0) {
        int missing = jsonpath_eval(path, document, &env, &value, &miss);
        if (jsonpath_is_reference(path) && jsonpath_root(path) == JSONPATH_INPUT) {
            bool put = jsonpath_put(path, document, value, &changed, &miss) == 0;
            assert(put || missing);
            assert(!put || (jsonpath_eval(path, changed, &env, &found, &miss) == 0 && json_same(found, value)));
        }
    }
    asl_env_release(&env);
}

static void run_call(struct arena *arena, const char *text, size_t bytes, struct json_object *document)
{
    struct asl_env env = {.input = document, .context = json_object_get(document)};
    struct asl_failure failure = ASL_FAILURE_INIT;
    struct intrinsic *call;
    AUTO_JSON struct json_object *value = NULL;
    if (intrinsic_compile(arena, text, bytes, &call, NULL) == 0 &&
        intrinsic_eval(call, document, &env, &value, &failure) != 0)
        assert(failure.error && failure.cause);
    asl_failure_release(&failure);
    asl_env_release(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *text = (const char *)data;
    const char *newline = memchr(text, '\n', bytes);
    size_t program_bytes = newline ? (size_t)(newline - text) : bytes;
    AUTO_JSON struct json_object *document = NULL;
    if (newline == NULL || json_parse(newline + 1, bytes - program_bytes - 1, &document, NULL) != 0)
        json_parse(small, strlen(small), &document, NULL);
    struct arena *arena = arena_new(0);
    run_path(arena, text, program_bytes, document);
    run_call(arena, text, program_bytes, document);
    arena_free(arena);
    return 0;
}
