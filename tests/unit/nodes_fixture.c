/* nodes_fixture.c - see nodes_fixture.h. */
#include "tests/unit/nodes_fixture.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/executor/engine.h"
#include "runtime/executor/peer.h"
#include "runtime/service/inbox.h"
#include "runtime/service/nested.h"
#include "runtime/service/service.h"
#include "runtime/store/store.h"
#include "runtime/task/callback.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

int64_t nodes_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void nodes_waited_in_vain(const char *condition, const char *file, int line)
{
    print_error("waited in vain for %s\n", condition);
    _fail(file, line);
}

/* --- nodes ---------------------------------------------------------------------------------------------------- */

static void log_line(void *context, int level, const char *message)
{
    const struct node *node = context;
    if (level > 1)
        print_message("%s: %s\n", peer_self(node->engine), message);
}

static void on_pulse(int fd, short what, void *context)
{
    (void)fd, (void)what, (void)context;
}

struct node *nodes_join(struct nodes *nodes, int which)
{
    struct node *node = &nodes->node[which];
    struct err err = {0};
    const char name[] = {(char)('A' + which), '\0'};
    const struct timeval pulse = {.tv_usec = 1000};
    *node = (struct node){.base = event_base_new(), .store = store_fixture_open(nodes->fixture)};
    node->pulse = event_new(node->base, -1, EV_PERSIST, on_pulse, NULL);
    event_add(node->pulse, &pulse);
    struct engine_options options = {.base = node->base,
                                     .store = node->store,
                                     .region = "us-east-1",
                                     .account = "123456789012",
                                     .node = name,
                                     .log = log_line,
                                     .log_context = node};
    if (engine_open(&options, &node->engine, &err) != 0 ||
        service_open(&(struct service_options){.engine = node->engine}, &node->service, &err) != 0)
        fail_msg("%s", err.message);
    engine_add_connector(node->engine, nested_open(node->service));
    engine_add_connector(node->engine, callback_open(node->base));
    if (engine_join(node->engine, &err) != 0)
        fail_msg("%s", err.message);
    node->inbox = service_inbox_open(node->service, node->engine);
    return node;
}

void nodes_leave(struct node *node)
{
    if (node->engine)
        engine_drain(node->engine);
    service_inbox_close(node->inbox);
    if (node->engine)
        engine_halt(node->engine, 0);
    service_close(node->service);
    engine_close(node->engine, 0);
    store_close(node->store);
    event_free(node->pulse);
    event_base_free(node->base);
    *node = (struct node){0};
}

void nodes_turn(struct nodes *nodes)
{
    for (int i = 0; i < NODES_MAX; i++)
        if (nodes->node[i].base && !nodes->node[i].sleeps)
            event_base_loop(nodes->node[i].base, EVLOOP_ONCE);
}

int nodes_setup(void **state)
{
    struct nodes *nodes = NEW(struct nodes);
    void *fixture;
    if (store_fixture_setup(&fixture) != 0)
        return -1;
    nodes->fixture = fixture;
    *state = nodes;
    return 0;
}

int nodes_teardown(void **state)
{
    struct nodes *nodes = *state;
    void *fixture = nodes->fixture;
    nodes_let_go(nodes);
    for (int i = 0; i < NODES_MAX; i++)
        if (nodes->node[i].base)
            nodes_leave(&nodes->node[i]);
    free(nodes);
    return store_fixture_teardown(&fixture);
}

int nodes_owned(const struct node *node)
{
    int count = 0;
    for (int shard = 0; shard < store_shards(node->store); shard++)
        count += engine_owns_shard(node->engine, shard);
    return count;
}

bool nodes_are_balanced(const struct nodes *nodes)
{
    int shards = store_shards(nodes->fixture->store), count = 0;
    for (int i = 0; i < NODES_MAX; i++)
        count += nodes->node[i].base && !nodes->node[i].sleeps;
    for (int i = 0; i < NODES_MAX; i++)
        if (nodes->node[i].base && nodes_owned(&nodes->node[i]) > (shards + count - 1) / count)
            return false;
    for (int shard = 0; shard < shards; shard++) {
        int owners = 0;
        for (int i = 0; i < NODES_MAX; i++)
            owners += nodes->node[i].base && engine_owns_shard(nodes->node[i].engine, shard);
        if (owners != 1)
            return false;
    }
    return true;
}

void nodes_name_on(const struct node *node, const char *machine, char *ret_name)
{
    static int count;
    char arn[256];
    do {
        snprintf(ret_name, 64, "x%d", ++count);
        snprintf(arn, sizeof arn, "arn:aws:states:us-east-1:123456789012:execution:%s:%s", machine, ret_name);
    } while (!engine_owns(node->engine, arn));
}

/* --- the API -------------------------------------------------------------------------------------------------- */

static void keep(void *context, const struct service_answer *given)
{
    struct answer *answer = context;
    answer->given = true;
    snprintf(answer->error, sizeof answer->error, "%s", given->error ? given->error : "");
    if (given->output_text)
        json_parse(given->output_text, given->output_bytes, &answer->output, NULL);
    else
        answer->output = json_object_get(given->output);
}

