/*
 * process.h - child processes: started without a shell, each the head of a process group that is ended as a whole.
 *
 * Shapes    a process has three pipes: stdin and stdout are the owner's to write and read (non-blocking),
 *           stderr is read here and handed to the table's log line by line, to the very last.
 * Promise   a child inherits no descriptor but 0, 1 and 2 and has default signals. When the head of a group
 *           has ended, whatever is left of its group is killed before the head is reaped, so that the
 *           number of the group cannot have been given to somebody else.
 * Calling   `exited` is called once, on the loop, after the child was reaped and its stderr was read, and never
 *           from inside process_start(). process_free() may be called at any time, also from `exited`.
 * Memory    the table keeps a process that was freed while it was running until the loop has reaped it.
 */
#ifndef RUNTIME_TASK_PROCESS_H
#define RUNTIME_TASK_PROCESS_H

#include <sys/queue.h>
#include <sys/types.h>

struct err;
struct event_base;
struct process;

/* All the processes of one owner. */
struct process_table {
    struct event_base *base;
    TAILQ_HEAD(process_list, process) processes;
    int count;                                                      /* of those that are not reaped yet */
    void (*room)(void *context);                                    /* called when count went down */
    void (*log)(void *context, const char *name, const char *line); /* a line of stderr */
    void *context;
};

struct process_spec {
    const char *name;        /* for the log; outlives the table */
    const char *const *argv; /* argv[0] is looked up in PATH unless it holds a slash */
    const char *const *envp;
    const char *cwd; /* NULL: the engine's */
};

/* status as of waitpid(2) */
typedef void process_exited_fn(void *owner, int status);

/* The caller sets base and the callbacks before. */
void process_table_init(struct process_table *table);
/*
 * Asks every group to end (end of file on stdin, SIGTERM), kills what is left after grace_ms, reaps and frees them
 * all; calls nothing but log. Owners have let go of the pipes before.
 */
void process_table_close(struct process_table *table, int grace_ms);

int process_start(struct process_table *table, const struct process_spec *spec, process_exited_fn *exited, void *owner,
                  struct process **ret_process, struct err *err);
/* Kills the group if it is still there; `exited` is not called any more. */
void process_free(struct process *process);

/* The ends of the pipes here; -1 once closed. */
int process_stdin(const struct process *process);
int process_stdout(const struct process *process);
void process_close_stdin(struct process *process);
/* The last line it wrote to stderr, "" when there was none: for error messages. */
const char *process_last_words(const struct process *process);

#endif
