/*
 * function_lines.c - handlers that are kept running and speak one JSON object a line.
 *
 *                   spawn                    answer                 end of the process, a broken line,
 *     (no worker) ────────▶ pace unknown ──────▶ fast or slow     a call given up while it is alone
 *                           1 line in flight     many or 1  ───────────────────────────▶ (no worker)
 *
 * Lines are written ahead of the answers to a worker that answers quickly: what costs is waking a process, not
 * reading a line. To one that is slow, or not known yet, the next call goes only when it has answered; in the
 * meantime the pool grows, up to `processes`. Once the pool has all its processes, calls are spread
 * over them up to `concurrency` each, for a handler may well work at several side by side.
 *
 * Invariants (1) a slot is free, or holds a call, or was given up and waits for its late answer;
 *            (2) a worker whose last live call is given up is ended, so that the work of a cancelled call
 *            does not go on for nobody.
 */
#include "config.h"

#include "runtime/task/functions_priv.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/answer.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FAST_MS = 20,       /* an answer within this time is a quick one */
    READ_BYTES = 65536, /* at once */
    READS_A_TURN = 16,  /* then the others get their turn */
    READS_AT_END = 1024,
    OVERDUE_SECONDS = 1,
    RESTART_SECONDS = 1,
    UNSENT_BYTES_MAX = 262144, /* no more lines are prepared beyond this */
    PIPE_BYTES = 262144,
    ENVELOPE_BYTES_MAX = 4096, /* of an answer line, beside the result */
    QUOTED_BYTES = 200
};

struct slot {
    struct call *call; /* NULL: free, or given up */
    uint64_t id;       /* of the line it was last used for */
};

enum pace { PACE_UNKNOWN, PACE_FAST, PACE_SLOW };

struct worker {
    TAILQ_ENTRY(worker) link;
    struct pool *pool;
    struct process *process;
    struct event *readable, *writable;
    struct buf in;
    size_t searched; /* bytes of in that hold no newline */
    struct buf out;
    size_t sent; /* of out */
    struct slot *slots;
    uint32_t *free_slots;
    uint32_t free_count;
    uint32_t live;       /* calls it works at; slots in use are those and the ones given up */
    uint64_t next_round; /* id = round * concurrency + slot */
    int64_t moved_ms;    /* its last answer, or when it got work while it had none */
    enum pace pace;
    bool reading; /* on_readable is at work: it frees the worker */
    bool ended;
};

struct pool {
    struct function *function;
    TAILQ_HEAD(worker_list, worker) workers;
    struct worker *leaving; /* takes no more calls, since another function has no process at all; or NULL */
    struct event *grow;     /* looks again whether the pool is too slow */
    struct buf envelope;    /* the part of a line that is the same for all calls */
};

static uint32_t slots_of(const struct worker *worker)
{
    return (uint32_t)worker->pool->function->settings.concurrency;
}

static uint32_t in_flight(const struct worker *worker)
{
    return slots_of(worker) - worker->free_count;
}

/* --- the end of a worker ---------------------------------------------------------------------- */

static void free_worker(struct worker *worker)
{
    event_free(worker->readable);
    event_free(worker->writable);
    buf_release(&worker->in);
    buf_release(&worker->out);
    free(worker->slots);
    free(worker->free_slots);
    free(worker);
}

/* Takes it out of the pool and ends its process. Its calls have been dealt with or are the caller's. */
static void end_worker(struct worker *worker)
{
    if (worker->ended)
        return;
    worker->ended = true;
    TAILQ_REMOVE(&worker->pool->workers, worker, link);
    worker->pool->function->processes--;
    if (worker->pool->leaving == worker)
        worker->pool->leaving = NULL;
    event_del(worker->readable);
    event_del(worker->writable);
    process_free(worker->process);
    worker->process = NULL;
    functions_wake(worker->pool->function->all);
}

/* Ends it and fails all it was working at. */
static void break_worker(struct worker *worker, const char *error_type, const char *why)
{
    uint32_t count = slots_of(worker);
    bool reading = worker->reading;
    worker->reading = true; /* what the reports cause must not free it under us */
    end_worker(worker);
    for (uint32_t i = 0; i < count; i++) {
        struct call *call = worker->slots[i].call;
        worker->slots[i].call = NULL;
        if (call)
            call_broke(call, error_type, "%s", why);
    }
    worker->reading = reading;
    if (!reading)
        free_worker(worker);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void give_slot_back(struct worker *worker, uint32_t slot)
{
    worker->free_slots[worker->free_count++] = slot;
}

/* The number in an id we gave out; false for anything else. */
static bool read_id(struct slice text, uint64_t *ret_id)
{
    uint64_t id = 0;
    if (text.bytes == 0 || text.bytes > 18)
        return false;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.text[i] < '0' || text.text[i] > '9')
            return false;
        id = id * 10 + (uint64_t)(text.text[i] - '0');
    }
    *ret_id = id;
    return true;
}

