/*
 * watch.c - who waits for the end of an execution, wherever it runs.
 *
 * Watchers of an execution of ours hang on its run, or are parked under its ARN while it is out of memory (run.c).
 * Those of other executions are kept here, and its owner is asked with "~Watch" {executionArn}, which it answers when
 * the execution has ended, with {status, startedMs, stoppedMs, output, error, cause}. Where the shard moves, the
 * request is read by the next owner. When we lose a shard its parked watchers come here, and those of executions whose
 * commit counts as lost; what is watched here and becomes ours is still answered through the inbox.
 */
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000 };

struct remote {
    struct engine *engine;
    char *arn;
    struct watcher *watchers;
    struct peer_call *call; /* NULL: to be asked again */
    struct event *again;
};

static struct remote *find(struct engine *engine, const char *arn)
{
    void *found = NULL;
    return lh_table_lookup_ex(engine->remote, arn, &found) ? found : NULL;
}

static void remote_free(struct remote *remote)
{
    lh_table_delete(remote->engine->remote, remote->arn);
    if (remote->call)
        peer_cancel(remote->engine, remote->call);
    run_free_watchers(remote->watchers);
    event_free(remote->again);
    free(remote->arn);
    free(remote);
}

/* --- asking ---------------------------------------------------------------------------------------------------- */

static void tell(struct remote *remote, const struct engine_outcome *outcome)
{
    struct watcher *watchers = remote->watchers;
    remote->watchers = NULL;
    remote_free(remote);
    while (watchers) {
        struct watcher *next = watchers->next;
        watchers->fn(watchers->context, outcome);
        free(watchers);
        watchers = next;
    }
}

static void on_answer(void *context, int code, struct json_object *answer, const struct err *err)
{
    struct remote *remote = context;
    remote->call = NULL;
    if (code == ERR_NOT_FOUND) { /* it has ended, and was removed since */
        tell(remote, &(struct engine_outcome){.status = EXECUTION_FAILED,
                                              .cause = "The execution is not in the store any more."});
        return;
    }
    if (code != 0) {
        struct timeval pause = {AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000};
        engine_log(remote->engine, 2, "could not wait for %s: %s", remote->arn, err ? err->message : "");
        event_add(remote->again, &pause);
        return;
    }
    struct json_object *output = NULL;
    json_member(answer, "output", &output);
    tell(remote, &(struct engine_outcome){
                     .status = (enum execution_status)json_member_int(answer, "status", EXECUTION_FAILED),
                     .started_ms = json_member_int(answer, "startedMs", 0),
                     .stopped_ms = json_member_int(answer, "stoppedMs", 0),
                     .output = output,
                     .error = json_member_text(answer, "error"),
                     .cause = json_member_text(answer, "cause"),
                 });
}

static void ask(struct remote *remote)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    struct engine *engine = remote->engine;
    json_add_text(input, "executionArn", remote->arn);
    remote->call = peer_ask(engine, store_shard_of(engine->store, remote->arn), "~Watch", input, 0, on_answer, remote);
}

static void on_again(int fd, short what, void *context)
{
    (void)fd, (void)what;
    ask(context);
}

static struct remote *remote_of(struct engine *engine, const char *arn)
{
    struct remote *remote = find(engine, arn);
    if (remote)
        return remote;
    remote = NEW(struct remote);
    remote->engine = engine;
    remote->arn = mem_strdup(arn);
    remote->again = evtimer_new(engine->base, on_again, remote);
    lh_table_insert(engine->remote, remote->arn, remote);
    ask(remote);
    return remote;
}

static int found(void *context, const struct store_execution *row)
{
    (void)context, (void)row;
    return 0;
}

int watch_remote(struct engine *engine, const char *arn, struct watcher *watcher, struct err *err)
{
    int code = store_execution_by_arn(engine->store, arn, found, NULL, err);
    if (code != 0)
        return code;
    struct remote *remote = remote_of(engine, arn);
    watcher->next = remote->watchers;
    remote->watchers = watcher;
    return 0;
}

