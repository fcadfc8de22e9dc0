#include "config.h"

#include "runtime/executor/log_files.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { GATHER_MS = 50, COMPLAIN_S = 60 };

struct log_group {
    struct log_group *next;
    char *name, *path;  /* path NULL: standard output */
    struct buf waiting; /* under the lock */
    bool torn;          /* the last line in the file was cut by a full disk */
};

struct log_files {
    char *folder; /* NULL: standard output */
    void (*log)(void *context, int level, const char *message);
    void *log_context;
    pthread_t writer;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct log_group *groups; /* the list, `waiting_bytes`, `dropped` and `stop` are under the lock */
    size_t waiting_bytes;
    unsigned long long dropped; /* lines of a full queue that were not told of yet */
    bool stop;
    time_t complained_s; /* the writer's */
};

/* --- names ------------------------------------------------------------------------------------------------ */

/* The name inside the ARN. */
static char *group_name(const char *arn)
{
    static const char mark[] = ":log-group:";
    const char *at = strstr(arn, mark);
    const char *name = at ? at + sizeof mark - 1 : arn;

    return mem_strndup(name, at ? strcspn(name, ":") : strlen(name));
}

static char *group_path(const char *folder, const char *name)
{
    struct buf out = BUF_INIT;

    buf_printf(&out, "%s/", folder);
    for (const char *c = name; *c; c++) {
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("._-", *c))
            buf_add_char(&out, *c);
        else if (*c == '/')
            buf_add_char(&out, '+');
        else
            buf_printf(&out, "%%%02X", (unsigned char)*c);
    }
    buf_add_text(&out, ".jsonl");
    return buf_take(&out);
}

/* --- the writing thread ------------------------------------------------------------------------------------ */

/* At most once a minute: a full disk stays full for many lines. */
static void complain(struct log_files *files, const char *name, const char *why)
{
    time_t now_s = time(NULL);

    if (!files->log || (files->complained_s && now_s - files->complained_s < COMPLAIN_S))
        return;
    files->complained_s = now_s;
    char *message = mem_printf("lines of the log group %s are lost: %s", name, why);
    files->log(files->log_context, 2, message);
    free(message);
}

static bool write_all(int fd, const char *data, size_t bytes, size_t *ret_written)
{
    *ret_written = 0;
    while (*ret_written < bytes) {
        ssize_t some = write(fd, data + *ret_written, bytes - *ret_written);
        if (some < 0 && errno == EINTR)
            continue;
        if (some < 0)
            return false;
        *ret_written += (size_t)some;
    }
    return true;
}

static void turn_over(const struct log_group *group, int fd)
{
    struct stat status;

    if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size < LIMIT_LOG_FILE_BYTES)
        return;
    char *old = mem_printf("%s.1", group->path);
    rename(group->path, old); /* where that fails the file goes on growing, and is tried again */
    free(old);
}

