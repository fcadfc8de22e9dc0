/*
 * histogram.h - how often values were up to each of some bounds: for /metrics.
 *
 * Shapes    bounds rise; counts[i] counts the values above bounds[i - 1] up to bounds[i], the last one those above
 *           all. Start with HISTOGRAM(bounds) where `bounds` is an array.
 */
#ifndef RUNTIME_HISTOGRAM_H
#define RUNTIME_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS_MAX = 16 };

struct histogram {
    const double *bounds;
    size_t bound_count;
    int64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
    double sum;
};

#define HISTOGRAM(array)                                                                                               \
    (struct histogram)                                                                                                 \
    {                                                                                                                  \
        .bounds = (array), .bound_count = sizeof(array) / sizeof(*(array))                                             \
    }

static inline void histogram_add(struct histogram *histogram, double value)
{
    size_t at = 0;
    while (at < histogram->bound_count && value > histogram->bounds[at])
        at++;
    histogram->counts[at]++;
    histogram->sum += value;
}

#endif
