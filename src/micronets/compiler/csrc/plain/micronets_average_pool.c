#include "micronets_average_pool.h"

#if !MICRONETS_DSP

MICRONETS_SMALL
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest)
{
    const micronets_window *const n = window;
    const int32_t channels = n->in_c, row = n->in_w * channels;
    for (int32_t oy = 0; oy < n->out_h; oy++) {
        const micronets_span y = micronets_span_inside(oy * n->stride_h - n->pad_top, n->kernel_h, n->in_h);
        for (int32_t ox = 0; ox < n->out_w; ox++) {
            const micronets_span x = micronets_span_inside(ox * n->stride_w - n->pad_left, n->kernel_w, n->in_w);
            const int32_t lines = y.end - y.first, width = (x.end - x.first) * channels;
            const int8_t *const first = input + y.first * row + x.first * channels;
            for (int32_t c = 0; c < channels; c++) {
                const int32_t sum = micronets_sum_channel(first + c, lines, row, width, channels);
                output = micronets_put_mean(output, sum, lines * (x.end - x.first), lowest, highest);
            }
        }
    }
}

#endif
