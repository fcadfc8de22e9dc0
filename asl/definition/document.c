#include "asl/definition/document.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/definition/diagnostic.h"

bool document_read(const char *text, size_t bytes, struct json_object **ret_value, struct diagnostics *diagnostics)
{
    struct err err;
    if (bytes == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, "SCHEMA_VALIDATION_FAILED", NULL,
                        "Definition must be a valid JSON object");
        return false;
    }
    if (json_parse(text, bytes, ret_value, &err) == 0)
        return true;
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, "INVALID_JSON_DESCRIPTION", NULL, "%s", err.message);
    return false;
}
