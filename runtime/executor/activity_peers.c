/*
 * activity_peers.c - activities over several nodes: a poll here gets the task of an execution there.
 *
 *     A: polls, no task here                          B: tasks, no poll there
 *       "we have workers for X" (hint) ───────────────▶ A is a wanter
 *       B is a source              ◀─────────────── "2 tasks of X, ask shard 5" (hint, to one wanter)
 *       one poll leaves the line ── "~ClaimActivity" ─▶ starts a task for that worker; the answer is in the same commit
 *       the poll is answered   ◀───────────────────── token and input, and how many more there are
 *
 * A task is promised to nobody: who claims first gets it, who comes late is told that there is none and waits on. The
 * answer to a claim is in the commit with the task's start, so both are or neither is, and each task goes to exactly
 * one poll. A poll that claims is in no line; when it ends before the answer, the next one gets the task.
 *
 * Hints may be lost and are never relied on: as long as polls wait, the others are told again every few seconds, and
 * whoever has tasks says so then. A node with tasks tells one wanter for each, in turn; one without a poll
 * left passes, and the next is told. While a source has more, polls go there without a hint.
 */
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/activity_priv.h"
#include "runtime/executor/engine_priv.h"
#include "runtime/executor/peer.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    AGAIN_MS = 5000, /* between two times that all are told that polls wait here */
    WANTED_MS = 3 * AGAIN_MS,
    RETELL_MS = 1000 /* before another wanter is told of a task that nobody has claimed */
};

#define CLAIM                                                                                                          \
    "~ClaimActivity" /* {"activityArn", "workerName"?}; answer: {"node", "serial", "more", "taskToken"?, "input"?} */
#define WANTED "activity-wanted" /* NODE ARN */
#define WAITING "activity-waits" /* NODE TO SHARD COUNT SERIAL ARN */
#define PASSED "activity-passed" /* NODE TO ARN */

/* One question to another node for a task. */
struct claim {
    TAILQ_ENTRY(claim) link;
    struct activity *activity;
    struct activity_poll *poll; /* NULL: it has gone */
    struct peer_call *call;
    char *node; /* of the source */
};

struct activity_peers {
    struct event *again;  /* polls wait */
    struct event *turn;   /* tasks wait that nobody was told of */
    struct event *retell; /* tasks wait that somebody was told of */
    struct activity *first_in_turn;
    TAILQ_HEAD(claim_list, claim) claims;
};

static void count_other(void *context, const struct peer_node *node)
{
    *(int *)context += !node->is_self;
}

static bool is_alone(struct engine *engine)
{
    int others = 0;
    peer_nodes(engine, count_other, &others);
    return others == 0;
}

/* --- who wants tasks ------------------------------------------------------------------------------------------ */

static void add_wanter(struct activity *activity, const char *node)
{
    size_t i = 0;
    while (i < activity->wanter_count && strcmp(activity->wanters[i].node, node) != 0)
        i++;
    if (i == activity->wanter_count) {
        activity->wanters = mem_grow(activity->wanters, &activity->wanter_capacity, activity->wanter_count + 1,
                                     sizeof *activity->wanters);
        activity->wanters[activity->wanter_count++].node = mem_strdup(node);
    }
    activity->wanters[i].until_ms = clock_steady_ms() + WANTED_MS;
}

static void drop_wanter(struct activity *activity, size_t i)
{
    free(activity->wanters[i].node);
    activity->wanters[i] = activity->wanters[--activity->wanter_count];
}

static void remove_wanter(struct activity *activity, const char *node)
{
    for (size_t i = activity->wanter_count; i-- > 0;)
        if (strcmp(activity->wanters[i].node, node) == 0)
            drop_wanter(activity, i);
}

static void expire_wanters(struct activity *activity)
{
    int64_t now_ms = clock_steady_ms();
    for (size_t i = activity->wanter_count; i-- > 0;)
        if (activity->wanters[i].until_ms < now_ms)
            drop_wanter(activity, i);
}

/* --- telling about tasks ------------------------------------------------------------------------------------------ */

static int own_shard(struct engine *engine, const struct activity *activity)
{
    for (const struct offer *offer = activity->first_offer; offer; offer = offer->next)
        if (offer->run)
            return offer->run->shard;
    return peer_shard_of(engine, peer_self(engine));
}

static void tell(struct activity *activity, const char *node, size_t count)
{
    struct engine *engine = activity->engine;
    int shard = own_shard(engine, activity);
    if (count == 0 || shard < 0)
        return;
    char *text = mem_printf("%s %s %d %zu %" PRId64 " %s", peer_self(engine), node, shard, count, ++activity->serial,
                            activity->arn);
    peer_hint(engine, WAITING, text);
    free(text);
    struct timeval delay = {RETELL_MS / 1000, RETELL_MS % 1000 * 1000};
    if (!event_pending(engine->activity_peers->retell, EV_TIMEOUT, NULL))
        event_add(engine->activity_peers->retell, &delay);
}

