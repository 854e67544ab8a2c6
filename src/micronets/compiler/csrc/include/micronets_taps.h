/* The part of a window that lies inside the input, along one axis: the taps from micronets_first_tap to before
 * micronets_end_tap. Positions and sizes are in pixels. */
#ifndef MICRONETS_TAPS_H
#define MICRONETS_TAPS_H

#include "micronets_kernels.h"

/* Returns the index of the first tap at position 0 or above.
 *
 * start: position of the window's first tap, negative if that lies in the padding. dilation: from a tap to the next, at
 * least 1. */
static inline int32_t micronets_first_tap(int32_t start, int32_t dilation)
{
    return start >= 0 ? 0 : dilation == 1 ? -start : (dilation - 1 - start) / dilation;
}

/* Returns the index of the first tap at position `size` or above, or `kernel` if there is none; at least `first`.
 *
 * start: position of the window's first tap. dilation: distance between adjacent taps, at least 1. kernel: taps of the
 * window. size: positions of the input along the axis. first: the result of micronets_first_tap. */
static inline int32_t micronets_end_tap(int32_t start, int32_t dilation, int32_t kernel, int32_t size, int32_t first)
{
    const int32_t left = size - start;
    const int32_t end = left <= 0 ? 0 : dilation == 1 ? left : (left + dilation - 1) / dilation;
    return end < first ? first : end < kernel ? end : kernel;
}

#endif
