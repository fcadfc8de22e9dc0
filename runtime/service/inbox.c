#include "runtime/service/inbox.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/service/service_priv.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_S = 1, TRIES_MAX = 1000 };

struct service_inbox {
    struct service *service;
    struct engine *engine;
    struct asked *asked; /* that are at work */
};

struct asked {
    struct service_inbox *inbox;
    struct peer_request *request;
    struct service_call *call; /* NULL: not started, or answered already */
    struct json_object *input;
    struct event *again; /* tries it once more; NULL: it has not been needed */
    int tries;
    struct asked *next, *previous;
};

static void asked_free(struct asked *asked)
{
    if (asked->previous)
        asked->previous->next = asked->next;
    else
        asked->inbox->asked = asked->next;
    if (asked->next)
        asked->next->previous = asked->previous;
    if (asked->again)
        event_free(asked->again);
    json_object_put(asked->input);
    free(asked);
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

static void on_again(int fd, short what, void *context);

/*
 * Who asks for a stop has ended, and may be gone: nobody would ask again. So the request stays, with us or with the next
 * owner of the shard, until it can be done.
 */
static bool tries_again(struct asked *asked, const struct service_answer *answer)
{
    if (!answer->error || answer->http_status < 500 || strcmp(peer_operation(asked->request), "StopExecution") != 0 ||
        asked->tries++ == TRIES_MAX)
        return false;
    if (!asked->again)
        asked->again = evtimer_new(engine_base(asked->inbox->engine), on_again, asked);
    event_add(asked->again, &(struct timeval){.tv_sec = AGAIN_S});
    return true;
}

static void on_answer(void *context, const struct service_answer *answer)
{
    struct asked *asked = context;
    AUTO_BUF text = BUF_INIT;

    asked->call = NULL;
    if (tries_again(asked, answer))
        return;
    write_answer(&text, answer);
    peer_reply_text(asked->request, buf_text(&text));
    asked_free(asked);
}

static void on_carried_out(void *context)
{
    struct asked *asked = context;

    peer_carried_out(asked->request);
}

static void on_cancelled(void *context, struct peer_request *request)
{
    struct asked *asked = context;

    (void)request;
    if (asked->call)
        service_cancel(asked->inbox->service, asked->call);
    asked_free(asked);
}

/* An execution that is to be started has a name that follows from the request, so that it is not started twice. */
static struct json_object *with_name(const struct peer_request *request, struct json_object *input)
{
    unsigned long long number = (unsigned long long)peer_number(request);
    struct json_object *named;
    char name[37];

    if (strcmp(peer_operation(request), "StartExecution") != 0 || json_member_text(input, "name") ||
        !json_object_is_type(input, json_type_object))
        return json_object_get(input);
    named = json_object_new_object();
    json_object_object_foreach (input, member, value) {
        json_add(named, member, json_object_get(value));
    }
    snprintf(name, sizeof(name), "00000000-0000-4000-8000-%012llx", number & 0xFFFFFFFFFFFFULL);
    json_add_text(named, "name", name);
    return named;
}

static void carry_out(struct asked *asked)
{
    struct service_call *call =
        service_call_asked(asked->inbox->service, peer_operation(asked->request), asked->input,
                           peer_was_carried_out(asked->request), on_carried_out, on_answer, asked);
    if (call) /* else it was answered, and may be gone */
        asked->call = call;
}

static void on_again(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    carry_out(context);
}

static void on_request(void *context, struct peer_request *request, struct json_object *input)
{
    struct service_inbox *inbox = context;
    struct asked *asked = NEW(struct asked);

    asked->inbox = inbox;
    asked->request = request;
    asked->input = with_name(request, input);
    asked->next = inbox->asked;
    if (asked->next)
        asked->next->previous = asked;
    inbox->asked = asked;
    peer_on_cancel(request, on_cancelled, asked);
    carry_out(asked);
}

struct service_inbox *service_inbox_open(struct service *service, struct engine *engine)
{
    struct service_inbox *inbox = NEW(struct service_inbox);

    inbox->service = service;
    inbox->engine = engine;
    peer_register(engine, NULL, on_request, inbox);
    return inbox;
}

static void leave_unread(void *context, struct peer_request *request, struct json_object *input)
{
    (void)context;
    (void)request;
    (void)input;
}

void service_inbox_close(struct service_inbox *inbox)
{
    if (!inbox)
        return;
    peer_register(inbox->engine, NULL, leave_unread, NULL);
    while (inbox->asked) {
        struct asked *asked = inbox->asked;

        peer_on_cancel(asked->request, NULL, NULL);
        on_cancelled(asked, asked->request);
    }
    free(inbox);
}
