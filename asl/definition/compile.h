/*
 * compile.h - the inside of the compiler of definitions; only asl/definition/ includes this.
 *
 * One walk over the JSON tree checks and builds. compile_object() goes through the members of one
 * object: fields.def says which of them the object may have, of what kind they are and where in the
 * graph they go; the kind's function compile_<kind>() does the rest. rules.def holds the rules about
 * several fields of an object. What is about the machine as a whole (targets, reachability,
 * variables) comes after the walk.
 *
 *   compile.c   the walk; machine, blocks and states        kinds.c     the simple kinds
 *   catch.c     Retry and Catch                             map.c       what belongs to a Map
 *   flow.c      targets, reachability, terminal states      variables.c scopes of variables
 */
#ifndef ASL_DEFINITION_COMPILE_H
#define ASL_DEFINITION_COMPILE_H

#include "asl/base/json.h"
#include "asl/definition/definition.h"
#include "asl/definition/schema.h"

#include <stdint.h>

/* The objects of the language, one bit each; a state's bit is 1 << its type. */
enum context {
    TASK = 1 << STATE_TASK,
    PASS = 1 << STATE_PASS,
    CHOICE = 1 << STATE_CHOICE,
    WAIT = 1 << STATE_WAIT,
    SUCCEED = 1 << STATE_SUCCEED,
    FAIL = 1 << STATE_FAIL,
    PARALLEL = 1 << STATE_PARALLEL,
    MAP = 1 << STATE_MAP,
    MACHINE = 1 << 8,
    BRANCH = 1 << 9,
    PROCESSOR = 1 << 10,
    PROCESSOR_CONFIG = 1 << 11,
    RETRIER = 1 << 12,
    CATCHER = 1 << 13,
    READER = 1 << 14,
    READER_CONFIG = 1 << 15,
    BATCHER = 1 << 16,
    WRITER = 1 << 17,
    WRITER_CONFIG = 1 << 18,

    STATE = TASK | PASS | CHOICE | WAIT | SUCCEED | FAIL | PARALLEL | MAP,
    WORK = TASK | PARALLEL | MAP, /* has a result, and may fail */
    ONWARD = WORK | PASS | WAIT,  /* has Next or End */
    BLOCK = MACHINE | BRANCH | PROCESSOR,
};

enum language { BOTH, JSONPATH, JSONATA };

struct compiler;

struct field {
    const char *name;
    unsigned contexts;
    enum language language;
    /* Checks the value and puts it at `target`: the field's place, or the struct of its object. */
    void (*compile)(struct compiler *c, const struct field *field, struct json_object *value, void *target);
    size_t offset; /* NOWHERE: it has no place of its own */
    double min, max;
    const char *texts; /* "A, B, C": of ONE_OF_TEXTS */
};

#define NOWHERE SIZE_MAX

struct compiler {
    struct arena *arena;
    struct definition_options options;
    struct diagnostics *diagnostics;
    struct diagnostics transitions; /* of the second pass: AWS reports them after the others */
    struct buf location;            /* of the value at hand */
    struct machine *machine;
    size_t state_capacity;
    unsigned depth; /* blocks inside one another */

    struct state *state; /* the one at hand */
    size_t state_bytes;  /* of the location, up to the state */
    bool in_catcher;
    bool unknown_ends;    /* some state's way on is not known: say nothing of missing ends */
    bool unknown_targets; /* a placeholder is a target: say nothing of unreachable states */

    struct json_object *names;  /* state name → location of its first use */
    struct json_object *labels; /* the same for labels of distributed Maps */
};

/* compile.c */
void compile_machine(struct compiler *c);
void compile_object(struct compiler *c, enum context context, struct json_object *object, void *base);
/* The block (States and StartAt) that is the value at hand; NULL where it could not be built. */
struct scope *compile_block(struct compiler *c, enum context context, struct json_object *object,
                            const struct state *owner, const struct scope *outer);

/* Moves the location into a member or an element; back with place_leave(). */
size_t place_member(struct compiler *c, const char *name);
size_t place_index(struct compiler *c, size_t index);
void place_leave(struct compiler *c, size_t mark);
/* The location relative to the state at hand: "Catch[1]/Output". */
const char *place_field(const struct compiler *c);

/* How many characters a UTF-8 text has. */
size_t count_chars(const char *text);

/* An error at the place at hand. */
#define fault(c, code, ...)                                                                                            \
    diagnostics_add((c)->diagnostics, DIAGNOSTIC_ERROR, (code), buf_text(&(c)->location), __VA_ARGS__)

/*
 * True where the value is, or holds, what a deployment tool fills in (`${Name}`, {"Ref": ...}) and
 * that is allowed: a warning was given, the value is not to be checked.
 */
bool placeholder(struct compiler *c, struct json_object *value);
bool has_placeholder(const struct compiler *c, const char *text);

/* kinds.c: the value as the type it should have, or false with the fault reported. */
bool expect_type(struct compiler *c, struct json_object *value, enum json_type type);
/* Whether a text is one of a list ("A, B, C"); reports a fault where it is not. */
bool expect_enum(struct compiler *c, struct json_object *value, const char *list, const char **ret_text);
struct template *compile_value(struct compiler *c, struct json_object *value);

/* The kinds, each declared as often as the table names it. */
#define FIELD(contexts, name, language, kind, place, min, max)                                                         \
    void compile_##kind(struct compiler *c, const struct field *field, struct json_object *value, void *target);
#define ONE_OF_TEXTS(contexts, name, texts)                                                                            \
    void compile_one_of(struct compiler *c, const struct field *field, struct json_object *value, void *target);
#include "asl/definition/fields.def"
#undef FIELD
#undef ONE_OF_TEXTS

/* map.c: what can be said of a Map only when all its fields have been seen. */
void map_finish(struct compiler *c, struct state *state);

/* flow.c: the state of this name in the block of the state at hand; NULL with the fault reported. */
struct state *flow_target(struct compiler *c, const char *name, const char *location);
/* Sets where a block starts, and reports what cannot be reached; top: the machine's own block. */
void flow_check(struct compiler *c, struct scope *scope, struct json_object *block, bool top);
void flow_check_ends(struct compiler *c);
/* Calls back for each way out of a state, with the Assign that is carried out on it (NULL: none). */
typedef void flow_visit(void *context, const struct state *to, struct json_object *assign);
void flow_each_way(const struct state *state, flow_visit *visit, void *context);

/* variables.c */
void variables_check(struct compiler *c);

/* warnings.c: paths and calls that nothing evaluates, in a template, in a Pass state's Result, in Error or Cause. */
void warn_template(struct compiler *c, struct json_object *value);
void warn_result(struct compiler *c, struct json_object *value);
void warn_text(struct compiler *c, struct json_object *value);

/* fields.c */
const struct field *field_find(enum context context, const char *name);
/* The known name of this kind of object that is nearest, or NULL. */
const char *field_suggest(enum context context, const char *name, bool jsonata);

#endif
