/*
 * jsonata_eval_fuzz - evaluates JSONata expressions made of any bytes, within limits.
 *
 * The first line of the input is the expression, what follows it the document it looks at (a small one
 * where that is not JSON). Whatever comes out can be written as JSON, and an evaluation has an end.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/jsonata/jsonata.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char small[] = "{\"a\":[1,2.5,{\"b\":\"x\"},null],\"b\":{\"a\":\"\\u00e4{}\",\"c\":[[true]]},\"n\":-3,"
                            "\"o\":[{\"i\":1,\"l\":[{\"q\":2,\"p\":3}]},{\"i\":2,\"l\":[]}]}";

static void fill_random(void *context, void *bytes, size_t count)
{
    (void)context;
    memset(bytes, 0x5A, count);
}

static void evaluate(const char *text, size_t bytes, enum jsonata_dialect dialect, struct json_object *document)
{
    struct jsonata *expression;
    struct jsonata_error error;
    if (jsonata_compile(text, bytes, dialect, &expression, &error) != 0) {
        jsonata_error_release(&error);
        return;
    }
    struct jsonata_env env = {
        .has_input = true,
        .input = document,
        .now_ms = 1700000000000,
        .random = fill_random,
        .limits = {.time_ms = 300, .depth = 500, .memory_bytes = 4 << 20},
    };
    bool defined = false;
    AUTO_JSON struct json_object *value = NULL;
    int result = jsonata_evaluate(expression, &env, &defined, &value, &error);
    assert(result == 0 || result == ERR_UNSUPPORTED || error.message);
    if (result == 0 && defined)
        free(json_text(value));
    jsonata_error_release(&error);
    jsonata_free(expression);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *text = (const char *)data;
    const char *newline = memchr(text, '\n', bytes);
    size_t program_bytes = newline ? (size_t)(newline - text) : bytes;
    AUTO_JSON struct json_object *document = NULL;
    if (newline == NULL || json_parse(newline + 1, bytes - program_bytes - 1, &document, NULL) != 0)
        json_parse(small, strlen(small), &document, NULL);
    evaluate(text, program_bytes, JSONATA_STANDARD, document);
    evaluate(text, program_bytes, JSONATA_STATES, document);
    return 0;
}
