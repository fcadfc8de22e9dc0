/* postgres_params.c - see postgres_params.h. */
#include "config.h"

#include "runtime/store/postgres_params.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* Numbers of types that are fixed in PostgreSQL's catalogue. */
enum { TYPE_INT8 = 20, TYPE_INT4 = 23, TYPE_TEXT = 25 };

void params_release(struct params *params)
{
    for (int i = 0; i < params->count; i++)
        buf_release(&params->arrays[i]);
    params->count = 0;
}

void params_add_text(struct params *params, const char *text)
{
    assert(params->count < PARAMS_MAX);
    params->values[params->count++] = text;
}

void params_add_int(struct params *params, int64_t number)
{
    assert(params->count < PARAMS_MAX);
    snprintf(params->numbers[params->count], sizeof(params->numbers[0]), "%" PRId64, number);
    params->values[params->count] = params->numbers[params->count];
    params->count++;
}

static void add_be32(struct buf *array, uint32_t number)
{
    number = htonl(number);
    buf_add(array, &number, sizeof(number));
}

/* Dimensions, whether there may be nulls, the type; then length and first index of the one dimension. */
static struct buf *begin_array(struct params *params, uint32_t type, size_t rows)
{
    struct buf *array = &params->arrays[params->count];

    assert(params->count < PARAMS_MAX);
    params->formats[params->count++] = 1;
    add_be32(array, 1);
    add_be32(array, 1);
    add_be32(array, type);
    add_be32(array, (uint32_t)rows);
    add_be32(array, 1);
    return array;
}

struct buf *params_begin_int4s(struct params *params, size_t rows)
{
    return begin_array(params, TYPE_INT4, rows);
}

struct buf *params_begin_int8s(struct params *params, size_t rows)
{
    return begin_array(params, TYPE_INT8, rows);
}

struct buf *params_begin_texts(struct params *params, size_t rows)
{
    return begin_array(params, TYPE_TEXT, rows);
}

/* What was begun before it is ended with it. */
void params_add_int4s(struct params *params, const int *numbers, size_t count)
{
    struct buf *array = params_begin_int4s(params, count);

    for (size_t i = 0; i < count; i++)
        array_add_int4(array, numbers[i]);
    params_end(params);
}

void params_add_int8s(struct params *params, const int64_t *numbers, size_t count)
{
    struct buf *array = params_begin_int8s(params, count);

    for (size_t i = 0; i < count; i++)
        array_add_int8(array, numbers[i]);
    params_end(params);
}

void array_add_int4(struct buf *array, int number)
{
    add_be32(array, sizeof(int32_t));
    add_be32(array, (uint32_t)number);
}

void array_add_int8(struct buf *array, int64_t number)
{
    add_be32(array, sizeof(int64_t));
    add_be32(array, (uint32_t)((uint64_t)number >> 32));
    add_be32(array, (uint32_t)(uint64_t)number);
}

void array_add_text(struct buf *array, const char *text, size_t bytes)
{
    add_be32(array, text ? (uint32_t)bytes : UINT32_MAX);
    if (text)
        buf_add(array, text, bytes);
}

void params_end(struct params *params)
{
    for (int i = 0; i < params->count; i++) {
        if (!params->formats[i])
            continue;
        params->values[i] = params->arrays[i].data;
        params->lengths[i] = (int)params->arrays[i].bytes;
    }
}
