#include "config.h"

#include "runtime/task/process.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOG_LINE_BYTES = 8192,   /* a longer line of stderr is cut into pieces */
    LOG_CHUNK_BYTES = 16384, /* read at once */
    LOG_DRAIN_CHUNKS = 64,   /* read at most after the end */
    LAST_WORDS_BYTES = 512
};

struct process {
    TAILQ_ENTRY(process) link;
    struct process_table *table;
    const char *name;
    process_exited_fn *exited; /* NULL once the owner has let go */
    void *owner;
    pid_t pid;
    int pidfd;
    int in, out, log;
    struct event *exit_event;
    struct event *log_event;
    struct buf line; /* of stderr, not ended yet */
    char last_words[LAST_WORDS_BYTES];
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- stderr ----------------------------------------------------------------------------------- */

static void end_line(struct process *process)
{
    struct buf *line = &process->line;
    while (line->bytes > 0 && line->data[line->bytes - 1] == '\r')
        line->data[--line->bytes] = '\0';
    if (line->bytes > 0) {
        size_t kept = line->bytes < LAST_WORDS_BYTES ? line->bytes : LAST_WORDS_BYTES - 1;
        memcpy(process->last_words, line->data, kept);
        process->last_words[kept] = '\0';
        process->table->log(process->table->context, process->name, line->data);
    }
    buf_clear(line);
}

static void add_log(struct process *process, const char *text, size_t bytes)
{
    while (bytes > 0) {
        const char *newline = memchr(text, '\n', bytes);
        size_t part = newline ? (size_t)(newline - text) : bytes;
        size_t room = LOG_LINE_BYTES - process->line.bytes;
        bool cut = part > room;
        if (cut)
            part = room;
        buf_add(&process->line, text, part);
        text += part;
        bytes -= part;
        if (newline && !cut) {
            text++;
            bytes--;
        }
        if (newline || cut)
            end_line(process);
    }
}

/* Whether there may be more. */
static bool read_log(struct process *process)
{
    char chunk[LOG_CHUNK_BYTES];
    ssize_t got = read(process->log, chunk, sizeof chunk);
    if (got > 0) {
        add_log(process, chunk, (size_t)got);
        return true;
    }
    return got < 0 && errno == EINTR;
}

static void on_log(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct process *process = context;
    if (!read_log(process) && errno != EAGAIN) {
        event_del(process->log_event);
        close_fd(&process->log);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(struct process *process)
{
    struct process_table *table = process->table;
    TAILQ_REMOVE(&table->processes, process, link);
    event_free(process->exit_event);
    event_free(process->log_event);
    close_fd(&process->pidfd);
    close_fd(&process->in);
    close_fd(&process->out);
    close_fd(&process->log);
    buf_release(&process->line);
    free(process);
}

/* The group is killed while its dead head still holds the number; only then the head is reaped. */
static int reap(struct process *process)
{
    int status = 0;
    kill(-process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    process->pid = -1;
    process->table->count--;
    for (int i = 0; i < LOG_DRAIN_CHUNKS && process->log >= 0 && read_log(process); i++)
        ;
    end_line(process);
    return status;
}

static void on_exit_event(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct process *process = context;
    struct process_table *table = process->table;
    event_del(process->exit_event);
    event_del(process->log_event);
    int status = reap(process);
    if (process->exited)
        process->exited(process->owner, status);
    else
        destroy(process);
    table->room(table->context);
}

void process_free(struct process *process)
{
    if (process == NULL)
        return;
    process->exited = NULL;
    if (process->pid < 0) {
        destroy(process);
        return;
    }
    kill(-process->pid, SIGKILL);
    event_del(process->log_event);
    close_fd(&process->in);
    close_fd(&process->out);
}

static int spawn(const struct process_spec *spec, int in, int out, int log, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int code = posix_spawn_file_actions_adddup2(&actions, in, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, log, 2);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (code == 0) /* ours are close-on-exec; this is for those a library forgot */
        code = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
    if (code == 0 && spec->cwd)
        code = posix_spawn_file_actions_addchdir_np(&actions, spec->cwd);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (code == 0) /* the exec functions take no const for historical reasons; they change nothing */
        code = posix_spawnp(ret_pid, spec->argv[0], &actions, &attributes, (char *const *)(uintptr_t)spec->argv,
                            (char *const *)(uintptr_t)spec->envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int process_start(struct process_table *table, const struct process_spec *spec, process_exited_fn *exited, void *owner,
                  struct process **ret_process, struct err *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, log[2] = {-1, -1}, pidfd = -1;
    pid_t pid = -1;
    int code = 0;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(log, O_CLOEXEC) != 0)
        code = errno;
    if (code == 0)
        code = spawn(spec, in[0], out[1], log[1], &pid);
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&log[1]);
    if (code == 0) {
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
        if (pidfd < 0) {
            code = errno;
            kill(-pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
    if (code != 0) {
        close_fd(&in[1]);
        close_fd(&out[0]);
        close_fd(&log[0]);
        if (spec->cwd && code == ENOENT && access(spec->cwd, X_OK) != 0)
            return err_set(err, ERR_IO, "cannot start \"%s\" in the folder \"%s\": %s", spec->argv[0], spec->cwd,
                           strerror(code));
        return err_set(err, ERR_IO, "cannot start \"%s\": %s", spec->argv[0], strerror(code));
    }
    set_nonblocking(in[1]);
    set_nonblocking(out[0]);
    set_nonblocking(log[0]);

    struct process *process = NEW(struct process);
    *process = (struct process){.table = table,
                                .name = spec->name,
                                .exited = exited,
                                .owner = owner,
                                .pid = pid,
                                .pidfd = pidfd,
                                .in = in[1],
                                .out = out[0],
                                .log = log[0],
                                .line = BUF_INIT};
    process->exit_event = event_new(table->base, pidfd, EV_READ, on_exit_event, process);
    process->log_event = event_new(table->base, log[0], EV_READ | EV_PERSIST, on_log, process);
    event_add(process->exit_event, NULL);
    event_add(process->log_event, NULL);
    TAILQ_INSERT_TAIL(&table->processes, process, link);
    table->count++;
    *ret_process = process;
    return 0;
}

int process_stdin(const struct process *process)
{
    return process->in;
}

int process_stdout(const struct process *process)
{
    return process->out;
}

void process_close_stdin(struct process *process)
{
    close_fd(&process->in);
}

const char *process_last_words(const struct process *process)
{
    return process->last_words;
}

/* --- the table -------------------------------------------------------------------------------- */

void process_table_init(struct process_table *table)
{
    TAILQ_INIT(&table->processes);
    table->count = 0;
}

/* Waits until the head of the group has ended; false when that takes longer. */
static bool wait_for_end(struct process *process, int64_t until_ms)
{
    for (;;) {
        int64_t left = until_ms - clock_steady_ms();
        struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};
        int ready = poll(&ended, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

void process_table_close(struct process_table *table, int grace_ms)
{
    int64_t until_ms = clock_steady_ms() + grace_ms;
    struct process *process;
    for (process = TAILQ_FIRST(&table->processes); process; process = TAILQ_NEXT(process, link)) {
        close_fd(&process->in);
        close_fd(&process->out);
        if (process->pid > 0)
            kill(-process->pid, SIGTERM);
    }
    while ((process = TAILQ_FIRST(&table->processes)) != NULL) {
        if (process->pid > 0) {
            if (!wait_for_end(process, until_ms))
                kill(-process->pid, SIGKILL);
            reap(process);
        }
        destroy(process);
    }
}
