#include "micronets_requantize.h"

#if MICRONETS_MVE

#include <arm_mve.h>

/* Writes the greatest value of each channel of a window, clamped to lowest .. highest.
 *
 * first: [in] the window's first value. lines, width: its pixels, each at least 1. row: bytes between adjacent lines.
 * channels: bytes from a pixel to the next. */
MICRONETS_INLINE void greatest(const int8_t *first, int8_t *output, int32_t lines, int32_t width, int32_t row,
                               int32_t channels, int8x16_t lowest, int8x16_t highest)
{
    for (int32_t left = channels; left > 0; left -= 16, first += 16, output += 16) {
        const mve_pred16_t some = vctp8q((uint32_t)left);
        int8x16_t best = lowest;
        const int8_t *line = first;
        for (int32_t y = 0; y < lines; y++, line += row) {
            const int8_t *x = line;
            for (int32_t k = width; k > 0; k--, x += channels) {
                best = vmaxq_s8(best, vldrbq_z_s8(x, some));
            }
        }
        vstrbq_p_s8(output, vminq_s8(best, highest), some);
    }
}

void micronets_max_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                        int32_t highest)
{
    const micronets_window n = *window;
    const int32_t channels = n.in_c, row = n.in_w * channels;
    const int8x16_t low = vdupq_n_s8((int8_t)lowest), high = vdupq_n_s8((int8_t)highest);
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t y0 = micronets_clamp(top, 0, n.in_h), y1 = micronets_clamp(top + n.kernel_h, 0, n.in_h);
        for (int32_t ox = 0; ox < n.out_w; ox++, output += channels) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t x0 = micronets_clamp(left, 0, n.in_w), x1 = micronets_clamp(left + n.kernel_w, 0, n.in_w);
            greatest(input + y0 * row + x0 * channels, output, y1 - y0, x1 - x0, row, channels, low, high);
        }
    }
}

#endif
