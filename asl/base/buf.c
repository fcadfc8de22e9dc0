#include "asl/base/buf.h"

#include "asl/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_release(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *buf)
{
    buf->bytes = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t more)
{
    buf->data = mem_grow(buf->data, &buf->capacity, buf->bytes + more + 1, 1);
    return buf->data + buf->bytes;
}

void buf_add(struct buf *buf, const void *data, size_t bytes)
{
    char *at = buf_reserve(buf, bytes);
    if (bytes)
        memcpy(at, data, bytes);
    buf->bytes += bytes;
    buf->data[buf->bytes] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_add_int(struct buf *buf, int64_t number)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    buf_add(buf, at, (size_t)(digits + sizeof digits - at));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    vsnprintf(buf_reserve(buf, (size_t)length), (size_t)length + 1, format, again);
    va_end(again);
    buf->bytes += (size_t)length;
}

char *buf_take(struct buf *buf)
{
    if (buf->data == NULL)
        return mem_strdup("");
    char *text = buf->data;
    *buf = (struct buf)BUF_INIT;
    return text;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
