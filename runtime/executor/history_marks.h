/*
 * history_marks.h - places in histories from which reading can go on.
 *
 * A payload may stand in an event far before, so a history is read from its beginning. A mark is a view
 * (history_view.h) as it was after some event: a page that comes later starts there. They are kept for whoever
 * reads page after page, and forgotten when others need the room.
 *
 * Bounds    HISTORY_MARKS_MAX marks of HISTORY_MARKS_BYTES together; the ones used longest ago go first.
 * Promise   histories only grow, so a mark is never wrong; on another node than the writer's as well.
 * Thread    the loop's.
 */
#ifndef RUNTIME_EXECUTOR_HISTORY_MARKS_H
#define RUNTIME_EXECUTOR_HISTORY_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_marks;
struct history_view;

/* After event `id` of an execution, whose stored form ends at `end` in its row. */
struct history_place {
    int shard;
    int64_t execution, id;
    size_t end;
};

struct history_marks *history_marks_new(void);
void history_marks_free(struct history_marks *marks);

/* Every so many events a mark stays where it is, for those who read backwards or come again. */
bool history_marks_stays(int64_t id);

/*
 * The view at the last mark of place->execution that is not after place->id: it is the caller's, and the place becomes
 * the mark's. NULL: there is none, and the place becomes the beginning. A mark that does not stay is taken away.
 */
struct history_view *history_marks_take(struct history_marks *marks, struct history_place *place);
/* Keeps the view, which is taken over, at the place. */
void history_marks_put(struct history_marks *marks, const struct history_place *place, struct history_view *view);
/* There is a mark at the place. */
bool history_marks_has(struct history_marks *marks, const struct history_place *place);

#endif
