#include "config.h"

#include "runtime/execution/status.h"

#include "runtime/execution/execution.h"

#include <string.h>

static const char *const names[] = {
#define STATUS(enumerator, name) [enumerator] = name,
#include "runtime/execution/statuses.def"
#undef STATUS
};

const char *execution_status_name(enum execution_status status)
{
    return names[status];
}

int execution_status_find(const char *name)
{
    for (int status = 0; name && status < EXECUTION_STATUS_COUNT; status++)
        if (!strcmp(name, names[status]))
            return status;
    return -1;
}

enum execution_status execution_status(const struct execution *execution)
{
    if (execution_phase(execution) != EXECUTION_CLOSED)
        return EXECUTION_RUNNING;
    switch (execution_ending(execution)) {
    case EVENT_EXECUTION_SUCCEEDED:
        return EXECUTION_SUCCEEDED;
    case EVENT_EXECUTION_ABORTED:
        return EXECUTION_ABORTED;
    case EVENT_EXECUTION_TIMED_OUT:
        return EXECUTION_TIMED_OUT;
    default:
        return EXECUTION_FAILED;
    }
}