/* One wanter for each task that is new, in turn. */
static void tell_wanters(struct activity *activity)
{
    expire_wanters(activity);
    size_t tasks = activity->unhinted < activity->offer_count ? activity->unhinted : activity->offer_count;
    size_t wanters = activity->wanter_count;
    activity->unhinted = 0;
    if (wanters == 0)
        return;
    for (size_t i = 0; i < wanters && i < tasks; i++) {
        const char *node = activity->wanters[(activity->wanter_turn + i) % wanters].node;
        tell(activity, node, tasks / wanters + (i < tasks % wanters));
    }
    activity->wanter_turn += tasks;
}

static void on_retell(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    struct lh_entry *entry;
    lh_foreach(engine->activities, entry)
    {
        struct activity *activity = (struct activity *)lh_entry_v(entry);
        activity->unhinted = activity->offer_count;
        if (activity->offer_count && activity->wanter_count)
            tell_wanters(activity);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct activity_peers *peers = context;
    struct activity *activity;
    while ((activity = peers->first_in_turn) != NULL) {
        peers->first_in_turn = activity->next_in_turn;
        activity->in_turn = false;
        tell_wanters(activity);
    }
}

void activity_peers_offer(struct activity *activity)
{
    struct activity_peers *peers = activity->engine->activity_peers;
    activity->unhinted++;
    if (peers == NULL || activity->in_turn || activity->wanter_count == 0)
        return;
    activity->in_turn = true;
    activity->next_in_turn = peers->first_in_turn;
    peers->first_in_turn = activity;
    event_active(peers->turn, EV_TIMEOUT, 0);
}

/* --- claiming: the side with polls -------------------------------------------------------------------------------- */

static struct source *find_source(struct activity *activity, const char *node)
{
    for (size_t i = 0; i < activity->source_count; i++)
        if (strcmp(activity->sources[i].node, node) == 0)
            return &activity->sources[i];
    return NULL;
}

static struct source *source_of(struct activity *activity, const char *node)
{
    struct source *source = find_source(activity, node);
    if (source)
        return source;
    activity->sources =
        mem_grow(activity->sources, &activity->source_capacity, activity->source_count + 1, sizeof *activity->sources);
    source = &activity->sources[activity->source_count++];
    *source = (struct source){.node = mem_strdup(node)};
    return source;
}

static void drop_source(struct activity *activity, struct source *source)
{
    free(source->node);
    *source = activity->sources[--activity->source_count];
}

static void on_claimed(void *context, int code, struct json_object *answer, const struct err *err);

static void claim(struct source *source, struct activity_poll *poll)
{
    struct activity *activity = poll->activity;
    struct engine *engine = activity->engine;
    AUTO_JSON struct json_object *input = json_object_new_object();
    struct claim *claim = NEW(struct claim);
    json_add_text(input, "activityArn", activity->arn);
    if (poll->worker_name)
        json_add_text(input, "workerName", poll->worker_name);
    claim->activity = activity;
    claim->poll = poll;
    claim->node = mem_strdup(source->node);
    poll->claim = claim;
    source->claiming++;
    TAILQ_INSERT_TAIL(&engine->activity_peers->claims, claim, link);
    claim->call = peer_ask(engine, source->shard, CLAIM, input, 0, on_claimed, claim);
}

static void claim_free(struct claim *claim)
{
    TAILQ_REMOVE(&claim->activity->engine->activity_peers->claims, claim, link);
    free(claim->node);
    free(claim);
}

/* At most `most` polls that wait go to the source. */
static void claim_for_parked(struct activity *activity, struct source *source, size_t most)
{
    struct activity_poll *poll;
    while (source->claiming < most && (poll = activity_unpark(activity)) != NULL)
        claim(source, poll);
}

static void announce(struct activity *activity)
{
    char *text = mem_printf("%s %s", peer_self(activity->engine), activity->arn);
    peer_hint(activity->engine, WANTED, text);
    free(text);
    activity->announced_ms = clock_steady_ms();
}

static void arm_again(struct activity_peers *peers)
{
    struct timeval delay = {AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000};
    if (!event_pending(peers->again, EV_TIMEOUT, NULL))
        event_add(peers->again, &delay);
}

/* Polls wait and no task is here: to those who said that they have some, else everybody is told. */
static void look_around(struct activity *activity)
{
    struct activity_peers *peers = activity->engine->activity_peers;
    for (size_t i = 0; i < activity->source_count && activity->parked_count; i++)
        claim_for_parked(activity, &activity->sources[i], activity->sources[i].claiming + 1);
    if (activity->parked_count == 0)
        return;
    arm_again(peers);
    if (!is_alone(activity->engine) &&
        (activity->announced_ms == 0 || clock_steady_ms() - activity->announced_ms >= AGAIN_MS))
        announce(activity);
}

void activity_peers_poll(struct activity *activity)
{
    if (activity->engine->activity_peers)
        look_around(activity);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine *engine = context;
    struct lh_entry *entry;
    bool alone = is_alone(engine);
    lh_foreach(engine->activities, entry)
    {
        struct activity *activity = (struct activity *)lh_entry_v(entry);
        if (activity->parked_count == 0)
            continue;
        if (!alone)
            announce(activity);
        arm_again(engine->activity_peers);
    }
}

void activity_peers_forget(struct activity_poll *poll)
{
    poll->claim->poll = NULL;
}

/* What the answer says about its node: whether it has more, unless a hint that is newer than the answer said so. */
static void note_source(struct claim *claim, struct json_object *answer)
{
    struct activity *activity = claim->activity;
    struct source *source = find_source(activity, claim->node);
    const char *node = json_member_text(answer, "node");
    size_t more = (size_t)json_member_int(answer, "more", 0);
    if (source == NULL)
        return;
    if (source->claiming)
        source->claiming--;
    bool same = node && strcmp(node, claim->node) == 0; /* else the shard has moved */
    if (!same || (more == 0 && json_member_int(answer, "serial", 0) >= source->serial))
        drop_source(activity, source);
    else
        claim_for_parked(activity, source, more);
}

static void on_claimed(void *context, int code, struct json_object *answer, const struct err *err)
{
    (void)err;
    struct claim *claim = context;
    struct activity *activity = claim->activity;
    struct activity_poll *poll = claim->poll;
    const char *token = code == 0 ? json_member_text(answer, "taskToken") : NULL;
    const char *input = code == 0 ? json_member_text(answer, "input") : NULL;
    if (poll)
        poll->claim = NULL;
    if (token && input && poll)
        activity_answer(poll, token, input);
    else if (token && input)
        activity_hand_on(activity, mem_strdup(token), mem_strdup(input));
    else if (poll && activity->engine->draining)
        activity_answer(poll, NULL, NULL);
    else if (poll)
        activity_park_first(poll);
    note_source(claim, code == 0 ? answer : NULL);
    claim_free(claim);
    activity_match(activity); /* a task may have come here meanwhile */
    if (activity->parked_count)
        look_around(activity);
}

/* --- claims of others: the side with tasks ------------------------------------------------------------------------ */

static void find_live(void *context, const struct peer_node *node)
{
    const char **name = context;
    if (*name && strcmp(node->name, *name) == 0)
        *name = NULL;
}

/* Nobody waits for what a dead node claimed. */
static bool is_alive(struct engine *engine, const char *asker)
{
    const char *missing = asker;
    peer_nodes(engine, find_live, &missing);
    return asker && missing == NULL;
}

/* A task that was started before, and that a claim was answered with. */
struct handed {
    struct activity *activity;
    char *token, *input;
};

static void on_handed(void *context, int code, const struct err *err)
{
    (void)err;
    struct handed *handed = context;
    if (code != 0) { /* the answer is not there: the claim is read again */
        activity_hand_on(handed->activity, handed->token, handed->input);
        handed->token = handed->input = NULL;
    }
    free(handed->token);
    free(handed->input);
    free(handed);
}

static void add_task(struct json_object *answer, struct activity *activity, const char *worker_name)
{
    struct engine *engine = activity->engine;
    char *token = NULL, *input = NULL;
    enum activity_start start = activity_start_first(activity, worker_name, &token, &input);
    if (start == ACTIVITY_NONE)
        return;
    json_add_text(answer, "taskToken", token);
    json_add_text(answer, "input", input);
    if (start == ACTIVITY_STARTED) {
        struct handed *handed = NEW(struct handed);
        *handed = (struct handed){activity, token, input};
        engine_on_commit(engine, on_handed, handed);
        return;
    }
    free(token);
    free(input);
}

/*
 * The answer is in the commit with the start. That commit proves the request's shard too: were the shard another
 * node's by now, the request might be answered there already, and the task would be started for nobody.
 */
static void on_claim(void *context, struct peer_request *request, struct json_object *input)
{
    struct engine *engine = context;
    const char *arn = json_member_text(input, "activityArn");
    AUTO_JSON struct json_object *answer = json_object_new_object();
    struct activity *activity = arn ? activity_of(engine, arn) : NULL;
    json_add_text(answer, "node", peer_self(engine));
    if (activity && is_alive(engine, peer_asker(request))) {
        store_batch_prove(engine_batch(engine), peer_shard(request), engine->epochs[peer_shard(request)]);
        add_task(answer, activity, json_member_text(input, "workerName"));
        add_wanter(activity, peer_asker(request));
    }
    json_add_int(answer, "serial", activity ? activity->serial : 0);
    json_add_int(answer, "more", activity ? (int64_t)activity->offer_count : 0);
    peer_reply(request, 0, answer);
}

/* --- hints -------------------------------------------------------------------------------------------------------- */

/* Takes the next word off the text; NULL: there is none. */
static char *next_word(char **text)
{
    char *word = strsep(text, " ");
    return word && *word ? word : NULL;
}

static void on_wanted(void *context, const char *text)
{
    struct engine *engine = context;
    char *copy = mem_strdup(text), *rest = copy;
    const char *node = next_word(&rest), *arn = next_word(&rest);
    if (node && arn) {
        struct activity *activity = activity_of(engine, arn);
        add_wanter(activity, node);
        tell(activity, node, activity->offer_count);
    }
    free(copy);
}

static void on_passed(void *context, const char *text)
{
    struct engine *engine = context;
    char *copy = mem_strdup(text), *rest = copy;
    const char *node = next_word(&rest), *to = next_word(&rest), *arn = next_word(&rest);
    if (node && to && arn && strcmp(to, peer_self(engine)) == 0) {
        struct activity *activity = activity_of(engine, arn);
        remove_wanter(activity, node);
        activity->unhinted = activity->offer_count;
        tell_wanters(activity);
    }
    free(copy);
}

static void pass(struct activity *activity, const char *node)
{
    char *text = mem_printf("%s %s %s", peer_self(activity->engine), node, activity->arn);
    peer_hint(activity->engine, PASSED, text);
    free(text);
    activity->announced_ms = 0; /* the next poll tells that we have workers again */
}

static void on_waiting(void *context, const char *text)
{
    struct engine *engine = context;
    char *copy = mem_strdup(text), *rest = copy;
    const char *node = next_word(&rest), *to = next_word(&rest), *shard = next_word(&rest);
    const char *count = next_word(&rest), *serial = next_word(&rest), *arn = next_word(&rest);
    if (arn && strcmp(to, peer_self(engine)) == 0) {
        struct activity *activity = activity_of(engine, arn);
        struct source *source = source_of(activity, node);
        source->shard = atoi(shard);
        source->serial = atoll(serial);
        claim_for_parked(activity, source, source->claiming + (size_t)atoll(count));
        if (activity->poll_count == 0) {
            drop_source(activity, source);
            pass(activity, node);
        }
    }
    free(copy);
}

static void on_gone(void *context, const char *node)
{
    struct engine *engine = context;
    struct lh_entry *entry;
    lh_foreach(engine->activities, entry)
    {
        struct activity *activity = (struct activity *)lh_entry_v(entry);
        struct source *source = find_source(activity, node);
        remove_wanter(activity, node);
        if (source)
            drop_source(activity, source);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void activity_peers_open(struct engine *engine)
{
    struct activity_peers *peers = NEW(struct activity_peers);
    engine->activity_peers = peers;
    TAILQ_INIT(&peers->claims);
    peers->again = evtimer_new(engine->base, on_again, engine);
    peers->turn = event_new(engine->base, -1, 0, on_turn, peers);
    peers->retell = evtimer_new(engine->base, on_retell, engine);
    peer_register(engine, CLAIM, on_claim, engine);
    peer_on_hint(engine, WANTED, on_wanted, engine);
    peer_on_hint(engine, WAITING, on_waiting, engine);
    peer_on_hint(engine, PASSED, on_passed, engine);
    peer_watch_nodes(engine, &(struct peer_events){.node_gone = on_gone, .context = engine});
}

void activity_peers_release(struct activity *activity)
{
    while (activity->wanter_count)
        drop_wanter(activity, 0);
    while (activity->source_count)
        drop_source(activity, activity->sources);
    free(activity->wanters);
    free(activity->sources);
}

void activity_peers_close(struct engine *engine)
{
    struct activity_peers *peers = engine->activity_peers;
    struct claim *claim;
    if (peers == NULL)
        return;
    while ((claim = TAILQ_FIRST(&peers->claims)) != NULL) {
        if (claim->poll)
            activity_park_first(claim->poll);
        peer_cancel(engine, claim->call);
        claim_free(claim);
    }
    event_free(peers->again);
    event_free(peers->turn);
    event_free(peers->retell);
    free(peers);
    engine->activity_peers = NULL;
}
