/*
 * mem.h - heap memory that is there or ends the program.
 *
 * Promise   none of these returns NULL: a workflow engine that cannot allocate a few bytes cannot
 *           do anything useful, and what it had committed is safe in the store.
 */
#ifndef ASL_BASE_MEM_H
#define ASL_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t bytes);
void *mem_zalloc(size_t bytes);
void *mem_realloc(void *old, size_t bytes);
/* Copies; NULL gives NULL. */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t bytes);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Room for at least `need` elements in a growing array: doubles the capacity. */
void *mem_grow(void *array, size_t *capacity, size_t need, size_t element_bytes);

#define NEW(type) ((type *)mem_zalloc(sizeof(type)))

#endif
