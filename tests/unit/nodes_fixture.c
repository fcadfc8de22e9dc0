/* nodes_fixture.c - see nodes_fixture.h. */
#include "tests/unit/nodes_fixture.h"

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

static bool is_awake(const struct node *node)
{
    return node->base && !node->sleeps;
}

void nodes_turn(struct nodes *nodes)
{
    for (int i = 0; i < NODES_MAX; i++)
        if (is_awake(&nodes->node[i]))
            event_base_loop(nodes->node[i].base, EVLOOP_ONCE);
}

bool nodes_can_be_tested(void)
{
    const char *url = getenv("TEST_STORE");
    if (url && strncmp(url, "postgres", 8) == 0)
        return true;
    printf("skipped: TEST_STORE names no PostgreSQL; nodes_test.sh starts one\n");
    return false;
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
        count += is_awake(&nodes->node[i]);
    for (int i = 0; i < NODES_MAX; i++)
        if (is_awake(&nodes->node[i]) && nodes_owned(&nodes->node[i]) > (shards + count - 1) / count)
            return false;
    for (int shard = 0; shard < shards; shard++) {
        int owners = 0;
        for (int i = 0; i < NODES_MAX; i++)
            owners += is_awake(&nodes->node[i]) && engine_owns_shard(nodes->node[i].engine, shard);
        if (owners != 1)
            return false;
    }
    return true;
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
