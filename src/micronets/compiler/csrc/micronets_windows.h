/* A convolution as a walk over its windows, two at a time. */
#ifndef MICRONETS_WINDOWS_H
#define MICRONETS_WINDOWS_H

#include "micronets_columns.h"
#include "micronets_taps.h"

/* Writes the column of a window: `rows` rows of `count` values, `pitch` bytes apart, inside the map. bytes: scratch. */
typedef void micronets_inside(const int8_t *x, int8_t *bytes, uint32_t *column, int32_t rows, int32_t pitch, int32_t count);

/* The same for any window, its first tap at (top, left). */
typedef void micronets_anywhere(const int8_t *input, int8_t *bytes, uint32_t *column, int32_t top, int32_t left,
                                const micronets_window *window);

/* Inlined, so that `inside` and `anywhere` are no calls through pointers. */
MICRONETS_INLINE void micronets_windows(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                                        const micronets_window *window, const micronets_requant *requant,
                                        micronets_inside *inside, micronets_anywhere *anywhere)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c, count = n.kernel_w * c, size = n.kernel_h * count, pixels = n.out_h * n.out_w;
    const micronets_block block = micronets_prepare(scratch, weights, size, n.filters, requant);
    int8_t *const bytes = (int8_t *)(void *)(scratch + (size + 1) / 2 * 2);
    /* The last window that is inside, in both directions, and from where on its words would not be. */
    const int32_t bottom = n.in_h - 1 - (n.kernel_h - 1) * n.dilation_h, right = n.dilation_w == 1 ? n.in_w - n.kernel_w : -1;
    const int32_t row = n.in_w * c, pitch = n.dilation_h * row, words = (count + 3) & ~3, safe = (bottom + 1) * row - words;
    int32_t top = -n.pad_top, left = -n.pad_left;
    const int32_t turn = left + n.out_w * n.stride_w;
    for (int32_t p = 0; p < pixels; p += 2) {
        for (int32_t k = 0; k < 2; k++) {
            const int32_t at = top * row + left * c;
            if (top >= 0 && top <= bottom && left >= 0 && left <= right && at <= safe) {
                inside(input + at, bytes, scratch + k, n.kernel_h, pitch, count);
            } else {
                anywhere(input, bytes, scratch + k, top, left, window);
            }
            if (p + k + 1 < pixels) { /* else the last pixel again */
                left += n.stride_w;
                if (left == turn) {
                    left = -n.pad_left;
                    top += n.stride_h;
                }
            }
        }
        micronets_columns(&block, output, p + 1 < pixels ? n.out_c : 0);
        output += 2 * n.out_c;
    }
}

#endif
