#include "config.h"

#include "orchestrator/client.h"

#include "orchestrator/node.h"
#include "orchestrator/options.h"
#include "orchestrator/own.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/executor/engine.h"
#include "runtime/service/service.h"
#include "runtime/store/store.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_MS = 2,          /* between two looks at the store while another process works */
    LOOK_MS = 50,         /* between two looks for a reply where nothing is heard of one */
    OWNER_CHECK_MS = 250, /* between two looks whether the owner has gone */
    GRACE_MS = 2000
};

struct client {
    const struct options *options;
    struct node *node;
    struct client_http *http;
    bool virtual_clock, stays;
    bool interrupted;
    struct event *signals[2];
    char *region, *account; /* of the server, once it was asked */
    char *watched;          /* ARN of the execution whose end we are to be told */
    bool watched_ended;
    int64_t owner_checked_ms;
};

void client_error_release(struct client_error *error)
{
    free(error->message);
    error->message = NULL;
    error->name[0] = '\0';
}

int client_error_set(struct client_error *error, const char *name, const char *message)
{
    client_error_release(error);
    snprintf(error->name, sizeof(error->name), "%s", name);
    error->message = mem_strdup(message ? message : "");
    return ERR_INVALID;
}

bool client_is_remote(const struct options *options)
{
    /* A --store that was typed wins over an endpoint of the environment or the configuration file. */
    return options_text(options, OPT_ENDPOINT) &&
           (options_typed(options, OPT_ENDPOINT) || !options_typed(options, OPT_STORE));
}

/* What only an engine in this process could heed must not be passed over in silence. */
static int check_remote(const struct options *options, struct err *err)
{
    static const enum option engine_options[] = {OPT_FUNCTIONS, OPT_MOCK,       OPT_PAYLOAD_LIMIT, OPT_HISTORY_LIMIT,
                                                 OPT_TASKS_MAX, OPT_WAIT_SCALE, OPT_LOGS};

    for (size_t i = 0; i < sizeof(engine_options) / sizeof(*engine_options); i++)
        if (options_typed(options, engine_options[i]))
            return err_set(err, ERR_INVALID, "--%s is for the process that runs executions: give it to the server",
                           option_spec(engine_options[i])->long_name);
    return 0;
}

int client_open(const struct client_options *given, struct client **ret_client, struct err *err)
{
    struct client *client = NEW(struct client);
    struct node_options node_options = {
        .options = given->options,
        .definition_path = given->definition_path,
        .virtual_clock = given->virtual_clock,
        .parks_tasks = !given->stays,
    };
    int result;

    client->options = given->options;
    client->virtual_clock = given->virtual_clock;
    client->stays = given->stays;
    if (!client_is_remote(given->options))
        result = node_open(&node_options, &client->node, err);
    else if (!(result = check_remote(given->options, err)))
        result = client_http_open(given->options, options_text(given->options, OPT_ENDPOINT), &client->http, err);
    if (result) {
        client_close(client);
        return result;
    }
    *ret_client = client;
    return 0;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < sizeof(client->signals) / sizeof(*client->signals); i++)
        if (client->signals[i])
            event_free(client->signals[i]);
    if (client->watched && client->node)
        engine_forget(client->node->engine, client->watched, client);
    free(client->watched);
    free(client->region);
    free(client->account);
    client_http_close(client->http);
    node_close(client->node, GRACE_MS);
    free(client);
}

struct node *client_node(struct client *client)
{
    return client->node;
}

/* Asked once; one that does not know the question (AWS's own) leaves it to the options. */
static void ask_server(struct client *client)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *node = NULL;
    struct client_error error = CLIENT_ERROR_INIT;

    if (!client->http || client->region)
        return;
    client_http_call(client->http, "DescribeNode", input, &node, &error);
    client_error_release(&error);
    const char *region = json_member_text(node, "region");
    const char *account = json_member_text(node, "account");
    client->region = mem_strdup(region ? region : node_region(client->options));
    client->account = mem_strdup(account ? account : node_account(client->options));
}

const char *client_region(struct client *client)
{
    if (!options_has(client->options, OPT_REGION))
        ask_server(client);
    return client->region && !options_has(client->options, OPT_REGION) ? client->region : node_region(client->options);
}

const char *client_account(struct client *client)
{
    if (!options_has(client->options, OPT_ACCOUNT))
        ask_server(client);
    return client->account && !options_has(client->options, OPT_ACCOUNT) ? client->account
                                                                         : node_account(client->options);
}

/* --- this process owns the store ------------------------------------------------------------------------ */

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    struct client *client = context;
    (void)fd;
    (void)what;
    client->interrupted = true;
    event_base_loopbreak(client->node->base);
}

/* From now on a signal ends the waiting, not the process: handlers and requests must not be left behind. */
static void catch_signals(struct client *client)
{
    static const int signals[] = {SIGINT, SIGTERM};

    for (size_t i = 0; !client->signals[1] && i < sizeof(signals) / sizeof(*signals); i++) {
        client->signals[i] = evsignal_new(client->node->base, signals[i], on_signal, client);
        event_add(client->signals[i], NULL);
    }
}

/* Takes the store where it is free. */
static int own(struct client *client, struct err *err)
{
    int result = node_own(client->node, err);

    client->owner_checked_ms = clock_steady_ms();
    if (!result)
        catch_signals(client);
    return result;
}

struct pending {
    struct client *client;
    bool answered;
    int result;
    struct json_object **ret_output;
    struct client_error *error;
};

static void on_answer(void *context, const struct service_answer *answer)
{
    struct pending *pending = context;

    pending->answered = true;
    if (answer->error)
        pending->result = client_error_set(pending->error, answer->error, answer->message);
    else if (answer->output_text)
        pending->result =
            json_parse(answer->output_text, answer->output_bytes, pending->ret_output, &pending->error->err);
    else
        *pending->ret_output = json_object_get(answer->output);
    event_base_loopbreak(pending->client->node->base);
}

