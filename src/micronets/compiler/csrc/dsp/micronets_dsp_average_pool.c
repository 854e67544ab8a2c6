#include "micronets_average_pool.h"
#include "micronets_dsp.h"

#if MICRONETS_DSP

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
            const int32_t count = (y.end - y.first) * (x.end - x.first);
            int32_t lines = y.end - y.first, width = (x.end - x.first) * channels;
            if (width == row) { /* whole rows of the map are one long line */
                width *= lines;
                lines = 1;
            }
            const int8_t *first = input + y.first * row + x.first * channels;
            int32_t c = channels;
            /* Four channels at a time, two sums in a word, where sums fit 16 bits. */
            for (; c >= 4 && count < 256; c -= 4, first += 4) {
                const int8_t *line = first;
                micronets_pair even = 0, odd = 0;
                for (int32_t k = lines; k > 0; k--, line += row) {
                    const int8_t *v = line, *const end = line + width;
                    do {
                        const uint32_t four = micronets_load4(v);
                        even = micronets_even_plus(even, four);
                        odd = micronets_odd_plus(odd, four);
                        v += channels;
                    } while (v != end);
                }
                for (int32_t k = 0; k < 2; k++, even >>= 16, odd >>= 16) {
                    output = micronets_put_mean(output, micronets_low_half(even), count, lowest, highest);
                    output = micronets_put_mean(output, micronets_low_half(odd), count, lowest, highest);
                }
            }
            for (; c > 0; c--, first++) {
                const int32_t sum = micronets_sum_channel(first, lines, row, width, channels);
                output = micronets_put_mean(output, sum, count, lowest, highest);
            }
        }
    }
}

#endif
