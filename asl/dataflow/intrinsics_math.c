/* States.MathAdd, MathRandom. */
#include "asl/base/json.h"
#include "asl/dataflow/intrinsics_priv.h"
#include "asl/env.h"

#include <math.h>

/* Rounds as Java's Math.round does, half up; false outside of 32 bits. */
static bool rounded(struct json_object *value, int64_t *ret_number)
{
    if (json_object_is_type(value, json_type_int)) {
        *ret_number = json_object_get_int64(value);
    } else if (json_object_is_type(value, json_type_double)) {
        double number = floor(json_object_get_double(value) + 0.5);
        if (!(fabs(number) <= 4294967296.0))
            return false;
        *ret_number = (int64_t)number;
    } else {
        return false;
    }
    return *ret_number >= INT32_MIN && *ret_number <= INT32_MAX;
}

/* States.MathAdd(a, b) */
int intrinsic_math_add(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    int64_t a, b;
    if (frame->count != 2 || !rounded(frame->values[0], &a) || !rounded(frame->values[1], &b))
        return -1;
    if (a + b < INT32_MIN || a + b > INT32_MAX)
        return -1;
    *ret_value = json_object_new_int64(a + b);
    return 0;
}

/* java.util.Random: next 32 bits of the generator with 48 bits of state. */
static uint32_t java_next(uint64_t *state)
{
    *state = (*state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF;
    return (uint32_t)(*state >> 16);
}

/* java.util.Random(seed).nextInt(start, end), so that seeded results are AWS's. */
static int64_t java_random(int64_t seed, int64_t start, int64_t end)
{
    uint64_t state = ((uint64_t)seed ^ 0x5DEECE66D) & 0xFFFFFFFFFFFF;
    uint32_t draw = java_next(&state);
    int64_t span = end - start;
    if ((span & (span - 1)) == 0 && span <= INT32_MAX)
        return (int64_t)(draw & (uint32_t)(span - 1)) + start;
    if (span > INT32_MAX) { /* too wide for 32 bits: draw until it fits */
        while ((int32_t)draw < start || (int32_t)draw >= end)
            draw = java_next(&state);
        return (int32_t)draw;
    }
    int64_t half = draw >> 1; /* redraw what would favour the small ones */
    while (half + (span - 1) - half % span > INT32_MAX)
        half = java_next(&state) >> 1;
    return half % span + start;
}

/* States.MathRandom(start, end[, seed]): start <= n < end */
int intrinsic_math_random(const struct intrinsic_frame *frame, struct json_object **ret_value)
{
    int64_t start, end, seed;
    if (frame->count < 2 || frame->count > 3 || !intrinsic_integer(frame->values[0], &start) ||
        !intrinsic_integer(frame->values[1], &end) || start >= end || start < INT32_MIN || end > INT32_MAX)
        return -1;
    if (frame->count == 3) {
        if (!intrinsic_integer(frame->values[2], &seed))
            return -1;
        *ret_value = json_object_new_int64(java_random(seed, start, end));
        return 0;
    }
    uint64_t random = 0;
    if (frame->env->random)
        frame->env->random(frame->env->random_owner, &random, sizeof random);
    *ret_value = json_object_new_int64(start + (int64_t)(random % (uint64_t)(end - start)));
    return 0;
}