static void ask(struct node *node, struct answer *answer, const char *operation, const char *format, va_list arguments)
{
    AUTO_JSON struct json_object *input = NULL;
    struct err err = {0};
    char text[4096];
    vsnprintf(text, sizeof text, format, arguments);
    if (json_parse(text, strlen(text), &input, &err) != 0)
        fail_msg("%s: %s", text, err.message);
    *answer = (struct answer){0};
    service_call(node->service, operation, input, keep, answer);
}

void nodes_ask(struct node *node, struct answer *answer, const char *operation, const char *input, ...)
{
    va_list arguments;
    va_start(arguments, input);
    ask(node, answer, operation, input, arguments);
    va_end(arguments);
}

void nodes_call(struct nodes *nodes, struct node *node, struct answer *answer, const char *operation, const char *input,
                ...)
{
    va_list arguments;
    va_start(arguments, input);
    ask(node, answer, operation, input, arguments);
    va_end(arguments);
    NODES_WAIT(nodes, answer->given);
}

void answer_release(struct answer *answer)
{
    json_object_put(answer->output);
    *answer = (struct answer){0};
}

void nodes_create_machine(struct nodes *nodes, struct node *node, const char *name, const char *definition)
{
    struct answer answer;
    AUTO_JSON struct json_object *text = json_object_new_string(definition);
    nodes_call(nodes, node, &answer, "CreateStateMachine",
               "{\"name\":\"%s\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\",\"definition\":%s}", name,
               json_object_to_json_string(text));
    assert_string_equal(answer.error, "");
    answer_release(&answer);
}

struct wanted {
    const char *arn;
    char *token;
};

static void note_token(void *context, const struct engine_waiting *waiting)
{
    struct wanted *wanted = context;
    if (wanted->token == NULL && strcmp(waiting->execution_arn, wanted->arn) == 0)
        wanted->token = mem_strdup(waiting->token);
}

static char *find_token(struct node *node, const char *arn)
{
    struct wanted wanted = {.arn = arn};
    assert_int_equal(engine_list_waiting(node->engine, note_token, &wanted, NULL), 0);
    return wanted.token;
}

char *nodes_token(struct nodes *nodes, struct node *node, const char *execution_arn)
{
    char *token = NULL;
    NODES_WAIT(nodes, (token = find_token(node, execution_arn)) != NULL);
    return token;
}

/* Its output or status; NULL while it runs. */
static char *find_end(struct nodes *nodes, struct node *node, const char *arn)
{
    struct answer answer;
    nodes_call(nodes, node, &answer, "DescribeExecution", "{\"executionArn\":\"%s\"}", arn);
    assert_string_equal(answer.error, "");
    const char *status = json_member_text(answer.output, "status");
    const char *output = json_member_text(answer.output, "output");
    char *end = strcmp(status, "RUNNING") == 0 ? NULL : mem_strdup(output ? output : status);
    answer_release(&answer);
    return end;
}

char *nodes_end(struct nodes *nodes, struct node *node, const char *execution_arn)
{
    char *end = NULL;
    NODES_WAIT(nodes, (end = find_end(nodes, node, execution_arn)) != NULL);
    return end;
}

/* --- the database ---------------------------------------------------------------------------------------------- */

static PGconn *connect_to(const struct nodes *nodes)
{
    PGconn *connection = PQconnectdb(nodes->fixture->url);
    if (PQstatus(connection) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(connection));
    return connection;
}

static int64_t run(PGconn *connection, const char *query)
{
    PGresult *result = PQexec(connection, query);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", query, PQerrorMessage(connection));
    int64_t number = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return number;
}

int64_t nodes_sql(const struct nodes *nodes, const char *query, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, query);
    vsnprintf(text, sizeof text, query, arguments);
    va_end(arguments);
    PGconn *connection = connect_to(nodes);
    int64_t number = run(connection, text);
    PQfinish(connection);
    return number;
}

void nodes_bury(struct nodes *nodes, const struct node *node)
{
    nodes_sql(nodes, "UPDATE orchestrator.node SET expires = clock_timestamp() WHERE name = '%s'",
              peer_self(node->engine));
    nodes_sql(nodes, "SELECT 0 FROM pg_notify('orchestrator', E'nobody\\no')");
}

void nodes_hold_commits(struct nodes *nodes, const struct node *node)
{
    char query[256];
    snprintf(query, sizeof query,
             "SELECT count(*) FROM (SELECT 1 FROM orchestrator.writer w JOIN orchestrator.node n ON n.writer = w.id"
             " WHERE n.name = '%s' FOR UPDATE OF w) held",
             peer_self(node->engine));
    nodes->holder = connect_to(nodes);
    run(nodes->holder, "BEGIN");
    assert_int_equal(run(nodes->holder, query), 1);
}

void nodes_let_go(struct nodes *nodes)
{
    if (nodes->holder)
        PQfinish(nodes->holder);
    nodes->holder = NULL;
}

bool nodes_commit_is_held(const struct nodes *nodes)
{
    return nodes_sql(nodes, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                            " AND datname = current_database() AND application_name LIKE 'orchestrator writer %%'") > 0;
}
