#include "runtime/executor/history_marks.h"

#include "asl/base/mem.h"
#include "runtime/execution/history_view.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY_MARKS_MAX = 256, HISTORY_MARKS_BYTES = 16 << 20, STAY_EVERY = 512 };

struct mark {
    struct history_place place;
    struct history_view *view;
    size_t bytes;
};

struct history_marks {
    struct mark list[HISTORY_MARKS_MAX]; /* the ones used longest ago first */
    size_t count, bytes;
};

struct history_marks *history_marks_new(void)
{
    return NEW(struct history_marks);
}

/* Takes a mark out of the list; its view is the caller's. */
static struct mark take_out(struct history_marks *marks, size_t index)
{
    struct mark mark = marks->list[index];
    marks->count--;
    marks->bytes -= mark.bytes;
    memmove(&marks->list[index], &marks->list[index + 1], (marks->count - index) * sizeof mark);
    return mark;
}

static void add_last(struct history_marks *marks, const struct mark *mark)
{
    marks->list[marks->count++] = *mark;
    marks->bytes += mark->bytes;
}

void history_marks_free(struct history_marks *marks)
{
    if (marks == NULL)
        return;
    for (size_t i = 0; i < marks->count; i++)
        history_view_free(marks->list[i].view);
    free(marks);
}

bool history_marks_stays(int64_t id)
{
    return id > 0 && id % STAY_EVERY == 0;
}

static bool is_of(const struct mark *mark, const struct history_place *place)
{
    return mark->place.execution == place->execution && mark->place.shard == place->shard;
}

struct history_view *history_marks_take(struct history_marks *marks, struct history_place *place)
{
    size_t best = marks->count;
    for (size_t i = 0; i < marks->count; i++) {
        const struct mark *mark = &marks->list[i];
        if (is_of(mark, place) && mark->place.id <= place->id &&
            (best == marks->count || mark->place.id > marks->list[best].place.id))
            best = i;
    }
    if (best == marks->count) {
        place->id = 0;
        place->end = 0;
        return NULL;
    }
    struct mark mark = take_out(marks, best);
    *place = mark.place;
    if (!history_marks_stays(mark.place.id))
        return mark.view;
    add_last(marks, &mark);
    return history_view_copy(mark.view);
}

bool history_marks_has(struct history_marks *marks, const struct history_place *place)
{
    for (size_t i = 0; i < marks->count; i++)
        if (is_of(&marks->list[i], place) && marks->list[i].place.id == place->id)
            return true;
    return false;
}

void history_marks_put(struct history_marks *marks, const struct history_place *place, struct history_view *view)
{
    struct mark mark = {.place = *place, .view = view, .bytes = history_view_bytes(view)};
    if (place->id == 0 || mark.bytes > HISTORY_MARKS_BYTES / 2 || history_marks_has(marks, place)) {
        history_view_free(view);
        return;
    }
    while (marks->count == HISTORY_MARKS_MAX || marks->bytes + mark.bytes > HISTORY_MARKS_BYTES)
        history_view_free(take_out(marks, 0).view);
    add_last(marks, &mark);
}
