/* The pass of a depthwise convolution with windows of 3 x 3 and a stride of 1 along the line. */
#ifndef MICRONETS_DSP_DEPTHWISE_LINES_3X3_S1_H
#define MICRONETS_DSP_DEPTHWISE_LINES_3X3_S1_H

#include "micronets_dsp_depthwise_kernel.h"

#if MICRONETS_DSP

#if MICRONETS_DSP_LOOPS
/* These macros add the products of a line of the kernel to the sums of four outputs. The line's words of weights are
 * WEIGHTS bytes after f; a, b and c hold six values. */
/* clang-format off */
#define LOAD(P, WEIGHTS)                 \
    "ldr %[b], [%[" P "], #4]\n\t"       \
    "ldr %[c], [%[" P "], #8]\n\t"       \
    "ldr %[u], [%[f], #" WEIGHTS "]\n\t" \
    "ldr %[v], [%[f], #" WEIGHTS " + 4]\n\t"
#define MULTIPLY                          \
    "smlabt %[s0], %[b], %[v], %[s0]\n\t" \
    "smlad %[s1], %[b], %[v], %[s1]\n\t"  \
    "smlabt %[s2], %[c], %[v], %[s2]\n\t" \
    "smlad %[s3], %[c], %[v], %[s3]\n\t"
#define FIRST                             \
    LOAD("p0", "24")                      \
    "ldr %[s3], [%[f]]\n\t"               \
    "ldr %[a], [%[p0]], #8\n\t"           \
    "smlad %[s0], %[a], %[u], %[s3]\n\t"  \
    "smlatb %[s1], %[a], %[u], %[s3]\n\t" \
    "smlad %[s2], %[b], %[u], %[s3]\n\t"  \
    "smlatb %[s3], %[b], %[u], %[s3]\n\t" \
    MULTIPLY
#define NEXT(P, WEIGHTS)                  \
    LOAD(P, WEIGHTS)                      \
    "ldr %[a], [%[" P "]], #8\n\t"        \
    "smlad %[s0], %[a], %[u], %[s0]\n\t"  \
    "smlatb %[s1], %[a], %[u], %[s1]\n\t" \
    "smlad %[s2], %[b], %[u], %[s2]\n\t"  \
    "smlatb %[s3], %[b], %[u], %[s3]\n\t" \
    MULTIPLY
#define LINE FIRST NEXT("p1", "32") NEXT("p2", "40")
/* clang-format on */
#endif

/* Computes a pass; the files of the kernels without and with _relu each make a function of it.
 *
 * pass, output, rows, count: the arguments of micronets_depthwise_kernel. relu: a constant, 1 if the output's zero
 * point is -128, so that a negative value is clamped; else 0. */
MICRONETS_INLINE void micronets_depthwise_lines_3x3_s1(const micronets_depthwise_pass *pass, int8_t *output,
                                                       int32_t rows, int32_t count, int32_t relu)
{
    micronets_channel_constants *const f = pass->filter;
    const int32_t pitch = pass->schedule->pitch, down = pass->window->stride_h * pitch;
    const int16_t *line = pass->lines;
    for (; rows > 0; rows--, line += down, output += pass->out_line) {
#if MICRONETS_DSP_LOOPS
        const int16_t *p0 = line, *p1 = p0 + pitch, *p2 = p1 + pitch;
        MICRONETS_ROW(LINE, relu);
        if (pass->schedule->needs_clamp) {
            micronets_clamp_line(output, count, pass);
        }
#else
        (void)relu;
        int8_t *to = output;
        const int16_t *x = line;
        for (int32_t left = count; left > 0; left -= 4, x += 4, to += 4 * f->step) {
            const uint32_t *w = f->weights;
            int32_t s0 = f->bias, s1 = s0, s2 = s0, s3 = s0;
            for (int32_t k = 0; k < 3; k++) {
                const int16_t *const v = x + k * pitch;
                const uint32_t a = micronets_pair_at(v), b = micronets_pair_at(v + 2), c = micronets_pair_at(v + 4);
                const uint32_t w01 = *w++, w12 = *w++;
                s0 = micronets_smlabt(b, w12, micronets_smlad(a, w01, s0));
                s1 = micronets_smlad(b, w12, micronets_smlabt(w01, a, s1));
                s2 = micronets_smlabt(c, w12, micronets_smlad(b, w01, s2));
                s3 = micronets_smlad(c, w12, micronets_smlabt(w01, b, s3));
            }
            micronets_write4(s0, s1, s2, s3, pass, to, left);
        }
#endif
    }
}

#endif
#endif
