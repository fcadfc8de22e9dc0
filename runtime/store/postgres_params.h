/*
 * postgres_params.h - the parameters of one prepared statement, as libpq wants them.
 *
 * Numbers go as text, whole columns as arrays in PostgreSQL's binary form, so that no value has to be
 * quoted or parsed.
 *
 * Memory    texts are borrowed until the statement was sent; start with PARAMS_INIT, end with
 *           params_release().
 */
#ifndef RUNTIME_STORE_POSTGRES_PARAMS_H
#define RUNTIME_STORE_POSTGRES_PARAMS_H

#include "asl/base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { PARAMS_MAX = 12 };

struct params {
    int count;
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
    char numbers[PARAMS_MAX][24];
    struct buf arrays[PARAMS_MAX];
};

#define PARAMS_INIT                                                                                                    \
    {                                                                                                                  \
        .count = 0                                                                                                     \
    }
#define AUTO_PARAMS __attribute__((cleanup(params_release))) struct params

void params_release(struct params *params);
void params_add_text(struct params *params, const char *text); /* or NULL */
void params_add_int(struct params *params, int64_t number);

/* A column that is there already. */
void params_add_int4s(struct params *params, const int *numbers, size_t count);
void params_add_int8s(struct params *params, const int64_t *numbers, size_t count);

/* A column: begin with the number of rows, add that many, then end. Several may be open at once. */
struct buf *params_begin_int4s(struct params *params, size_t rows);
struct buf *params_begin_int8s(struct params *params, size_t rows);
struct buf *params_begin_texts(struct params *params, size_t rows);
void array_add_int4(struct buf *array, int number);
void array_add_int8(struct buf *array, int64_t number);
void array_add_text(struct buf *array, const char *text, size_t bytes); /* NULL: null */
/* Ends all columns. */
void params_end(struct params *params);

#endif
