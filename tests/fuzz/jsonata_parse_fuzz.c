/*
 * jsonata_parse_fuzz - JSONata expressions from any bytes, in both dialects.
 *
 * What does not compile has a message; what does can be checked for Step Functions.
 */
#include "asl/jsonata/jsonata.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void take_message(void *context, const char *message, int position)
{
    (void)context;
    assert(message[0] != '\0' && position >= 0);
}

static void take_name(void *context, const char *name)
{
    (void)context;
    assert(name != NULL);
}

static void compile(const char *text, size_t bytes, enum jsonata_dialect dialect)
{
    struct jsonata *expression;
    struct jsonata_error error;
    if (jsonata_compile(text, bytes, dialect, &expression, &error) != 0) {
        assert(error.message && error.message[0]);
        jsonata_error_release(&error);
        return;
    }
    jsonata_check_states(expression, (struct jsonata_states_scope){false, false}, take_message, NULL);
    jsonata_free_variables(expression, take_name, NULL);
    jsonata_free(expression);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    compile((const char *)data, bytes, JSONATA_STANDARD);
    compile((const char *)data, bytes, JSONATA_STATES);
    return 0;
}
