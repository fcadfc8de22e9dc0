#include "config.h"

#include "orchestrator/parked.h"

#include "asl/base/mem.h"
#include "runtime/task/connector.h"

#include <stdlib.h>

static bool parked_accepts(struct connector *connector, const struct task *task)
{
    (void)connector;
    /* Tasks of activities are the engine's own: they wait for a worker. */
    return task->resource->kind != RESOURCE_ACTIVITY;
}

static void parked_start(struct connector *connector, struct task *task)
{
    (void)connector;
    (void)task;
}

static void parked_cancel(struct connector *connector, struct task *task)
{
    (void)connector;
    (void)task;
}

static void parked_close(struct connector *connector, int grace_ms)
{
    (void)grace_ms;
    free(connector);
}

static const struct connector_ops parked_ops = {
    .name = "parked",
    .accepts = parked_accepts,
    .start = parked_start,
    .cancel = parked_cancel,
    .close = parked_close,
};

struct connector *parked_new(void)
{
    struct connector *connector = NEW(struct connector);
    connector->ops = &parked_ops;
    return connector;
}
