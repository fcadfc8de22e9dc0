/*
 * sqlite_alive.c - whether the process that holds the leases of a database file still lives.
 *
 * Who holds a lease keeps a lock on the file PATH-owner as long as it lives. The kernel lets go of the lock when
 * the process dies, however it dies, so that a lease need not run out before somebody else goes on. The file
 * is never the database itself: closing any descriptor of that would drop SQLite's own locks.
 */
#include "config.h"

#include "runtime/store/sqlite_priv.h"

#include "asl/base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

bool sqlite_alive_begin(struct sqlite_store *store)
{
    if (store->alive_fd >= 0)
        return false;
    char *path = mem_printf("%s-owner", store->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return false;
    }
    store->alive_fd = fd;
    return true;
}

void sqlite_alive_end(struct sqlite_store *store)
{
    if (store->alive_fd >= 0)
        close(store->alive_fd);
    store->alive_fd = -1;
}
