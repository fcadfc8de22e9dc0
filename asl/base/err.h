/*
 * err.h - operating errors: what could not be done, where, and why.
 *
 * Shapes    a function that can fail returns 0 or a negative enum err_code and fills a struct err
 *           when it was given one. Workflow failures (States.Timeout ...) are data, not errors: see
 *           asl/failure.h.
 * Memory    struct err is plain data in the caller's memory; texts that do not fit are cut.
 */
#ifndef ASL_BASE_ERR_H
#define ASL_BASE_ERR_H

#include <stdarg.h>

enum err_code {
    ERR_OK = 0,
    ERR_INVALID = -1,     /* the input is wrong: say what was found and what was expected */
    ERR_NOT_FOUND = -2,   /* no such thing */
    ERR_EXISTS = -3,      /* there is one already */
    ERR_BUSY = -4,        /* try again */
    ERR_FENCED = -5,      /* another node owns this now */
    ERR_IO = -6,          /* the outside world failed */
    ERR_FULL = -7,        /* no space left */
    ERR_LIMIT = -8,       /* a limit of limits.h or of the settings was reached */
    ERR_CORRUPT = -9,     /* stored data is damaged */
    ERR_VERSION = -10,    /* stored data is of a newer version than this program knows */
    ERR_UNSUPPORTED = -11 /* known, but not possible here */
};

struct err {
    enum err_code code;
    char message[512]; /* lower case, no full stop: what was found, what was expected */
    char where[256];   /* a file, a JSON pointer, or empty */
    char hint[256];    /* advice, or empty */
};

#define ERR_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* Fills err (NULL allowed) and returns code, so that `return err_set(err, ERR_IO, ...)` reads well. */
int err_set(struct err *err, enum err_code code, const char *format, ...) ERR_PRINTF(3, 4);
/* Names the place; keeps what is there. */
void err_at(struct err *err, const char *format, ...) ERR_PRINTF(2, 3);
void err_hint(struct err *err, const char *format, ...) ERR_PRINTF(2, 3);
/* "invalid", "not found" ...: for logs. */
const char *err_code_name(enum err_code code);

#endif
