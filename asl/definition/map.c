/* What belongs to Parallel and Map: branches, the item processor, readers, batchers and writers. */
#include "asl/definition/compile.h"
#include "asl/definition/label.h"

#include "asl/base/arena.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"
#include "asl/dataflow/template.h"

#include <stdlib.h>
#include <string.h>

void compile_branches(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct state *state = target;
    if (!expect_type(c, value, json_type_array))
        return;
    size_t count = json_object_array_length(value);
    if (count == 0)
        fault(c, SCHEMA, "Value cannot be empty");
    state->scopes = ARENA_ARRAY(c->arena, struct scope *, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct json_object *branch = json_object_array_get_idx(value, i);
        size_t mark = place_index(c, i);
        if (!placeholder(c, branch) && expect_type(c, branch, json_type_object))
            state->scopes[state->scope_count++] = compile_block(c, BRANCH, branch, state, state->scope);
        place_leave(c, mark);
    }
}

void compile_processor(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct state *state = target;
    if (!expect_type(c, value, json_type_object))
        return;
    state->scopes = ARENA_ARRAY(c->arena, struct scope *, 1);
    state->scopes[0] = compile_block(c, PROCESSOR, value, state, state->scope);
    state->scope_count = 1;
}

/* A member that another one rules out. */
static void refuse_member(struct compiler *c, struct json_object *object, const char *name)
{
    struct json_object *value;
    if (json_member(object, name, &value))
        schema_unsupported(c->diagnostics, buf_text(&c->location), name, value, NULL);
}

void compile_processor_config(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field, (void)target;
    if (!expect_type(c, value, json_type_object))
        return;
    compile_object(c, PROCESSOR_CONFIG, value, NULL);
    const char *mode = json_member_text(value, "Mode");
    const char *type = json_member_text(value, "ExecutionType");
    bool distributed = mode && strcmp(mode, "DISTRIBUTED") == 0;
    if (distributed && type == NULL)
        fault(c, SCHEMA, "These fields are required: [ExecutionType]");
    if (distributed && c->options.express) {
        size_t mark = place_member(c, "Mode");
        fault(c, SCHEMA, "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines");
        place_leave(c, mark);
    }
    if (mode && strcmp(mode, "INLINE") == 0)
        refuse_member(c, value, "ExecutionType");
}

static struct diagnostic *fault_label(struct compiler *c, const char *label)
{
    if (count_chars(label) > LIMIT_LABEL_CHARS)
        return fault(c, "INVALID_LABEL_NAME",
                     "Invalid Label name: Label '%s' exceeds the %d-character limit allowed by the service", label,
                     LIMIT_LABEL_CHARS);
    return fault(c, "INVALID_LABEL_NAME", "Label name is invalid");
}

void compile_label(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct json_object *first;
    if (!expect_type(c, value, json_type_string))
        return;
    const char *label = json_object_get_string(value);
    char *why = label_fault(label, (size_t)json_object_get_string_len(value));
    if (why) {
        struct diagnostic *diagnostic = diagnostic_found(fault_label(c, label), value);
        diagnostic->expected = mem_printf("1 to %d characters without blanks, brackets, wildcards and special "
                                          "characters",
                                          LIMIT_LABEL_CHARS);
        diagnostic->exception = label_exception(why);
        free(why);
    } else if (json_member(c->labels, label, &first)) {
        struct diagnostic *diagnostic = fault(c, "DUPLICATE_LABEL_NAME", "Duplicate Label name: %s", label);
        diagnostic->found = mem_printf("the same label at %s", json_object_get_string(first));
    } else {
        json_add_text(c->labels, label, buf_text(&c->location));
        *(const char **)target = arena_strdup(c->arena, label);
    }
}

/* The Resource of a reader or writer: S3's operations that read and that write. */
void compile_map_resource(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    static const char *const reading[] = {":states:::s3:getObject", ":states:::s3:listObjectsV2", NULL};
    static const char *const writing[] = {":states:::s3:putObject", NULL};
    if (!expect_type(c, value, json_type_string))
        return;
    const char *text = json_object_get_string(value);
    const char *operation = strncmp(text, "arn:aws", 7) == 0 ? strchr(text + 4, ':') : NULL;
    const char *const *allowed = field->contexts == READER ? reading : writing;
    while (operation && *allowed && strcmp(operation, *allowed) != 0)
        allowed++;
    if (operation == NULL || *allowed == NULL) {
        struct diagnostic *diagnostic =
            diagnostic_found(fault(c, SCHEMA, "The field 'Resource' does not match any of the allowed values"), value);
        diagnostic->expected =
            mem_strdup(field->contexts == READER ? "arn:aws:states:::s3:getObject or arn:aws:states:::s3:listObjectsV2"
                                                 : "arn:aws:states:::s3:putObject");
    } else if (field->contexts == READER) {
        compile_resource(c, field, value, target);
    } else {
        ((struct result_writer *)target)->exports = true;
    }
}

void compile_item_reader(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    if (!expect_type(c, value, json_type_object))
        return;
    struct item_reader *reader = ARENA_NEW(c->arena, struct item_reader);
    *(struct item_reader **)target = reader;
    compile_object(c, READER, value, reader);
}

