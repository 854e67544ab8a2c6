/* The part of a window that lies inside the input, along one axis. */
#ifndef MICRONETS_TAPS_H
#define MICRONETS_TAPS_H

#include "micronets_kernels.h"

/* Returns the first tap at or after position 0, for a window that begins at `start`. */
static inline int32_t micronets_first_tap(int32_t start, int32_t dilation)
{
    return start >= 0 ? 0 : dilation == 1 ? -start : (dilation - 1 - start) / dilation;
}

/* Returns the first tap at or after position `size`, or `kernel` if there is none; at least `first`. */
static inline int32_t micronets_end_tap(int32_t start, int32_t dilation, int32_t kernel, int32_t size, int32_t first)
{
    const int32_t left = size - start;
    const int32_t end = left <= 0 ? 0 : dilation == 1 ? left : (left + dilation - 1) / dilation;
    return end < first ? first : end < kernel ? end : kernel;
}

#endif
