#include "asl/definition/resource.h"

#include "asl/base/mem.h"
#include "asl/base/suggest.h"

#include <stdlib.h>
#include <string.h>

enum {
    REQUEST = 1 << PATTERN_REQUEST_RESPONSE,
    SYNC = 1 << PATTERN_SYNC,
    SYNC_2 = 1 << PATTERN_SYNC_2,
    CALLBACK = 1 << PATTERN_CALLBACK,
};

static const struct {
    const char *name; /* "sqs:sendMessage" */
    unsigned patterns;
} integrations[] = {
#define INTEGRATION(service, operation, patterns) {service ":" operation, patterns},
#include "asl/definition/integrations.def"
#undef INTEGRATION
};

enum { INTEGRATION_COUNT = sizeof integrations / sizeof *integrations };

static char *name_of(const struct resource *resource)
{
    return mem_printf("%s:%s", resource->service, resource->operation);
}

bool resource_is_known(const struct resource *resource)
{
    bool known = false;
    if (resource->kind != RESOURCE_SERVICE || strncmp(resource->service, "aws-sdk:", 8) == 0)
        return true;
    char *name = name_of(resource);
    for (size_t i = 0; i < INTEGRATION_COUNT && !known; i++)
        known = strcmp(name, integrations[i].name) == 0 && integrations[i].patterns & 1u << resource->pattern;
    free(name);
    return known;
}

const char *resource_suggest(const struct resource *resource)
{
    char *name = name_of(resource);
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; i < INTEGRATION_COUNT; i++)
        suggest_offer(&suggest, integrations[i].name);
    free(name);
    return suggest.distance > 0 ? suggest.best : NULL;
}
