/*
 * metrics.c - /metrics in Prometheus' text format.
 *
 * The engine gives its figures (runtime/executor/figures.h); the requests are counted here.
 */
#include "asl/base/buf.h"
#include "orchestrator/http/connection.h"
#include "orchestrator/http/server_priv.h"
#include "runtime/executor/figures.h"

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

/* --- the page ------------------------------------------------------------------------------------------------- */

struct page {
    struct buf *out;
    const char *name; /* of the figure before: its head is written once */
};

static void write_head(struct page *page, const char *name, const char *kind, const char *help)
{
    if (page->name && strcmp(page->name, name) == 0)
        return;
    page->name = name;
    buf_printf(page->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* {state_machine="NAME",le="BOUND"}, either or none */
static void write_labels(struct buf *out, const char *machine, const char *bound)
{
    if (machine == NULL && bound == NULL)
        return;
    buf_add_char(out, '{');
    if (machine) {
        buf_add_text(out, "state_machine=\"");
        for (const char *c = machine; *c; c++) {
            if (*c == '"' || *c == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, *c);
        }
        buf_add_char(out, '"');
    }
    if (bound)
        buf_printf(out, "%sle=\"%s\"", machine ? "," : "", bound);
    buf_add_char(out, '}');
}

static void write_value(struct buf *out, const char *name, const char *ending, const char *machine, const char *bound,
                        double value)
{
    buf_printf(out, "%s%s", name, ending);
    write_labels(out, machine, bound);
    buf_printf(out, " %.15g\n", value);
}

static void write_histogram(struct buf *out, const struct figure *figure)
{
    const struct histogram *histogram = figure->histogram;
    int64_t count = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        char bound[32] = "+Inf";
        count += histogram->counts[i];
        if (i < histogram->bound_count)
            snprintf(bound, sizeof bound, "%g", histogram->bounds[i]);
        write_value(out, figure->name, "_bucket", figure->machine, bound, (double)count);
    }
    write_value(out, figure->name, "_sum", figure->machine, NULL, histogram->sum);
    write_value(out, figure->name, "_count", figure->machine, NULL, (double)count);
}

static void write_figure(void *context, const struct figure *figure)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct page *page = context;
    write_head(page, figure->name, kinds[figure->kind], figure->help);
    if (figure->kind == FIGURE_HISTOGRAM)
        write_histogram(page->out, figure);
    else
        write_value(page->out, figure->name, "", figure->machine, NULL, figure->value);
}

void metrics_write(struct http_server *server, struct buf *out)
{
    struct page page = {.out = out};
    engine_figures(server->options.engine, write_figure, &page);
    write_head(&page, "states_api_calls_total", "counter", "Answered API requests");
    for (size_t i = 0; i < server->count_count; i++)
        buf_printf(out, "states_api_calls_total{operation=\"%s\",error=\"%s\"} %llu\n", server->counts[i].operation,
                   server->counts[i].error, (unsigned long long)server->counts[i].requests);
    write_head(&page, "states_api_call_seconds_total", "counter", "Time from request to answer");
    for (size_t i = 0; i < server->count_count; i++)
        buf_printf(out, "states_api_call_seconds_total{operation=\"%s\",error=\"%s\"} %.6f\n",
                   server->counts[i].operation, server->counts[i].error, server->counts[i].seconds);
    write_head(&page, "orchestrator_requests_at_work", "gauge", "API requests that are not answered yet");
    buf_printf(out, "orchestrator_requests_at_work %zu\n", server->exchange_count);
    write_head(&page, "orchestrator_connections", "gauge", "Connections that are open");
    buf_printf(out, "orchestrator_connections %zu\n", connections_count(server->connections));
}
