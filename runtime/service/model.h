/*
 * model.h - what the inputs of the API's operations must look like.
 *
 * The tables in model_data.c are made from AWS's own service model by model_gen.py, so that no
 * constraint is written down by hand.
 *
 * Promise   model_check() finds everything that is wrong and says it in AWS's words.
 * Source    reference/api.md "Generic validation errors".
 */
#ifndef RUNTIME_SERVICE_MODEL_H
#define RUNTIME_SERVICE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

enum model_type {
    MODEL_STRUCTURE,
    MODEL_LIST,
    MODEL_MAP,
    MODEL_STRING,
    MODEL_INTEGER,
    MODEL_LONG,
    MODEL_DOUBLE,
    MODEL_BOOLEAN,
    MODEL_TIMESTAMP,
    MODEL_BLOB
};

struct model_shape {
    const char *name;
    enum model_type type;
    bool sensitive; /* the value is not shown in messages */
    bool payload;   /* an input or a result: how many bytes it may have is set */
    bool has_min, has_max;
    int64_t min, max;                   /* of a number; else of the length */
    const char *pattern;                /* as AWS shows it */
    const char *regex;                  /* the same for PCRE2 */
    const char *const *values;          /* enumeration, NULL-ended, in the order of AWS's message */
    const struct model_member *members; /* MODEL_STRUCTURE */
    size_t member_count;
    const struct model_shape *element; /* MODEL_LIST, MODEL_MAP: the values */
};

struct model_member {
    const char *name;
    const struct model_shape *shape;
    bool required;
};

struct model_operation {
    const char *name;
    const struct model_shape *shape; /* of the input; of mock_operations, of the answer */
};

extern const struct model_operation model_operations[];
extern const size_t model_operation_count;

/* NULL where there is no such operation. */
const struct model_operation *model_operation_find(const char *name);

/* Answers of other services' operations ("sqs:sendMessage"): TestState checks mocks by them. */
extern const struct model_operation mock_operations[];
extern const size_t mock_operation_count;

enum model_verdict {
    MODEL_OK,
    MODEL_MALFORMED, /* a value of another type: SerializationException */
    MODEL_VIOLATED   /* constraints: ValidationException */
};
/*
 * Checks an input; the message (heap) is set where something is wrong. Members that are not in the model are ignored.
 * payload_max: the most bytes of what has `payload`.
 */
enum model_verdict model_check(const struct model_shape *shape, struct json_object *input, size_t payload_max,
                               char **ret_message);

/* Length of a UTF-8 text in UTF-16 units, as AWS counts. */
size_t model_text_length(const char *text, size_t bytes);

#endif