static void break_with_line(struct worker *worker, const char *what, const char *line, size_t bytes)
{
    AUTO_BUF why = BUF_INIT;
    buf_printf(&why, "wrote a line that is no answer (%s): \"%.*s\"", what,
               (int)(bytes < QUOTED_BYTES ? bytes : QUOTED_BYTES), line);
    break_worker(worker, "Runtime.InvalidResponse", why.data);
}

static void take_answer(struct worker *worker, const char *line, size_t bytes, int64_t now_ms)
{
    struct answer answer;
    uint64_t id;
    bool complete = answer_parse(line, bytes, &answer);
    if (answer.id.text == NULL) {
        break_with_line(worker, "no JSON object with an \"id\"", line, bytes);
        return;
    }
    if (!read_id(answer.id, &id) || id >= worker->next_round * slots_of(worker)) {
        break_with_line(worker, "an \"id\" that was not asked", line, bytes);
        return;
    }
    uint32_t at = (uint32_t)(id % slots_of(worker));
    struct slot *slot = &worker->slots[at];
    if (slot->id != id) /* answered before */
        return;
    struct call *call = slot->call;
    slot->call = NULL;
    slot->id = UINT64_MAX;
    give_slot_back(worker, at);
    worker->moved_ms = now_ms;
    if (call == NULL) /* given up */
        return;
    worker->live--;
    worker->pace = now_ms - call->started_ms < FAST_MS ? PACE_FAST : PACE_SLOW;
    bool failed = answer.error.text && !(answer.error.bytes == 4 && memcmp(answer.error.text, "null", 4) == 0);
    if (!complete)
        call_broke(call, "Runtime.InvalidResponse", "wrote an answer that is not JSON: \"%.*s\"",
                   (int)(bytes < QUOTED_BYTES ? bytes : QUOTED_BYTES), line);
    else if (failed)
        call_failed(call, answer.error.text, answer.error.bytes);
    else if (answer.result.text)
        call_answered(call, answer.result.text, answer.result.bytes);
    else
        call_broke(call, "Runtime.InvalidResponse", "wrote an answer with neither \"result\" nor \"error\"");
}

/* All complete lines of in; the rest moves to its front. */
static void take_lines(struct worker *worker)
{
    struct buf *in = &worker->in;
    size_t limit = worker->pool->function->all->options.output_bytes_max + ENVELOPE_BYTES_MAX;
    int64_t now_ms = functions_now_ms(worker->pool->function->all);
    size_t start = 0;
    const char *newline;
    while (!worker->ended && worker->searched < in->bytes &&
           (newline = memchr(in->data + worker->searched, '\n', in->bytes - worker->searched)) != NULL) {
        size_t bytes = (size_t)(newline - in->data) - start;
        if (bytes > 0 && !(bytes == 1 && in->data[start] == '\r'))
            take_answer(worker, in->data + start, bytes, now_ms);
        start += bytes + 1;
        worker->searched = start;
    }
    if (worker->ended)
        return;
    in->bytes -= start;
    memmove(in->data, in->data + start, in->bytes);
    worker->searched = in->bytes;
    if (in->bytes > limit)
        break_worker(worker, "Function.ResponseSizeTooLarge",
                     "wrote more than a result may be long without ending the line");
}

static void pump(struct function *function);

