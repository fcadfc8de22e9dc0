/* Lines a handler may write: what is found lies inside the line, and what is complete JSON is found as JSON. */
#include "asl/base/json.h"
#include "runtime/task/answer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_slice(struct slice slice, const char *line, size_t bytes)
{
    if (slice.text && (slice.text < line || slice.text + slice.bytes > line + bytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *line = (const char *)data;
    AUTO_JSON struct json_object *whole = NULL, *part = NULL;
    struct json_object *result;
    struct answer answer;
    bool complete = answer_parse(line, bytes, &answer);
    check_slice(answer.id, line, bytes);
    check_slice(answer.result, line, bytes);
    check_slice(answer.error, line, bytes);
    if (complete && json_parse(line, bytes, &whole, NULL) == 0 && answer.result.text) {
        if (json_parse(answer.result.text, answer.result.bytes, &part, NULL) != 0)
            abort();
        bool escaped = memchr(line, '\\', bytes) != NULL; /* perhaps in a name: "r\u0065sult" is not looked for */
        if (!escaped && json_member(whole, "result", &result) && !json_same(part, result))
            abort();
    }
    return 0;
}
