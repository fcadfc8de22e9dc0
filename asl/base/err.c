#include "asl/base/err.h"

#include <stdio.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err == NULL)
        return code;
    err->code = code;
    err->where[0] = '\0';
    err->hint[0] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

void err_at(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(err->where, sizeof err->where, format, args);
    va_end(args);
}

void err_hint(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
}

const char *err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
    case ERR_INVALID:
        return "invalid";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_EXISTS:
        return "exists";
    case ERR_BUSY:
        return "busy";
    case ERR_FENCED:
        return "fenced";
    case ERR_IO:
        return "I/O";
    case ERR_FULL:
        return "full";
    case ERR_LIMIT:
        return "limit";
    case ERR_CORRUPT:
        return "corrupt";
    case ERR_VERSION:
        return "version";
    case ERR_UNSUPPORTED:
        return "unsupported";
    }
    return "unknown";
}