/* Reads and takes answers; false when there is nothing to read any more. */
static bool read_answers(struct worker *worker, int reads)
{
    ssize_t got = READ_BYTES;
    while (reads-- > 0 && got == READ_BYTES && !worker->ended) {
        char *at = buf_reserve(&worker->in, READ_BYTES);
        got = read(process_stdout(worker->process), at, READ_BYTES);
        if (got > 0) {
            worker->in.bytes += (size_t)got;
            take_lines(worker);
        }
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* It has closed its stdout and lives on: nothing more is to be expected from it. */
static void on_overdue(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct worker *worker = context;
    break_worker(worker, "Runtime.ExitError", "closed its standard output");
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct worker *worker = context;
    struct pool *pool = worker->pool;
    worker->reading = true;
    if (!read_answers(worker, READS_A_TURN) && !worker->ended) { /* the status of its end tells more: wait for it */
        event_del(worker->writable);
        process_close_stdin(worker->process);
        event_free(worker->readable);
        worker->readable = event_new(pool->function->all->base, -1, 0, on_overdue, worker);
        event_add(worker->readable, &(struct timeval){.tv_sec = OVERDUE_SECONDS});
    }
    worker->reading = false;
    bool idle = !worker->ended && in_flight(worker) == 0;
    if (idle && pool->leaving == worker)
        end_worker(worker);
    if (worker->ended)
        free_worker(worker);
    pump(pool->function);
    if (idle) /* somebody else may be waiting for its place */
        functions_wake(pool->function->all);
}

static void on_exited(void *owner, int status)
{
    struct worker *worker = owner;
    AUTO_BUF why = BUF_INIT;
    describe_exit(&why, status, process_last_words(worker->process));
    worker->reading = true;
    read_answers(worker, READS_AT_END);
    worker->reading = false;
    if (worker->ended)
        free_worker(worker);
    else
        break_worker(worker, "Runtime.ExitError", why.data);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void add_text_member(struct buf *out, const char *name, const char *text)
{
    buf_add_text(out, name);
    if (text)
        json_write_string(out, text, strlen(text));
    else
        buf_add(out, "null", 4);
}

static void add_line(struct worker *worker, struct call *call, uint64_t id)
{
    const struct task *task = call->task;
    const struct buf *envelope = &worker->pool->envelope;
    struct buf *out = &worker->out;
    buf_add(out, "{\"id\":\"", 7);
    buf_add_int(out, (int64_t)id);
    buf_add(out, envelope->data, envelope->bytes);
    json_write(out, call->payload);
    add_text_member(out, ",\"context\":{\"idempotencyToken\":", task->idempotency_token);
    add_text_member(out, ",\"executionArn\":", task->execution_arn);
    add_text_member(out, ",\"stateName\":", task->state_name);
    buf_add_text(out, ",\"attempt\":");
    buf_add_int(out, task->attempt);
    buf_add_text(out, ",\"deadlineMs\":");
    buf_add_int(out, call_deadline_ms(call));
    buf_add(out, "}}\n", 3);
}

static void flush(struct worker *worker)
{
    struct buf *out = &worker->out;
    int fd = process_stdin(worker->process);
    while (fd >= 0 && worker->sent < out->bytes) {
        ssize_t put = write(fd, out->data + worker->sent, out->bytes - worker->sent);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN) {
            event_add(worker->writable, NULL);
            return;
        }
        if (put < 0) { /* nobody reads there any more: its end is near */
            process_close_stdin(worker->process);
            break;
        }
        worker->sent += (size_t)put;
    }
    buf_clear(out);
    worker->sent = 0;
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct worker *worker = context;
    flush(worker);
    pump(worker->pool->function);
}

static void give(struct worker *worker, struct call *call, int64_t now_ms)
{
    uint32_t at = worker->free_slots[--worker->free_count];
    uint64_t id = worker->next_round++ * slots_of(worker) + at;
    worker->slots[at] = (struct slot){call, id};
    if (in_flight(worker) == 1)
        worker->moved_ms = now_ms;
    worker->live++;
    call->slot = at;
    call_take(call, worker);
    add_line(worker, call, id);
}

/* --- the pool --------------------------------------------------------------------------------- */

static void on_grow(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pool *pool = context;
    pump(pool->function);
}

static struct pool *pool_of(struct function *function)
{
    if (function->pool)
        return function->pool;
    struct pool *pool = NEW(struct pool);
    pool->function = function;
    TAILQ_INIT(&pool->workers);
    pool->grow = event_new(function->all->base, -1, 0, on_grow, pool);
    buf_printf(&pool->envelope, "\",\"function\":\"%s\",\"payload\":", function->name);
    function->pool = pool;
    return pool;
}

static struct worker *start_worker(struct pool *pool, struct err *err)
{
    struct function *function = pool->function;
    struct functions *all = function->all;
    uint32_t slots = (uint32_t)function->settings.concurrency;
    struct worker *worker = NEW(struct worker);
    struct process_spec spec = {.name = function->name,
                                .argv = (const char *const *)function->settings.argv,
                                .envp = (const char *const *)function->settings.envp,
                                .cwd = function->settings.cwd};
    worker->pool = pool;
    if (process_start(&all->processes, &spec, on_exited, worker, &worker->process, err) != 0) {
        free(worker);
        return NULL;
    }
    int in = process_stdin(worker->process), out = process_stdout(worker->process);
    fcntl(in, F_SETPIPE_SZ, PIPE_BYTES); /* larger batches; where the system has none to spare, smaller ones do */
    fcntl(out, F_SETPIPE_SZ, PIPE_BYTES);
    worker->readable = event_new(all->base, out, EV_READ | EV_PERSIST, on_readable, worker);
    worker->writable = event_new(all->base, in, EV_WRITE, on_writable, worker);
    event_add(worker->readable, NULL);
    worker->slots = mem_alloc(slots * sizeof *worker->slots);
    worker->free_slots = mem_alloc(slots * sizeof *worker->free_slots);
    for (uint32_t i = slots; i-- > 0;) {
        worker->slots[i] = (struct slot){NULL, UINT64_MAX};
        give_slot_back(worker, i);
    }
    TAILQ_INSERT_TAIL(&pool->workers, worker, link);
    function->processes++;
    return worker;
}

static bool takes_more(const struct worker *worker, bool pool_is_full)
{
    if (worker->free_count == 0 || worker == worker->pool->leaving ||
        worker->out.bytes - worker->sent > UNSENT_BYTES_MAX || process_stdin(worker->process) < 0)
        return false;
    return in_flight(worker) == 0 || worker->pace == PACE_FAST || pool_is_full;
}

static struct worker *least_busy(struct pool *pool, bool pool_is_full)
{
    struct worker *best = NULL, *worker;
    for (worker = TAILQ_FIRST(&pool->workers); worker; worker = TAILQ_NEXT(worker, link)) {
        if (takes_more(worker, pool_is_full) && (best == NULL || in_flight(worker) < in_flight(best)))
            best = worker;
    }
    return best;
}

/* How long until every worker is known to be slow, or has not answered for so long that it must be. */
static int64_t patience_ms(struct pool *pool, int64_t now_ms)
{
    int64_t left_ms = 0;
    struct worker *worker;
    for (worker = TAILQ_FIRST(&pool->workers); worker; worker = TAILQ_NEXT(worker, link)) {
        int64_t until_ms = worker->moved_ms + FAST_MS;
        if (worker->pace != PACE_SLOW && process_stdin(worker->process) >= 0 && until_ms - now_ms > left_ms)
            left_ms = until_ms - now_ms;
    }
    return left_ms;
}

/* One more worker, if it is time for one. A pool that cannot have its first one fails the first call instead. */
static struct worker *grow(struct pool *pool, int64_t now_ms)
{
    struct function *function = pool->function;
    int64_t wait_ms = patience_ms(pool, now_ms);
    if (wait_ms > 0) {
        struct timeval wait = {wait_ms / 1000, (wait_ms % 1000) * 1000};
        event_add(pool->grow, &wait);
        return NULL;
    }
    struct err err;
    struct worker *worker = start_worker(pool, &err);
    if (worker == NULL && function->processes > 0) { /* those that run will do for now */
        event_add(pool->grow, &(struct timeval){.tv_sec = RESTART_SECONDS});
    } else if (worker == NULL) {
        call_broke(TAILQ_FIRST(&function->queue), "Runtime.InvalidEntrypoint", "could not be started: %s", err.message);
        functions_wake(function->all);
    }
    return worker;
}

static void pump(struct function *function)
{
    struct pool *pool = pool_of(function);
    int64_t now_ms = functions_now_ms(function->all);
    struct call *call;
    struct worker *worker;
    while ((call = TAILQ_FIRST(&function->queue)) != NULL) {
        bool full = function->processes >= function->settings.processes ||
                    (function->all->processes.count >= function->all->options.processes_max && function->processes > 0);
        worker = least_busy(pool, full);
        if (worker)
            give(worker, call, now_ms);
        else if (full || !functions_room(function->all, function) || grow(pool, now_ms) == NULL)
            break;
    }
    for (worker = TAILQ_FIRST(&pool->workers); worker; worker = TAILQ_NEXT(worker, link)) {
        if (worker->sent < worker->out.bytes && !event_pending(worker->writable, EV_WRITE, NULL))
            flush(worker);
    }
}

/* (2) */
static void abandon(struct call *call)
{
    struct worker *worker = call->place;
    worker->slots[call->slot].call = NULL;
    worker->live--;
    if (worker->live == 0 && !worker->ended) {
        end_worker(worker);
        if (!worker->reading)
            free_worker(worker);
    }
}

static bool give_back(struct function *function, bool busy_too)
{
    struct pool *pool = function->pool;
    struct worker *worker;
    if (pool == NULL)
        return false;
    for (worker = TAILQ_FIRST(&pool->workers); worker; worker = TAILQ_NEXT(worker, link)) {
        if (in_flight(worker) == 0 && !worker->reading) {
            end_worker(worker);
            free_worker(worker);
            return true;
        }
    }
    if (busy_too && function->processes > 1 && pool->leaving == NULL)
        pool->leaving = TAILQ_LAST(&pool->workers, worker_list);
    return pool->leaving != NULL;
}

static void release(struct function *function)
{
    struct pool *pool = function->pool;
    struct worker *worker;
    if (pool == NULL)
        return;
    while ((worker = TAILQ_FIRST(&pool->workers)) != NULL) {
        TAILQ_REMOVE(&pool->workers, worker, link);
        free_worker(worker);
    }
    event_free(pool->grow);
    buf_release(&pool->envelope);
    free(pool);
    function->pool = NULL;
}

const struct mode_ops function_lines_mode = {
    .pump = pump, .abandon = abandon, .give_back = give_back, .release = release};
