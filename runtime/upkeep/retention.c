/* retention.c - see retention.h. */
#include "config.h"

#include "runtime/upkeep/retention.h"

#include "asl/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct machine_time {
    char *name;
    int64_t keep_ms;
};

struct retention {
    int64_t default_ms;
    struct machine_time *machines;
    size_t count, capacity;
};

struct retention *retention_new(int64_t default_ms)
{
    struct retention *retention = NEW(struct retention);

    retention->default_ms = default_ms;
    return retention;
}

void retention_free(struct retention *retention)
{
    if (!retention)
        return;
    for (size_t i = 0; i < retention->count; i++)
        free(retention->machines[i].name);
    free(retention->machines);
    free(retention);
}

void retention_set_default(struct retention *retention, int64_t default_ms)
{
    retention->default_ms = default_ms;
}

void retention_add(struct retention *retention, const char *name, int64_t keep_ms)
{
    retention->machines =
        mem_grow(retention->machines, &retention->capacity, retention->count + 1, sizeof(*retention->machines));
    retention->machines[retention->count++] = (struct machine_time){mem_strdup(name), keep_ms};
}

const char *retention_machine_name(const char *machine_arn, size_t *ret_bytes)
{
    const char *colon = strrchr(machine_arn, ':');
    const char *name = colon ? colon + 1 : machine_arn;

    *ret_bytes = strcspn(name, "/");
    return name;
}

int64_t retention_of(const struct retention *retention, const char *machine_arn)
{
    size_t bytes;
    const char *name = retention_machine_name(machine_arn, &bytes);

    if (!retention)
        return RETENTION_FOREVER;
    for (size_t i = 0; i < retention->count; i++)
        if (!strncmp(retention->machines[i].name, name, bytes) && !retention->machines[i].name[bytes])
            return retention->machines[i].keep_ms;
    return retention->default_ms;
}

int64_t retention_shortest(const struct retention *retention)
{
    int64_t shortest = retention->default_ms;

    for (size_t i = 0; i < retention->count; i++)
        if (retention->machines[i].keep_ms < shortest)
            shortest = retention->machines[i].keep_ms;
    return shortest;
}

bool retention_is_over(const struct retention *retention, const char *machine_arn, int64_t stopped_ms, int64_t now_ms)
{
    int64_t keep_ms = retention_of(retention, machine_arn);

    return keep_ms != RETENTION_FOREVER && stopped_ms < now_ms - keep_ms;
}

bool retention_parse(const char *text, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    char *end;
    long long number;

    if (!strcmp(text, "forever")) {
        *ret_ms = RETENTION_FOREVER;
        return true;
    }
    errno = 0;
    number = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno || !*end || end[1] || number > 1000000000)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (*end != units[i].letter)
            continue;
        *ret_ms = number * units[i].ms;
        return true;
    }
    return false;
}
