/*
 * failure.h - a workflow failure: an error name and a cause, as data.
 *
 * It goes to the history and meets Retry and Catch (ASL "Errors"). Not to be mixed up with struct
 * err, which is about what the program could not do.
 */
#ifndef ASL_FAILURE_H
#define ASL_FAILURE_H

#include <stdbool.h>

struct asl_failure {
    char *error;    /* "States.Runtime"; NULL: the failure carries no name; heap */
    char *cause;    /* NULL: none; heap */
    char *location; /* JSONata: the field ("Output/v", "Choices[1]/Condition"); else NULL; heap */
    bool in_state;  /* the cause gets the prefix "An error occurred while executing the state ..." */
};

#define ASL_FAILURE_INIT                                                                                               \
    {                                                                                                                  \
        0, 0, 0, false                                                                                                 \
    }

void asl_failure_release(struct asl_failure *failure);
/* Sets States.Runtime with a cause that gets the prefix. Returns -1, so that it can be returned. */
int asl_failure_runtime(struct asl_failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sets any error; in_state as given. Returns -1. */
int asl_failure_set(struct asl_failure *failure, const char *error, bool in_state, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
