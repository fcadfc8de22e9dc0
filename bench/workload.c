#include "bench/workload.h"

#include "asl/base/json.h"

#include <stdio.h>
#include <string.h>

static const struct workload workloads[] = {
    {.name = "pass10",
     .definition = "pass10",
     .executions = 40000,
     .in_flight = 1000,
     .units = 10,
     .unit = "transition"},
    {.name = "pass10-c1",
     .definition = "pass10",
     .executions = 2000,
     .in_flight = 1,
     .units = 10,
     .unit = "transition"},
    {.name = "task10", .definition = "task10", .executions = 20000, .in_flight = 1000, .units = 10, .unit = "step"},
    {.name = "task10-c1", .definition = "task10", .executions = 300, .in_flight = 1, .units = 10, .unit = "step"},
    {.name = "count",
     .definition = "count",
     .executions = 2500,
     .in_flight = 1,
     .units = 402,
     .unit = "transition",
     .express = true},
    {.name = "map1000",
     .definition = "map",
     .executions = 20,
     .in_flight = 1,
     .units = 1000,
     .unit = "item",
     .items = 1000},
    {.name = "map10000",
     .definition = "map",
     .executions = 2,
     .in_flight = 1,
     .units = 10000,
     .unit = "item",
     .items = 10000},
    {.name = "wait",
     .definition = "wait",
     .executions = 10000,
     .in_flight = 10000,
     .units = 1,
     .unit = "wait",
     .wait_ms = 5000},
    {.name = "callback",
     .definition = "callback",
     .executions = 100000,
     .in_flight = 100000,
     .units = 1,
     .unit = "start",
     .stays_open = true},
};

const struct workload *workload_find(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

void workload_print_names(void)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        puts(workloads[i].name);
}

static struct json_object *line_item(const char *sku, int quantity)
{
    struct json_object *item = json_object_new_object();
    json_add_text(item, "sku", sku);
    json_add_int(item, "qty", quantity);
    return item;
}

/* 200 bytes of JSON. */
static struct json_object *order(int i)
{
    char id[32];
    snprintf(id, sizeof id, "order-%08d", i);
    struct json_object *document = json_object_new_object();
    json_add_int(document, "id", i);
    json_add_text(document, "orderId", id);
    json_add_text(document, "customer", "C-1029384756");
    json_add(document, "amount", json_object_new_double_s(123.45, "123.45"));
    json_add_text(document, "currency", "EUR");
    struct json_object *items = json_object_new_array();
    json_append(items, line_item("SKU-1", 2));
    json_append(items, line_item("SKU-2", 1));
    json_add(document, "items", items);
    json_add_text(document, "note", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    return document;
}

struct json_object *workload_input(const struct workload *workload, int i)
{
    struct json_object *document = order(i);
    if (strcmp(workload->definition, "count") == 0) {
        struct json_object *input = json_object_new_object();
        json_add_int(input, "count", 0);
        json_add_int(input, "limit", (workload->units - 2) / 2);
        json_add(input, "order", document);
        return input;
    }
    if (workload->items == 0)
        return document;
    json_object_put(document);
    struct json_object *input = json_object_new_object(), *items = json_object_new_array();
    for (int item = 0; item < workload->items; item++)
        json_append(items, order(item));
    json_add(input, "items", items);
    return input;
}
