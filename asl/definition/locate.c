/* Where in the text each diagnostic is: the document is read once more, and its locations looked up. */
#include "asl/definition/definition.h"
#include "asl/definition/document.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A diagnostic that has no line yet, under the location that is looked for. */
struct wanted {
    char *location; /* shortened to what holds it, round by round */
    struct diagnostic *diagnostic;
};

struct search {
    struct wanted *list;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->location, ((const struct wanted *)b)->location);
}

/* The first entry that is not before the location. */
static size_t lower_bound(const struct search *search, const char *location)
{
    size_t low = 0, high = search->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(search->list[middle].location, location) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* People look at the name of a member that should not be there, or that holds much; else at the value. */
static void visit(void *context, const struct document_node *node)
{
    struct search *search = context;
    for (size_t i = lower_bound(search, node->location); i < search->count; i++) {
        struct diagnostic *diagnostic = search->list[i].diagnostic;
        if (strcmp(search->list[i].location, node->location) != 0)
            break;
        bool at_name = node->name.line && (diagnostic->place || !node->scalar);
        struct place place = at_name ? node->name : node->value;
        diagnostic->line = place.line;
        diagnostic->column = place.column;
    }
}

/* Cuts the last part off: "/States/A" of "/States/A/Next" or "/States/A[1]". False at the root. */
static bool shorten(char *location)
{
    size_t bytes = strlen(location);
    if (bytes <= 1)
        return false;
    while (bytes > 1 && location[bytes - 1] != '/' && location[bytes - 1] != '[')
        bytes--;
    location[bytes > 1 ? bytes - 1 : 1] = '\0';
    return true;
}

static void look(struct search *search, const char *text, size_t bytes)
{
    struct document_fault fault = {0};
    struct json_object *value = NULL;
    struct document_walk *walk = NEW(struct document_walk);
    walk->visit = visit;
    walk->context = search;
    qsort(search->list, search->count, sizeof *search->list, compare);
    document_read(text, bytes, &value, walk, &fault);
    document_walk_release(walk);
    free(walk);
    json_object_put(value);
    document_fault_release(&fault);
}

/* Drops what was found; shortens what was not. */
static void keep_missing(struct search *search)
{
    size_t kept = 0;
    for (size_t i = 0; i < search->count; i++) {
        struct wanted *wanted = &search->list[i];
        if (wanted->diagnostic->line == 0 && shorten(wanted->location))
            search->list[kept++] = *wanted;
        else
            free(wanted->location);
    }
    search->count = kept;
}

void definition_locate(const char *text, size_t bytes, struct diagnostics *diagnostics)
{
    enum { ROUNDS_MAX = 4 };
    struct search search = {.list = mem_zalloc((diagnostics->count + 1) * sizeof *search.list)};
    for (size_t i = 0; i < diagnostics->count; i++) {
        struct diagnostic *diagnostic = &diagnostics->list[i];
        const char *location = diagnostic->place ? diagnostic->place : diagnostic->location;
        if (diagnostic->line == 0)
            search.list[search.count++] = (struct wanted){mem_strdup(location ? location : "/"), diagnostic};
    }
    for (int round = 0; search.count && round < ROUNDS_MAX; round++) {
        look(&search, text, bytes);
        keep_missing(&search);
    }
    for (size_t i = 0; i < search.count; i++)
        free(search.list[i].location);
    free(search.list);
}
