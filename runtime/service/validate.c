/* validate.c - ValidateStateMachineDefinition (reference/api.md section 8). */
#include "asl/definition/definition.h"
#include "runtime/service/service_priv.h"

#include <string.h>

void validate_definition(struct service_call *call)
{
    const char *text = call_text(call, "definition");
    const char *type = call_text(call, "type");
    const char *severity = call_text(call, "severity");
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    definition_compile(text, strlen(text), (struct definition_options){.express = type && strcmp(type, "EXPRESS") == 0},
                       NULL, &diagnostics);
    bool with_warnings = severity && strcmp(severity, "WARNING") == 0;
    struct json_object *output =
        diagnostics_answer(&diagnostics, with_warnings, (size_t)call_int(call, "maxResults", 0));
    diagnostics_release(&diagnostics);
    call_succeed(call, output);
}
