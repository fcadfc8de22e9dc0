/*
 * sqlite_watch.c - whether anybody writes to the database, told by the kernel instead of asked for.
 *
 * Every commit, whichever process makes it, first appends to the log PATH-wal, and that wakes who watches the file. The
 * commit can be seen only some moments later, when the log is on disk: so a wake says that it is worth looking now
 * and for a while. Our own commits wake us too.
 */
#include "config.h"

#include "runtime/store/sqlite_priv.h"

#include "asl/base/mem.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Where the kernel has no watch left, one has to poll. */
void sqlite_watch_begin(struct sqlite_store *store)
{
    char *path = mem_printf("%s-wal", store->path);

    store->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (store->watch_fd >= 0 && inotify_add_watch(store->watch_fd, path, IN_MODIFY) < 0)
        sqlite_watch_end(store);
    free(path);
}

void sqlite_watch_end(struct sqlite_store *store)
{
    if (store->watch_fd >= 0)
        close(store->watch_fd);
    store->watch_fd = -1;
}

int sqlite_notify_fd(struct store *base)
{
    return ((struct sqlite_store *)base)->watch_fd;
}

bool sqlite_watch_take(struct sqlite_store *store)
{
    char events[4096];
    bool some = false;

    while (store->watch_fd >= 0 && read(store->watch_fd, events, sizeof(events)) > 0)
        some = true;
    return some;
}
