/*
 * graph.h - the compiled form of a definition: read-only structs that the core walks.
 *
 * Everything that can be compiled is: targets are pointers, paths, templates, choice rules and
 * JSONata expressions are ready to run. The graph lives in one arena and is never changed after
 * definition_compile() gave it out; one graph serves any number of executions.
 *
 * Names     are those of the specification in lower case: ResultSelector is result_selector.
 */
#ifndef ASL_DEFINITION_GRAPH_H
#define ASL_DEFINITION_GRAPH_H

#include "asl/definition/resource.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct choice_rule;
struct json_object;
struct jsonpath;
struct template;

enum state_type {
#define STATE_TYPE(enumerator, name) enumerator,
#include "asl/definition/state_types.def"
#undef STATE_TYPE
};

/* "Task", "Pass" ... */
const char *state_type_name(enum state_type type);

/* InputPath, OutputPath, ResultPath: absent means `$`, JSON null means "nothing". */
enum path_kind { PATH_WHOLE, PATH_NOTHING, PATH_SOME };
struct path_field {
    enum path_kind kind;
    struct jsonpath *path; /* PATH_SOME */
};

/* A number that is written down, referenced (`...Path`) or computed (JSONata). */
enum number_kind { NUMBER_NONE, NUMBER_LITERAL, NUMBER_PATH, NUMBER_EXPRESSION };
struct number_field {
    enum number_kind kind;
    double literal;
    struct jsonpath *path;
    struct template *expression;
    const char *name; /* "TimeoutSeconds", "TimeoutSecondsPath": for texts */
};

/* A text that is written down, referenced or computed: Error, Cause, Timestamp. */
struct text_field {
    enum number_kind kind;
    const char *literal;
    struct template *expression; /* ErrorPath with its intrinsics, `{% %}` */
    struct jsonpath *path;       /* TimestampPath */
    const char *name;
};

struct retrier {
    const char **errors; /* ErrorEquals */
    size_t error_count;
    int64_t interval_seconds;
    int64_t max_attempts;
    double backoff_rate;
    int64_t max_delay_seconds; /* 0: none */
    bool full_jitter;
};

struct catcher {
    const char **errors;
    size_t error_count;
    struct state *next;
    struct path_field result_path; /* JSONPath */
    struct template *output;       /* JSONata; NULL: the error output */
    struct template *assign;       /* NULL: none */
};

/* One States block: the machine's, a branch's, an item processor's. */
struct scope {
    const struct state *owner; /* the Parallel or Map; NULL at the top */
    const struct scope *outer; /* the block that the owner is in; NULL at the top */
    struct state *start;
    struct state **states; /* in the order of the text; their indexes follow one another */
    uint32_t state_count;
    struct json_object *names; /* name to index in `states`: see scope_state() */
};

/* The state of a block that has this name, or NULL. */
struct state *scope_state(const struct scope *scope, const char *name);

struct item_reader {
    struct resource resource;
    struct template *arguments; /* Parameters or Arguments */
    struct json_object *config; /* ReaderConfig as written, or NULL */
    struct number_field max_items;
};

struct item_batcher {
    struct number_field max_items_per_batch;
    struct number_field max_input_bytes_per_batch;
    struct template *batch_input; /* NULL: none */
};

struct result_writer {
    bool exports; /* Resource and Parameters are given */
    struct template *arguments;
    struct json_object *config; /* WriterConfig as written, or NULL */
};

struct state {
    const char *name;
    enum state_type type;
    bool jsonata;   /* the state's query language */
    uint32_t index; /* in machine->states: dense over all scopes */
    const struct scope *scope;
    struct state *next; /* NULL: End (or a Choice, Succeed, Fail) */

    /* data flow: fields a state does not have are PATH_WHOLE or NULL */
    struct path_field input_path, result_path, output_path;
    struct template *arguments; /* Parameters (JSONPath) or Arguments (JSONata); of a Map: NULL, see item_selector */
    struct template *result_selector;
    struct template *output;    /* Output (JSONata) */
    struct template *assign;    /* Assign */
    struct json_object *result; /* Pass: Result */
    bool has_result;

    struct retrier *retry;
    size_t retry_count;
    struct catcher *catch;
    size_t catch_count;

    /* Task */
    struct resource resource;
    struct number_field timeout_seconds, heartbeat_seconds;
    struct template *credentials;

    /* Wait: exactly one is set */
    struct number_field seconds;
    struct text_field timestamp;

    /* Choice */
    struct choice_rule *choices;
    size_t choice_count;
    struct state *default_state; /* NULL: none */

    /* Fail */
    struct text_field error, cause;

    /* Parallel: branches; Map: scopes[0] is the item processor */
    struct scope **scopes;
    size_t scope_count;

    /* Map */
    bool distributed;
    bool express_children;  /* ProcessorConfig.ExecutionType */
    const char *label;      /* distributed: given or generated */
    struct template *items; /* JSONata Items; NULL: the state input */
    struct path_field items_path;
    struct template *item_selector; /* ItemSelector or the older Parameters */
    struct number_field max_concurrency;
    struct number_field tolerated_failure_count, tolerated_failure_percentage;
    struct item_reader *item_reader;
    struct item_batcher *item_batcher;
    struct result_writer *result_writer;

    struct json_object *source; /* the state as it was written; borrowed from the machine */
};

struct machine {
    struct arena *arena;
    unsigned references; /* definition_ref(), definition_unref() */
    const struct scope *scope;
    struct state **states; /* all of them, by index */
    uint32_t state_count;
    bool jsonata;
    bool extended;              /* uses what the language got in November 2024: JSONata or variables */
    int64_t timeout_seconds;    /* 0: none */
    struct json_object *source; /* the whole definition as parsed */
};

#endif