static void write_group(struct log_files *files, struct log_group *group, const struct buf *lines)
{
    int fd = group->path ? open(group->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : STDOUT_FILENO;
    size_t written = 0;

    if (fd < 0) {
        complain(files, group->name, strerror(errno));
        return;
    }
    bool good =
        (!group->torn || write_all(fd, "\n", 1, &written)) && write_all(fd, lines->data, lines->bytes, &written);
    if (!good)
        complain(files, group->name, strerror(errno));
    group->torn = !good && (group->torn || (written > 0 && lines->data[written - 1] != '\n'));
    if (group->path) {
        turn_over(group, fd);
        close(fd);
    }
}

/* Takes one group's lines; false: none has any. Called with the lock held, which is free while it writes. */
static bool write_some(struct log_files *files)
{
    struct log_group *group = files->groups;

    while (group && !group->waiting.bytes)
        group = group->next;
    if (!group)
        return false;
    struct buf lines = group->waiting;
    group->waiting = (struct buf)BUF_INIT;
    files->waiting_bytes -= lines.bytes;
    unsigned long long dropped = files->dropped;
    files->dropped = 0;
    pthread_mutex_unlock(&files->lock);
    write_group(files, group, &lines);
    buf_release(&lines);
    if (dropped)
        complain(files, group->name, "the disk is too slow for them");
    pthread_mutex_lock(&files->lock);
    return true;
}

static void *write_lines(void *context)
{
    static const struct timespec gather = {.tv_nsec = GATHER_MS * 1000000L};
    struct log_files *files = context;

    pthread_mutex_lock(&files->lock);
    for (;;) {
        while (write_some(files))
            ;
        if (files->stop)
            break;
        pthread_cond_wait(&files->wanted, &files->lock);
        if (files->stop)
            continue;
        pthread_mutex_unlock(&files->lock);
        nanosleep(&gather, NULL); /* few lines come alone */
        pthread_mutex_lock(&files->lock);
    }
    pthread_mutex_unlock(&files->lock);
    return NULL;
}

/* --- the engine's side ----------------------------------------------------------------------------------------- */

int log_files_open(const char *where, void (*log)(void *context, int level, const char *message), void *log_context,
                   struct log_files **ret_files, struct err *err)
{
    bool to_stdout = !strcmp(where, "-");
    struct stat status;

    if (!to_stdout && mkdir(where, 0750) && errno != EEXIST) {
        err_set(err, ERR_IO, "could not make the folder of the logs: %s", strerror(errno));
        err_at(err, "%s", where);
        return ERR_IO;
    }
    if (!to_stdout && (stat(where, &status) || !S_ISDIR(status.st_mode) || access(where, W_OK))) {
        err_set(err, ERR_IO, "the logs need a folder that can be written to");
        err_at(err, "%s", where);
        return ERR_IO;
    }
    struct log_files *files = NEW(struct log_files);
    files->folder = to_stdout ? NULL : mem_strdup(where);
    files->log = log;
    files->log_context = log_context;
    pthread_mutex_init(&files->lock, NULL);
    pthread_cond_init(&files->wanted, NULL);
    *ret_files = files;
    return 0;
}

void log_files_close(struct log_files *files)
{
    if (!files)
        return;
    if (files->started) {
        pthread_mutex_lock(&files->lock);
        files->stop = true;
        pthread_cond_signal(&files->wanted);
        pthread_mutex_unlock(&files->lock);
        pthread_join(files->writer, NULL);
    }
    while (files->groups) {
        struct log_group *group = files->groups;
        files->groups = group->next;
        buf_release(&group->waiting);
        free(group->name);
        free(group->path);
        free(group);
    }
    pthread_cond_destroy(&files->wanted);
    pthread_mutex_destroy(&files->lock);
    free(files->folder);
    free(files);
}

struct log_group *log_files_group(struct log_files *files, const char *arn)
{
    char *name = group_name(arn);
    struct log_group *group;

    for (group = files->groups; group; group = group->next) {
        if (strcmp(group->name, name))
            continue;
        free(name);
        return group;
    }
    group = NEW(struct log_group);
    group->name = name;
    group->path = files->folder ? group_path(files->folder, name) : NULL;
    pthread_mutex_lock(&files->lock);
    group->next = files->groups;
    files->groups = group;
    pthread_mutex_unlock(&files->lock);
    return group;
}

void log_files_add(struct log_files *files, struct log_group *group, const char *lines, size_t bytes)
{
    pthread_mutex_lock(&files->lock);
    if (files->waiting_bytes + bytes > LIMIT_LOG_QUEUE_BYTES) {
        files->dropped++;
    } else {
        buf_add(&group->waiting, lines, bytes);
        files->waiting_bytes += bytes;
    }
    if (!files->started)
        files->started = !pthread_create(&files->writer, NULL, write_lines, files);
    pthread_cond_signal(&files->wanted);
    pthread_mutex_unlock(&files->lock);
}
