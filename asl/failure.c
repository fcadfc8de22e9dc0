#include "asl/failure.h"

#include "asl/base/mem.h"

#include <stdarg.h>
#include <stdlib.h>

void asl_failure_release(struct asl_failure *failure)
{
    free(failure->error);
    free(failure->cause);
    free(failure->location);
    *failure = (struct asl_failure)ASL_FAILURE_INIT;
}

static void fill(struct asl_failure *failure, const char *error, bool in_state, const char *format, va_list args)
{
    char *cause = mem_vprintf(format, args); /* before the release: the arguments may be of this failure */
    char *name = mem_strdup(error);
    asl_failure_release(failure);
    failure->cause = cause;
    failure->error = name;
    failure->in_state = in_state;
}

int asl_failure_runtime(struct asl_failure *failure, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(failure, "States.Runtime", true, format, args);
    va_end(args);
    return -1;
}

int asl_failure_set(struct asl_failure *failure, const char *error, bool in_state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(failure, error, in_state, format, args);
    va_end(args);
    return -1;
}
