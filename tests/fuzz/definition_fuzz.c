/* Definitions in JSON and YAML: compiled, located and described, whatever they hold. */
#include "asl/definition/definition.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The first byte chooses the options, the rest is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    struct definition_options options = {
        .express = data[0] & 1,
        .allow_placeholders = data[0] & 2,
        .single_state = data[0] & 4,
    };
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct machine *machine = NULL;
    const char *text = (const char *)data + 1;
    int code = definition_compile(text, bytes - 1, options, &machine, &diagnostics);
    if ((code == 0) != (diagnostics.error_count == 0) || (code == 0) != (machine != NULL))
        abort();
    definition_locate(text, bytes - 1, &diagnostics);
    free(diagnostics_aws_text(&diagnostics));
    json_object_put(diagnostics_answer(&diagnostics, true, 0));
    for (size_t i = 0; i < diagnostics.count; i++)
        free(diagnostic_pointer(&diagnostics.list[i]));
    if (machine)
        json_object_put(definition_variable_references(machine));
    definition_unref(machine);
    diagnostics_release(&diagnostics);
    return 0;
}