/* Fields that AWS refuses beside an InputType. What else does not fit is passed over, as it does. */
static const struct {
    const char *input_type;
    const char *field;
} reader_misfits[] = {
    {"JSON", "CSVHeaderLocation"},  {"JSON", "CSVHeaders"},  {"JSON", "CSVDelimiter"},  {"JSON", "ManifestType"},
    {"JSONL", "CSVHeaderLocation"}, {"JSONL", "CSVHeaders"}, {"JSONL", "CSVDelimiter"},
};

/* What the fields of a ReaderConfig ask of each other. */
static void check_reader_config(struct compiler *c, struct json_object *config)
{
    struct json_object *given;
    const char *type = json_member_text(config, "InputType");
    const char *headers = json_member_text(config, "CSVHeaderLocation");
    const char *transformation = json_member_text(config, "Transformation");
    const char *pointer = json_member_text(config, "ItemsPointer");
    for (size_t i = 0; type && i < sizeof reader_misfits / sizeof *reader_misfits; i++) {
        if (strcmp(type, reader_misfits[i].input_type) == 0)
            refuse_member(c, config, reader_misfits[i].field);
    }
    /* the objects of a manifest need not have headers: AWS's guide has one of Athena without */
    if (type && strcmp(type, "CSV") == 0 && !json_member(config, "CSVHeaderLocation", &given) &&
        !json_member(config, "ManifestType", &given))
        fault(c, SCHEMA, "The field 'CSVHeaderLocation' is required but was missing");
    if (headers && strcmp(headers, "GIVEN") == 0 && !json_member(config, "CSVHeaders", &given))
        fault(c, SCHEMA, "These fields are required: [CSVHeaders]");
    if (transformation && strcmp(transformation, "LOAD_AND_FLATTEN") == 0 && !json_member(config, "InputType", &given))
        fault(c, SCHEMA, "The field 'InputType' is required but was missing");
    if (pointer && pointer[0] != '\0' && pointer[0] != '/' && !has_placeholder(c, pointer)) {
        size_t mark = place_member(c, "ItemsPointer");
        fault(c, SCHEMA, "Invalid input: JSON Pointer expression must start with '/': \"%s\"", pointer);
        place_leave(c, mark);
    }
}

/* The numbers of a ReaderConfig are the reader's. */
void compile_reader_config(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct item_reader *reader = target;
    if (!expect_type(c, value, json_type_object))
        return;
    reader->config = value;
    compile_object(c, READER_CONFIG, value, reader);
    check_reader_config(c, value);
}

void compile_csv_headers(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field, (void)target;
    if (c->state->jsonata && template_is_jsonata(value)) {
        compile_value(c, value);
        return;
    }
    if (!expect_type(c, value, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        size_t mark = place_index(c, i);
        expect_type(c, json_object_array_get_idx(value, i), json_type_string);
        place_leave(c, mark);
    }
}

void compile_item_batcher(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    if (!expect_type(c, value, json_type_object))
        return;
    struct item_batcher *batcher = ARENA_NEW(c->arena, struct item_batcher);
    *(struct item_batcher **)target = batcher;
    compile_object(c, BATCHER, value, batcher);
    if (batcher->max_items_per_batch.name == NULL && batcher->max_input_bytes_per_batch.name == NULL &&
        !c->options.allow_placeholders)
        fault(c, SCHEMA,
              "This object should have at least one of the following fields: [MaxItemsPerBatch, "
              "MaxInputBytesPerBatch]");
}

void compile_result_writer(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    struct json_object *given;
    if (!expect_type(c, value, json_type_object))
        return;
    struct result_writer *writer = ARENA_NEW(c->arena, struct result_writer);
    *(struct result_writer **)target = writer;
    compile_object(c, WRITER, value, writer);
    if (json_object_object_length(value) == 0)
        fault(c, SCHEMA, "Value cannot be empty");
    if (writer->exports && !json_member(value, "Parameters", &given) && !json_member(value, "Arguments", &given))
        fault(c, SCHEMA, "These fields are required: [%s]", c->state->jsonata ? "Arguments" : "Parameters");
}

void compile_writer_config(struct compiler *c, const struct field *field, struct json_object *value, void *target)
{
    (void)field;
    if (!expect_type(c, value, json_type_object))
        return;
    *(struct json_object **)target = value;
    compile_object(c, WRITER_CONFIG, value, NULL);
}

static const char *const distributed_fields[] = {
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
};

void map_finish(struct compiler *c, struct state *state)
{
    struct json_object *processor = NULL, *config = NULL, *given;
    if (!json_member(state->source, "ItemProcessor", &processor))
        json_member(state->source, "Iterator", &processor);
    json_member(processor, "ProcessorConfig", &config);
    const char *mode = json_member_text(config, "Mode");
    const char *type = json_member_text(config, "ExecutionType");
    state->distributed = mode && strcmp(mode, "DISTRIBUTED") == 0;
    state->express_children = type && strcmp(type, "EXPRESS") == 0;
    if (state->distributed && state->label == NULL)
        state->label = arena_strdup(c->arena, state->name);
    for (size_t i = 0; !state->distributed && i < sizeof distributed_fields / sizeof *distributed_fields; i++) {
        if (!json_member(state->source, distributed_fields[i], &given))
            continue;
        struct diagnostic *diagnostic = fault(c, SCHEMA, "Field '%s' is not supported", distributed_fields[i]);
        diagnostic->place = mem_printf("%s/%s", buf_text(&c->location), distributed_fields[i]);
        diagnostic->expected = mem_strdup("a Map whose ProcessorConfig has the Mode DISTRIBUTED");
    }
}