static int interrupted(struct client_error *error)
{
    return err_set(&error->err, ERR_BUSY, "interrupted");
}

static int call_here(struct client *client, const char *operation, struct json_object *input,
                     struct json_object **ret_output, struct client_error *error)
{
    struct pending pending = {.client = client, .ret_output = ret_output, .error = error};
    struct service_call *call = service_call(client->node->service, operation, input, on_answer, &pending);

    while (!pending.answered && !client->interrupted)
        event_base_loop(client->node->base, EVLOOP_NO_EXIT_ON_EMPTY);
    if (pending.answered)
        return pending.result;
    service_cancel(client->node->service, call);
    return interrupted(error);
}

/* --- another process owns it ------------------------------------------------------------------------------ */

static int on_reply(void *context, int64_t seq, const char *body)
{
    struct pending *pending = context;
    AUTO_JSON struct json_object *reply = NULL;
    struct json_object *output = NULL;

    (void)seq;
    pending->answered = true;
    if ((pending->result = json_parse(body, strlen(body), &reply, &pending->error->err)))
        return 0;
    const char *name = json_member_text(reply, "error");
    if (name)
        pending->result = client_error_set(pending->error, name, json_member_text(reply, "message"));
    else if (json_member(reply, "output", &output))
        *pending->ret_output = json_object_get(output);
    return 0;
}

/* Whether the store is ours after all: its owner has gone, and we stay or have a request that nobody answers. */
static bool took_over(struct client *client)
{
    if (node_owns(client->node))
        return true;
    if (clock_steady_ms() - client->owner_checked_ms < OWNER_CHECK_MS)
        return false;
    return !own(client, NULL);
}

/* The loop turns for a while: as owner it works, else it waits for the time to pass or a signal. */
static void pass_time(struct client *client, int ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    catch_signals(client);
    event_base_loopexit(client->node->base, &time);
    event_base_loop(client->node->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static int call_owner(struct client *client, const char *operation, struct json_object *input,
                      struct json_object **ret_output, struct client_error *error)
{
    struct pending pending = {.client = client, .ret_output = ret_output, .error = error};
    struct store *store = client->node->store;
    AUTO_BUF body = BUF_INIT;
    int64_t seq;
    int result;

    buf_add_text(&body, "{\"operation\":");
    json_write_string(&body, operation, strlen(operation));
    buf_add_text(&body, ",\"input\":");
    json_write(&body, input);
    buf_add_char(&body, '}');
    int64_t change = store_change_counter(store);
    int64_t looked_ms = clock_steady_ms();
    if ((result = store_inbox_put(store, 0, buf_text(&body), &seq, &error->err)))
        return result;
    for (;;) {
        if (store_change_counter(store) != change || clock_steady_ms() - looked_ms >= LOOK_MS) {
            change = store_change_counter(store);
            looked_ms = clock_steady_ms();
            result = store_inbox_reply(store, seq, on_reply, &pending, &error->err);
        }
        if (pending.answered)
            return pending.result;
        if (result && result != ERR_NOT_FOUND)
            return result;
        if (client->interrupted) {
            store_inbox_cancel(store, seq, NULL);
            return interrupted(error);
        }
        took_over(client); /* then our own inbox answers */
        pass_time(client, TICK_MS);
    }
}

/* --- which way ------------------------------------------------------------------------------------------------ */

/* Changes nothing in the store, so that it needs no owner: the execution lives and ends inside the call. */
static bool needs_no_owner(const char *operation)
{
    enum service_access access = service_access_of(operation);
    return access == SERVICE_UNKNOWN || access == SERVICE_READ || !strcmp(operation, "StartSyncExecution") ||
           !strcmp(operation, "TestState");
}

int client_call(struct client *client, const char *operation, struct json_object *input,
                struct json_object **ret_output, struct client_error *error)
{
    int result;

    *ret_output = NULL;
    if (client->http)
        return client_http_call(client->http, operation, input, ret_output, error);
    if (own_access_of(operation) != SERVICE_UNKNOWN)
        return own_call(client->node->engine, operation, ret_output, &error->err);
    if (needs_no_owner(operation))
        return call_here(client, operation, input, ret_output, error);
    result = own(client, &error->err);
    if (result == ERR_BUSY && !client->virtual_clock)
        return call_owner(client, operation, input, ret_output, error);
    return result ? result : call_here(client, operation, input, ret_output, error);
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

static void on_ended(void *context, const struct engine_outcome *outcome)
{
    struct client *client = context;
    (void)outcome;
    client->watched_ended = true;
    event_base_loopbreak(client->node->base);
}

static void watch(struct client *client, const char *arn)
{
    if (client->watched || !arn)
        return;
    client->watched = mem_strdup(arn);
    if (engine_watch(client->node->engine, arn, on_ended, client))
        client->watched_ended = true; /* not known here: its history tells */
}

bool client_wait(struct client *client, const char *execution_arn, int ms)
{
    int64_t until_ms = clock_steady_ms() + ms;

    if (client->http)
        return client_http_wait(client->http, ms);
    if (client->stays && took_over(client)) {
        watch(client, execution_arn);
        if (!client->interrupted)
            pass_time(client, client->watched_ended ? TICK_MS : ms);
        return !client->interrupted;
    }
    store_change_counter(client->node->store);
    int64_t change = store_change_counter(client->node->store);
    while (clock_steady_ms() < until_ms && !client->interrupted && store_change_counter(client->node->store) == change)
        pass_time(client, TICK_MS);
    return !client->interrupted;
}
