#include "runtime/execution/event.h"

#include "asl/base/json.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *details, *value;
} types[EVENT_TYPES] = {
#define EVENT(enumerator, type, details, value) {type, details, value},
#include "runtime/execution/events.def"
#undef EVENT
};

void event_release(struct event *event)
{
    json_object_put(event->value);
    json_object_put(event->assigned);
    json_object_put(event->details);
    *event = (struct event){0};
}

const char *event_type_name(enum event_type type)
{
    return types[type].name;
}

const char *event_details_name(enum event_type type)
{
    return types[type].details;
}

const char *event_value_name(enum event_type type)
{
    return types[type].value;
}

/* The names differ enough in length and last letters for a small hash without a table to build. */
static unsigned hash_name(const char *name)
{
    unsigned hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

enum event_type event_type_of(const char *name)
{
    enum { SLOTS = 256 };
    static const unsigned char empty = EVENT_TYPES;
    static unsigned char slots[SLOTS];
    static bool ready;
    if (!ready) {
        memset(slots, empty, sizeof slots);
        for (unsigned t = 0; t < EVENT_TYPES; t++) {
            unsigned at = hash_name(types[t].name) % SLOTS;
            while (slots[at] != empty)
                at = (at + 1) % SLOTS;
            slots[at] = (unsigned char)t;
        }
        ready = true;
    }
    for (unsigned at = hash_name(name) % SLOTS; slots[at] != empty; at = (at + 1) % SLOTS)
        if (strcmp(types[slots[at]].name, name) == 0)
            return (enum event_type)slots[at];
    return EVENT_TYPES;
}
