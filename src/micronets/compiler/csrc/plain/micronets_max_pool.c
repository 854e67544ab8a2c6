#include "micronets_requantize.h"

#if !MICRONETS_DSP && !MICRONETS_MVE

void micronets_max_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                        int32_t highest)
{
    const micronets_window n = *window;
    const int32_t channels = n.in_c, row = n.in_w * channels;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t y0 = micronets_clamp(top, 0, n.in_h), y1 = micronets_clamp(top + n.kernel_h, 0, n.in_h);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t x0 = micronets_clamp(left, 0, n.in_w), x1 = micronets_clamp(left + n.kernel_w, 0, n.in_w);
            const int8_t *const first = input + y0 * row + x0 * channels;
            for (int32_t c = 0; c < channels; c++) {
                const int32_t width = (x1 - x0) * channels;
                const int8_t *line = first + c;
                int32_t best = lowest;
                for (int32_t y = y0; y < y1; y++, line += row) {
                    for (const int8_t *x = line, *const end = line + width; x != end; x += channels) {
                        best = *x > best ? *x : best;
                    }
                }
                *output++ = (int8_t)(best < highest ? best : highest);
            }
        }
    }
}

#endif