void watch_forget(struct engine *engine, const char *arn, const void *context)
{
    struct remote *remote = find(engine, arn);
    if (remote == NULL)
        return;
    for (struct watcher **at = &remote->watchers; *at;) {
        struct watcher *watcher = *at;
        if (watcher->context != context) {
            at = &watcher->next;
            continue;
        }
        *at = watcher->next;
        free(watcher);
    }
    if (remote->watchers == NULL)
        remote_free(remote);
}

static void ask_for_parked(struct engine *engine, struct lh_entry *entry)
{
    char *arn = (char *)lh_entry_k(entry);
    struct watcher *watchers = (struct watcher *)lh_entry_v(entry);
    lh_table_delete_entry(engine->parked, entry);
    if (watchers) {
        struct remote *remote = remote_of(engine, arn);
        struct watcher **last = &watchers->next;
        while (*last)
            last = &(*last)->next;
        *last = remote->watchers;
        remote->watchers = watchers;
    }
    free(arn);
}

void watch_rearm(struct engine *engine)
{
    struct lh_entry *entry, *next;
    lh_foreach_safe(engine->parked, entry, next)
    {
        if (engine->epochs[store_shard_of(engine->store, (const char *)lh_entry_k(entry))] == 0)
            ask_for_parked(engine, entry);
    }
}

void watch_again(struct engine *engine, const char *arn)
{
    struct lh_entry *entry = lh_table_lookup_entry(engine->parked, arn);
    if (entry)
        ask_for_parked(engine, entry);
}

/* --- answering ------------------------------------------------------------------------------------------------- */

struct asked {
    struct engine *engine;
    struct peer_request *request;
    char *arn;
};

static void asked_free(struct asked *asked)
{
    free(asked->arn);
    free(asked);
}

static void on_ended(void *context, const struct engine_outcome *outcome)
{
    struct asked *asked = context;
    AUTO_JSON struct json_object *answer = json_object_new_object();
    json_add_int(answer, "status", outcome->status);
    json_add_int(answer, "startedMs", outcome->started_ms);
    json_add_int(answer, "stoppedMs", outcome->stopped_ms);
    if (outcome->output)
        json_add(answer, "output", json_object_get(outcome->output));
    if (outcome->error)
        json_add_text(answer, "error", outcome->error);
    if (outcome->cause)
        json_add_text(answer, "cause", outcome->cause);
    peer_reply(asked->request, 0, answer);
    asked_free(asked);
}

static void on_cancelled(void *context, struct peer_request *request)
{
    (void)request;
    struct asked *asked = context;
    engine_forget(asked->engine, asked->arn, asked);
    asked_free(asked);
}

static void on_watch(void *context, struct peer_request *request, struct json_object *input)
{
    struct engine *engine = context;
    const char *arn = json_member_text(input, "executionArn");
    if (arn == NULL || store_shard_of(engine->store, arn) != peer_shard(request)) {
        peer_reply(request, ERR_INVALID, NULL);
        return;
    }
    struct asked *asked = NEW(struct asked);
    *asked = (struct asked){engine, request, mem_strdup(arn)};
    peer_on_cancel(request, on_cancelled, asked);
    int code = engine_watch(engine, arn, on_ended, asked);
    if (code == 0)
        return;
    peer_reply(request, code, NULL);
    asked_free(asked);
}

void watch_open(struct engine *engine)
{
    engine->remote = lh_kchar_table_new(64, NULL);
    peer_register(engine, "~Watch", on_watch, engine);
}

void watch_close(struct engine *engine)
{
    struct lh_entry *entry;
    while ((entry = lh_table_head(engine->remote)) != NULL) {
        struct remote *remote = (struct remote *)lh_entry_v(entry);
        remote->call = NULL; /* there are no commits any more to withdraw it in; it goes with this node */
        remote_free(remote);
    }
    lh_table_free(engine->remote);
}
