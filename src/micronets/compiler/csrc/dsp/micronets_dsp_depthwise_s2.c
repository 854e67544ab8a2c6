#include "micronets_dsp_depthwise_kernel.h"

#if MICRONETS_DSP

void micronets_depthwise_s2(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count)
{
    const micronets_channel_constants *const f = pass->filter;
    const micronets_depthwise_schedule *const n = pass->schedule;
    const int32_t words = n->even_words, next = pass->window->dilation_h * n->pitch;
    const int16_t *line = pass->lines;
    for (; rows > 0; rows--, line += pass->window->stride_h * n->pitch, output += pass->out_line) {
        int8_t *to = output;
        const int16_t *start = line;
        for (int32_t left = count; left > 0; left -= 4, start += 8, to += 4 * f->step) {
            const uint32_t *w = f->weights;
            const int16_t *row = start;
            int32_t s0 = f->bias, s1 = s0, s2 = s0, s3 = s0;
            for (int32_t ky = pass->window->kernel_h; ky > 0; ky--, row += next) {
                const int16_t *x = row;
                uint32_t a = micronets_pair_at(x), b = micronets_pair_at(x + 2), c = micronets_pair_at(x + 4);
                for (int32_t k = words; k > 0; k--, x += 2) { /* four windows, each begins a pair after the other */
                    const uint32_t d = micronets_pair_at(x + 6), weights = *w++;
                    s0 = micronets_smlad(a, weights, s0);
                    s1 = micronets_smlad(b, weights, s1);
                    s2 = micronets_smlad(c, weights, s2);
                    s3 = micronets_smlad(d, weights, s3);
                    a = b;
                    b = c;
                    c = d;
                }
            }
            micronets_write4(s0, s1, s2, s3, pass, to, left);
        }
    }
}

#endif
