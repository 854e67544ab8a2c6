/* Means over windows: functions shared by the portable kernel and the one for the DSP extension. */
#ifndef MICRONETS_AVERAGE_POOL_H
#define MICRONETS_AVERAGE_POOL_H

#include "micronets_requantize.h"

/* Writes sum / count, rounded to nearest, halves away from zero, clamped to lowest .. highest. Returns the address of
 * the next mean. */
MICRONETS_SMALL
MICRONETS_APART int8_t *micronets_put_mean(int8_t *output, int32_t sum, int32_t count, int32_t lowest, int32_t highest)
{
    const int32_t half = count / 2, value = (sum + (sum < 0 ? -half : half)) / count;
    *output = (int8_t)micronets_clamp(value, lowest, highest);
    return output + 1;
}

/* The part of a window along an axis that lies inside the map: positions first .. end - 1. */
typedef struct {
    int32_t first, end;
} micronets_span;

/* Returns the part of a window inside a map of `size` positions; the window has `kernel` positions from `start` on. */
MICRONETS_SMALL
MICRONETS_APART micronets_span micronets_span_inside(int32_t start, int32_t kernel, int32_t size)
{
    const micronets_span r = {start < 0 ? 0 : start, start + kernel < size ? start + kernel : size};
    return r;
}

/* Returns the sum of one channel's values under a window.
 *
 * line: [in] the first value. lines: lines of the window inside the map. row: bytes between adjacent lines. width:
 * bytes of a line of the window, with all channels. channels: bytes between adjacent values. */
MICRONETS_INLINE int32_t micronets_sum_channel(const int8_t *line, int32_t lines, int32_t row, int32_t width,
                                               int32_t channels)
{
    int32_t sum = 0;
    for (int32_t k = lines; k > 0; k--, line += row) {
        for (const int8_t *v = line, *const end = line + width; v != end; v += channels) {
            sum += *v;
        }
    }
    return sum;
}

#endif
