#include "runtime/service/inbox.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"
#include "runtime/store/store.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 10,
    REQUESTS_MAX = 1024 /* at work at once; the rest waits in the store */
};

struct service_inbox {
    struct service *service;
    struct engine *engine;
    struct event *timer;
    int64_t change;    /* of the store when it was last read */
    int64_t *last_seq; /* read so far, of each shard */
    int shard;         /* that is being read */
    bool read_again;   /* some were left because too many are at work */
    struct request *requests;
    size_t request_count;
};

struct request {
    struct service_inbox *inbox;
    struct service_call *call; /* NULL: not started, or answered already */
    int64_t seq;
    struct request *next, *previous;
};

static void request_free(struct request *request)
{
    struct service_inbox *inbox = request->inbox;
    if (request->previous)
        request->previous->next = request->next;
    else
        inbox->requests = request->next;
    if (request->next)
        request->next->previous = request->previous;
    inbox->request_count--;
    free(request);
}

/* A reply that could not be written leaves its request where it was: the next owner answers it. */
static void replied(void *context, int code, const struct err *err)
{
    (void)context;
    (void)code;
    (void)err;
}

static void write_answer(struct buf *out, const struct service_answer *answer)
{
    buf_add_char(out, '{');
    if (answer->error) {
        buf_add_text(out, "\"error\":");
        json_write_string(out, answer->error, strlen(answer->error));
        buf_add_text(out, ",\"message\":");
        json_write_string(out, answer->message ? answer->message : "", answer->message ? strlen(answer->message) : 0);
        buf_add_char(out, ',');
    }
    buf_add_text(out, "\"output\":");
    if (answer->output_text)
        buf_add(out, answer->output_text, answer->output_bytes);
    else
        json_write(out, answer->output);
    buf_add_char(out, '}');
}

static void on_answer(void *context, const struct service_answer *answer)
{
    struct request *request = context;
    struct engine *engine = request->inbox->engine;
    AUTO_BUF text = BUF_INIT;

    write_answer(&text, answer);
    store_batch_reply(engine_batch(engine), request->seq, buf_text(&text));
    engine_on_commit(engine, replied, NULL);
    request_free(request);
}

static void answer_malformed(struct request *request)
{
    struct service_answer answer = {
        .error = "SerializationException",
        .message = "the request in the inbox is not {\"operation\", \"input\"}",
        .http_status = 400,
    };
    on_answer(request, &answer);
}

static struct request *request_new(struct service_inbox *inbox, int64_t seq)
{
    struct request *request = NEW(struct request);
    request->inbox = inbox;
    request->seq = seq;
    request->next = inbox->requests;
    if (request->next)
        request->next->previous = request;
    inbox->requests = request;
    inbox->request_count++;
    return request;
}

static int on_request(void *context, int64_t seq, const char *body)
{
    struct service_inbox *inbox = context;
    AUTO_JSON struct json_object *request_value = NULL;
    struct json_object *input = NULL;
    struct request *request;
    struct service_call *call;
    const char *operation;

    if (inbox->request_count >= REQUESTS_MAX) {
        inbox->read_again = true;
        return 1;
    }
    inbox->last_seq[inbox->shard] = seq;
    request = request_new(inbox, seq);
    if (json_parse(body, strlen(body), &request_value, NULL) ||
        !(operation = json_member_text(request_value, "operation")) || !json_member(request_value, "input", &input)) {
        answer_malformed(request);
        return 0;
    }
    call = service_call(inbox->service, operation, input, on_answer, request);
    if (call) /* else it was answered, and the request is gone */
        request->call = call;
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct service_inbox *inbox = context;
    struct store *store = engine_store(inbox->engine);
    int64_t change = store_change_counter(store);

    (void)fd;
    (void)what;
    if (change == inbox->change && !inbox->read_again)
        return;
    inbox->change = change;
    inbox->read_again = false;
    for (inbox->shard = 0; inbox->shard < store_shards(store); inbox->shard++)
        if (store_inbox(store, inbox->shard, inbox->last_seq[inbox->shard], on_request, inbox, NULL) < 0)
            inbox->read_again = true;
}

struct service_inbox *service_inbox_open(struct service *service, struct engine *engine)
{
    struct service_inbox *inbox = NEW(struct service_inbox);
    const struct timeval interval = {.tv_usec = POLL_MS * 1000};

    inbox->service = service;
    inbox->engine = engine;
    inbox->last_seq = mem_zalloc((size_t)store_shards(engine_store(engine)) * sizeof(*inbox->last_seq));
    inbox->read_again = true; /* what was left while nobody owned the store */
    inbox->timer = event_new(engine_base(engine), -1, EV_PERSIST, on_timer, inbox);
    event_add(inbox->timer, &interval);
    return inbox;
}

void service_inbox_close(struct service_inbox *inbox)
{
    if (!inbox)
        return;
    event_free(inbox->timer);
    while (inbox->requests) {
        if (inbox->requests->call)
            service_cancel(inbox->service, inbox->requests->call);
        request_free(inbox->requests);
    }
    free(inbox->last_seq);
    free(inbox);
}
