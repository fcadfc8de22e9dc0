/*
 * text_file.h - reads a whole file, up to a limit.
 */
#ifndef RUNTIME_TASK_TEXT_FILE_H
#define RUNTIME_TASK_TEXT_FILE_H

#include <stddef.h>

struct buf;
struct err;

/* Appends the file's bytes. ERR_NOT_FOUND, ERR_IO, ERR_LIMIT; the error's place is the path. */
int text_file_read(const char *path, size_t bytes_max, struct buf *text, struct err *err);

#endif
