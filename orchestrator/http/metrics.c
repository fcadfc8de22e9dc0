/*
 * metrics.c - /metrics in Prometheus' text format.
 *
 * Figures that CloudWatch has keep AWS's name in Prometheus' spelling: ExecutionsStarted becomes
 * states_executions_started_total. Everything else is orchestrator_NAME.
 */
#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "orchestrator/http/server_priv.h"
#include "runtime/executor/engine.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void metrics_count(struct http_server *server, const char *operation, const char *error, double seconds)
{
    struct http_count *count = server->counts;
    struct http_count *end = count + server->count_count;
    while (count < end && (strcmp(count->operation, operation) != 0 || strcmp(count->error, error) != 0))
        count++;
    if (count == end) {
        if (server->count_count == sizeof server->counts / sizeof server->counts[0])
            return;
        server->count_count++;
        snprintf(count->operation, sizeof count->operation, "%s", operation);
        snprintf(count->error, sizeof count->error, "%s", error);
    }
    count->requests++;
    count->seconds += seconds;
}

/* Figures of the engine that can also go down; all others only grow. */
static bool is_gauge(const char *figure)
{
    static const char *const gauges[] = {"executionsInMemory", "executionsOpen", "tasksRunning",
                                         "commitMicrosecondsMax"};
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++)
        if (strcmp(gauges[i], figure) == 0)
            return true;
    return false;
}

/* What CloudWatch counts too: executions and activities. */
static bool is_of_aws(const char *figure)
{
    return strncmp(figure, "executions", 10) == 0 || strncmp(figure, "activities", 10) == 0;
}

static void write_figure(struct buf *out, const char *figure, struct json_object *value)
{
    AUTO_BUF name = BUF_INIT;
    buf_add_text(&name, is_of_aws(figure) ? "states_" : "orchestrator_");
    for (const char *c = figure; *c; c++) {
        if (isupper((unsigned char)*c))
            buf_add_char(&name, '_');
        buf_add_char(&name, (char)tolower((unsigned char)*c));
    }
    bool gauge = is_gauge(figure);
    if (!gauge)
        buf_add_text(&name, "_total");
    buf_printf(out, "# TYPE %s %s\n%s ", buf_text(&name), gauge ? "gauge" : "counter", buf_text(&name));
    json_write(out, value);
    buf_add_char(out, '\n');
}

void metrics_write(struct http_server *server, struct buf *out)
{
    AUTO_JSON struct json_object *figures = engine_metrics(server->options.engine);
    if (figures) {
        json_object_object_foreach (figures, name, value) {
            if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
                write_figure(out, name, value);
        }
    }
    buf_add_text(out, "# HELP states_api_calls_total Answered API requests\n# TYPE states_api_calls_total counter\n");
    for (size_t i = 0; i < server->count_count; i++)
        buf_printf(out, "states_api_calls_total{operation=\"%s\",error=\"%s\"} %llu\n", server->counts[i].operation,
                   server->counts[i].error, (unsigned long long)server->counts[i].requests);
    buf_add_text(out, "# HELP states_api_call_seconds_total Time from request to answer\n"
                      "# TYPE states_api_call_seconds_total counter\n");
    for (size_t i = 0; i < server->count_count; i++)
        buf_printf(out, "states_api_call_seconds_total{operation=\"%s\",error=\"%s\"} %.6f\n",
                   server->counts[i].operation, server->counts[i].error, server->counts[i].seconds);
    buf_printf(out, "# TYPE orchestrator_requests_at_work gauge\norchestrator_requests_at_work %zu\n",
               server->exchange_count);
}
