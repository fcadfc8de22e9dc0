#include "asl/jsonata/native.h"

#include <stdlib.h>
#include <string.h>

static const struct native natives[] = {
#define X(name, signature, arity, home) {#name, signature, arity, home, fn_##name},
#include "asl/jsonata/natives.def"
#undef X
};

static int compare_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct native *)row)->name);
}

const struct native *native_find(const char *name, enum jsonata_dialect dialect)
{
    const struct native *native =
        bsearch(name, natives, sizeof natives / sizeof *natives, sizeof *natives, compare_name);
    if (native == NULL || (native->home == NATIVE_STATES && dialect != JSONATA_STATES) ||
        (native->home == NATIVE_STANDARD && dialect != JSONATA_STANDARD))
        return NULL;
    return native;
}

bool native_is_eval(const struct native *native)
{
    return native->call == fn_eval;
}
