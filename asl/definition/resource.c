#include "asl/definition/resource.h"

#include "asl/base/arena.h"

#include <stddef.h>
#include <string.h>

/* The parts of an ARN; the last one keeps its colons. */
struct arn {
    const char *service, *region, *account, *rest;
    size_t service_bytes, region_bytes, account_bytes;
};

/* arn = "arn:aws" ["-" partition] ":" service ":" region ":" account ":" rest */
static bool arn_split(const char *text, struct arn *ret_arn)
{
    if (strncmp(text, "arn:aws", 7) != 0 || (text[7] != ':' && text[7] != '-'))
        return false;
    const char *fields[4];
    const char *at = strchr(text + 4, ':');
    for (int i = 0; i < 4; i++) {
        if (at == NULL)
            return false;
        fields[i] = at + 1;
        at = strchr(at + 1, ':');
    }
    *ret_arn = (struct arn){
        .service = fields[0],
        .region = fields[1],
        .account = fields[2],
        .rest = fields[3],
        .service_bytes = (size_t)(fields[1] - fields[0]) - 1,
        .region_bytes = (size_t)(fields[2] - fields[1]) - 1,
        .account_bytes = (size_t)(fields[3] - fields[2]) - 1,
    };
    return true;
}

static bool is_service(const struct arn *arn, const char *service)
{
    return arn->service_bytes == strlen(service) && strncmp(arn->service, service, arn->service_bytes) == 0;
}

/* Length of the run of letters, digits, `-` and `_`. */
static size_t name_bytes(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
}

/* function = "function:" name [":" ("$LATEST" | version | alias)] */
static bool parse_function(struct arena *arena, const struct arn *arn, struct resource *resource)
{
    if (strncmp(arn->rest, "function:", 9) != 0)
        return false;
    const char *name = arn->rest + 9;
    size_t bytes = name_bytes(name);
    const char *qualifier = name + bytes;
    if (bytes == 0)
        return false;
    if (*qualifier == ':') {
        qualifier++;
        size_t qualifier_bytes = strcmp(qualifier, "$LATEST") == 0 ? 7 : name_bytes(qualifier);
        if (qualifier_bytes == 0 || qualifier[qualifier_bytes] != '\0')
            return false;
    } else if (*qualifier != '\0') {
        return false;
    }
    resource->kind = RESOURCE_FUNCTION;
    resource->name = arena_strndup(arena, name, bytes);
    resource->service = "lambda";
    resource->action = resource->operation = "invoke";
    return true;
}

static bool parse_activity(struct arena *arena, const struct arn *arn, struct resource *resource)
{
    const char *name = arn->rest + strlen("activity:");
    if (*name == '\0' || strchr(name, ':') || arn->region_bytes == 0 || arn->account_bytes == 0)
        return false;
    resource->kind = RESOURCE_ACTIVITY;
    resource->name = arena_strdup(arena, name);
    resource->service = "activity";
    resource->action = resource->operation = resource->name;
    return true;
}

static const struct {
    const char *suffix;
    enum resource_pattern pattern;
} patterns[] = {
    {".sync", PATTERN_SYNC},
    {".sync:2", PATTERN_SYNC_2},
    {".waitForTaskToken", PATTERN_CALLBACK},
};

/* service = ["aws-sdk:"] name ":" action [".sync" | ".sync:2" | ".waitForTaskToken"] */
static bool parse_integration(struct arena *arena, const struct arn *arn, struct resource *resource)
{
    const char *name = arn->rest;
    bool sdk = strncmp(name, "aws-sdk:", 8) == 0;
    if (sdk)
        name += 8;
    const char *colon = strchr(name, ':');
    if (colon == NULL || colon == name || name_bytes(name) != (size_t)(colon - name))
        return false;
    const char *action = colon + 1;
    size_t operation_bytes = name_bytes(action);
    const char *suffix = action + operation_bytes;
    if (operation_bytes == 0)
        return false;
    resource->pattern = PATTERN_REQUEST_RESPONSE;
    if (*suffix != '\0') {
        size_t i = 0;
        while (i < sizeof patterns / sizeof *patterns && strcmp(suffix, patterns[i].suffix) != 0)
            i++;
        if (i == sizeof patterns / sizeof *patterns)
            return false;
        resource->pattern = patterns[i].pattern;
    }
    if (sdk && (resource->pattern == PATTERN_SYNC || resource->pattern == PATTERN_SYNC_2))
        return false;
    resource->kind = RESOURCE_SERVICE;
    resource->service = arena_strndup(arena, arn->rest, (size_t)(colon - arn->rest));
    resource->action = arena_strdup(arena, action);
    resource->operation = arena_strndup(arena, action, operation_bytes);
    return true;
}

bool resource_parse(struct arena *arena, const char *text, struct resource *ret_resource)
{
    struct arn arn;
    struct resource resource = {.pattern = PATTERN_REQUEST_RESPONSE};
    bool known = false;
    if (!arn_split(text, &arn))
        return false;
    if (is_service(&arn, "lambda"))
        known = parse_function(arena, &arn, &resource);
    else if (is_service(&arn, "states") && strncmp(arn.rest, "activity:", 9) == 0)
        known = parse_activity(arena, &arn, &resource);
    else if (is_service(&arn, "states"))
        known = parse_integration(arena, &arn, &resource);
    if (!known)
        return false;
    resource.text = arena_strdup(arena, text);
    *ret_resource = resource;
    return true;
}
