#include "micronets_dsp_depthwise_kernel.h"

#if MICRONETS_DSP

/* Multiplies pairs k and k + 1 of a line of values with the two words of weights of pair k. */
#define STEP(k)                                              \
    {                                                        \
        const uint32_t we = w[2 * (k)], wo = w[2 * (k) + 1]; \
        b = micronets_pair_at(x + 2 * (k) + 2);              \
        s0 = micronets_smlad(a, we, s0);                     \
        s1 = micronets_smlad(a, wo, s1);                     \
        s2 = micronets_smlad(b, we, s2);                     \
        s3 = micronets_smlad(b, wo, s3);                     \
        a = b;                                               \
    }

/* Computes a pass; words: a constant, how many pairs of weights a line of the kernel has, by which its loop is
 * unrolled; or 0, where the schedule says how many. */
MICRONETS_INLINE void run(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count,
                          int32_t words)
{
    const micronets_channel_constants *const f = pass->filter;
    const micronets_depthwise_schedule *const n = pass->schedule;
    const int32_t next = pass->window->dilation_h * n->pitch;
    const int16_t *line = pass->lines;
    for (; rows > 0; rows--, line += pass->window->stride_h * n->pitch, output += pass->out_line) {
        int8_t *to = output;
        const int16_t *start = line;
        for (int32_t left = count; left > 0; left -= 4, start += 4, to += 4 * f->step) {
            const uint32_t *w = f->weights;
            const int16_t *row = start;
            int32_t s0 = f->bias, s1 = s0, s2 = s0, s3 = s0;
            for (int32_t ky = pass->window->kernel_h; ky > 0; ky--, row += next) {
                const int16_t *x = row;
                uint32_t a = micronets_pair_at(x), b;
                if (words > 0) {
                    STEP(0)
                    STEP(1)
                    STEP(2)
                    if (words > 3) {
                        STEP(3)
                    }
                    if (words > 4) {
                        STEP(4)
                    }
                    w += 2 * words;
                } else {
                    for (int32_t k = n->even_words; k > 0; k--, w += 2, x += 2) {
                        STEP(0)
                    }
                }
            }
            micronets_write4(s0, s1, s2, s3, pass, to, left);
        }
    }
}

void micronets_depthwise_s1(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count)
{
    switch (pass->schedule->even_words) {
    case 3:
        run(pass, output, rows, count, 3);
        break;
    case 4:
        run(pass, output, rows, count, 4);
        break;
    case 5:
        run(pass, output, rows, count, 5);
        break;
    default:
        run(pass, output, rows, count, 0);
    }
}

#endif
