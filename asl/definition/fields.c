#include "asl/definition/compile.h"

#include "asl/base/limits.h"
#include "asl/base/suggest.h"

#include <string.h>

#define AT(object, member) offsetof(struct object, member)
#define FIELD(contexts, name, language, kind, place, min, max)                                                         \
    {name, contexts, language, compile_##kind, place, min, max, NULL},
#define ONE_OF_TEXTS(contexts, name, texts) {name, contexts, BOTH, compile_one_of, NOWHERE, 0, 0, texts},

static const struct field fields[] = {
#include "asl/definition/fields.def"
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

const struct field *field_find(enum context context, const char *name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].contexts & context && strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

const char *field_suggest(enum context context, const char *name, bool jsonata)
{
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].contexts & context && fields[i].language != (jsonata ? JSONPATH : JSONATA))
            suggest_offer(&suggest, fields[i].name);
    return suggest.best;
}
