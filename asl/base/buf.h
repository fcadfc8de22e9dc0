/*
 * buf.h - a growing piece of text.
 *
 * Shapes    `data` is NUL-terminated as soon as something was added; `bytes` does not count the NUL.
 * Memory    start with BUF_INIT, end with buf_release(); buf_take() hands the heap text to the caller.
 */
#ifndef ASL_BASE_BUF_H
#define ASL_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data;
    size_t bytes;
    size_t capacity;
};

#define BUF_INIT                                                                                                       \
    {                                                                                                                  \
        NULL, 0, 0                                                                                                     \
    }
#define AUTO_BUF __attribute__((cleanup(buf_release))) struct buf

void buf_release(struct buf *buf);
/* Keeps the memory for the next use. */
void buf_clear(struct buf *buf);
/* Room for `more` bytes and a NUL; returns where to write. The caller then raises `bytes`. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t bytes);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_int(struct buf *buf, int64_t number);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text (never NULL); buf is empty afterwards. The caller frees it. */
char *buf_take(struct buf *buf);
/* The text so far, "" when empty. */
const char *buf_text(const struct buf *buf);

#endif
