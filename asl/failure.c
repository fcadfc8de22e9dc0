#include "asl/failure.h"

#include "asl/base/buf.h"
#include "asl/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
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
    asl_failure_release(failure);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    failure->cause = mem_alloc((size_t)length + 1);
    vsnprintf(failure->cause, (size_t)length + 1, format, again);
    va_end(again);
    failure->error = mem_strdup(error);
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
