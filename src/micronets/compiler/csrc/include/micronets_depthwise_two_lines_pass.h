/* One pass of a depthwise convolution with windows of 3 x 3 that computes two output lines at a time: the record, and
 * its computation in portable C.
 *
 * Two lines of the input lie together: for each place on them there are four words, one for each of four channels. The
 * lower half of a word is the value of the first line, its upper half that of the second. */
#ifndef MICRONETS_DEPTHWISE_TWO_LINES_PASS_H
#define MICRONETS_DEPTHWISE_TWO_LINES_PASS_H

#include <stddef.h>

#include "micronets_offsets.h"
#include "micronets_pairs.h"
#include "micronets_requantize.h"

/* The constants of a channel. By packed tables, bias and weights are doubled, so that sums are: output = (high(sum *
 * multiplier) + addend) >> shift, where high is the upper half of the product, rounded to nearest. By straight tables,
 * weights are 256 times as large, bias and multiplier are the table's, and the others are not used. */
typedef struct {
    uint32_t
        weights[6]; /* for each place on a line: the first and the second line's weight, then the second and third's */
    int32_t multiplier; /* packed: 0 or 2^30 .. 2^31 - 1 */
    int32_t addend;     /* 1/2 for rounding plus the zero point, both shifted left */
    int32_t shift;      /* 1 .. -MICRONETS_LEAST_SHIFT */
    int32_t bias;
} micronets_two_lines_channel;

/* The constants of a pass. The assembly reads the fields at the offsets of micronets_offsets.h. All distances are in
 * bytes. */
typedef struct micronets_depthwise_two_lines_pass {
    micronets_two_lines_channel constants[4];
    const uint32_t *x;          /* the first two lines under the windows of the first two output lines */
    int8_t *output;             /* the first output of the first channel */
    int32_t out_step, out_line; /* between adjacent outputs of a line, and to the next line */
    int32_t span;               /* from the first output of a line to the last one that has no neighbour, or its end */
    int32_t turn;               /* from there to the first output of the line after the next */
    int32_t x_line;             /* from two lines of the input to the next two; negative if these lie before them */
    int32_t x_turn;             /* from the end of the values under two output lines to those under the next two */
    int32_t odd;                /* 1 if a line has an odd number of outputs; else 0 */
    int32_t lines;              /* output lines, at least 1 */
    int32_t count;              /* outputs of a line, at least 2 */
    int32_t channels;           /* number of channels, 1 .. 4 */
} micronets_depthwise_two_lines_pass;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(two_lines_offsets, MICRONETS_TWO_LINES_OFFSETS_AGREE);
#endif

/* Words of two lines that a place has: one for each of four channels. */
#define MICRONETS_TWO_LINES_WORDS 4

/* Returns the code of a doubled sum; halves are rounded away from zero. */
MICRONETS_INLINE int8_t micronets_two_lines_code(int32_t sum, const micronets_two_lines_channel *n)
{
    const int32_t high = (int32_t)(((int64_t)sum * n->multiplier + ((int64_t)1 << 31)) >> 32);
    return (int8_t)micronets_clamp((high + (high >> 31) + n->addend) >> n->shift, -128, 127);
}

/* Computes the lines of a pass in portable C.
 *
 * n: [in] the pass. stride: between the windows of adjacent outputs, in both directions, 1 or 2. straight: 1 for
 * straight tables, 0 for packed ones. */
MICRONETS_INLINE void micronets_depthwise_two_lines_pass_of(const micronets_depthwise_two_lines_pass *n, int32_t stride,
                                                            int32_t straight)
{
    for (int32_t c = 0; c < n->channels; c++) {
        const micronets_two_lines_channel *const own = &n->constants[c];
        for (int32_t y = 0; y < n->lines; y++) {
            /* With a stride of 1, the window of every other line begins at the second of two lines. */
            const int32_t second = stride == 1 ? y & 1 : 0;
            const uint32_t *x = n->x + c + n->x_line / 4 * (stride == 1 ? y >> 1 : y);
            int8_t *to = n->output + c + y * n->out_line;
            for (int32_t i = 0; i < n->count; i++, x += stride * MICRONETS_TWO_LINES_WORDS, to += n->out_step) {
                int32_t sum = own->bias;
                for (int32_t k = 0; k < 3; k++) {
                    const uint32_t upper = x[k * MICRONETS_TWO_LINES_WORDS];
                    const uint32_t lower = x[k * MICRONETS_TWO_LINES_WORDS + n->x_line / 4];
                    const uint32_t w01 = own->weights[2 * k], w12 = own->weights[2 * k + 1];
                    if (second) {
                        sum += micronets_high_half(upper) * micronets_low_half(w01);
                        sum += micronets_low_half(lower) * micronets_low_half(w12);
                        sum += micronets_high_half(lower) * micronets_high_half(w12);
                    } else {
                        sum += micronets_low_half(upper) * micronets_low_half(w01);
                        sum += micronets_high_half(upper) * micronets_high_half(w01);
                        sum += micronets_low_half(lower) * micronets_high_half(w12);
                    }
                }
                *to = straight ? micronets_straight_code_of(sum, own->multiplier, MICRONETS_STRAIGHT_COARSE_SHIFT)
                               : micronets_two_lines_code(sum, own);
            }
        }
    }
}

#endif
