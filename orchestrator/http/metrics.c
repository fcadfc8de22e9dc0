/*
 * metrics.c - /metrics in Prometheus' text format.
 *
 * Figures that CloudWatch has keep AWS's name in Prometheus' spelling: ExecutionsStarted becomes
 * states_executions_started_total. Everything else the engine counts is orchestrator_NAME.
 */
#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "orchestrator/http/server_priv.h"
#include "runtime/executor/engine.h"

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

static const struct {
    const char *counter; /* of engine_metrics() */
    const char *name;
    const char *help;
} aws_names[] = {
    {"started", "states_executions_started_total", "Executions started"},
    {"succeeded", "states_executions_succeeded_total", "Executions that succeeded"},
    {"failed", "states_executions_failed_total", "Executions that failed"},
    {"timed_out", "states_executions_timed_out_total", "Executions that timed out"},
    {"aborted", "states_executions_aborted_total", "Executions that were aborted"},
    {"open", "states_open_execution_count", "Executions that are open"},
};

static void write_figure(struct buf *out, const char *counter, struct json_object *value)
{
    for (size_t i = 0; i < sizeof aws_names / sizeof aws_names[0]; i++) {
        if (strcmp(aws_names[i].counter, counter) != 0)
            continue;
        bool total = strstr(aws_names[i].name, "_total") != NULL;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", aws_names[i].name, aws_names[i].help, aws_names[i].name,
                   total ? "counter" : "gauge", aws_names[i].name);
        json_write(out, value);
        buf_add_char(out, '\n');
        return;
    }
    buf_printf(out, "# TYPE orchestrator_%s gauge\norchestrator_%s ", counter, counter);
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
