/* Convolutions as matrix products: windows of the input are written as columns (im2col), which are multiplied by the
 * weights.
 *
 * A column holds the values of one output pixel's window as pairs of int16. Every four values x0 .. x3 become the pairs
 * (x0, x2) and (x1, x3); the last one to three values become (x0, x1) and (x2, 0). The columns of two pixels are
 * interleaved: a pair of the first pixel, then the same pair of the second.
 *
 * Weights are in the same order, four filters at a time. For each pair of values (a, b) there are two words, one for
 * the first two filters and one for the others. A word of filters f and g has f[a] + 256 * g[a] in its low half and
 * f[b] + 256 * g[b] in its high half: the product with the whole word gives f + 256 * g, the product with its
 * sign-extended low bytes gives f. Filters are padded with zeros to a multiple of four. Every half fits 16 bits (if g
 * is -128, f is at least 0), and sums without bias are within +-(2^23 - 1), or are computed in parts that are.
 *
 * Weights of 4 bits come in the same order, with one word for each pair of values (a, b) and all four filters e, f, g
 * and h: its low half is e[a] + 16 * f[a] + 256 * g[a] + 4096 * h[a], its high half the same for b. Each of these sums
 * fits 16 bits; its first three summands fit 12 bits and its first two 8 bits, with sign. The magnitudes of a filter
 * add up to at most 3840: then 16 times the sum of the products with the first three summands, at most 16 * 128 * 3840
 * * (1 + 16 + 256), is below 2^31. */
#ifndef MICRONETS_IM2COL_H
#define MICRONETS_IM2COL_H

#include <stddef.h>

#include "micronets_dsp.h"
#include "micronets_kernels.h"
#include "micronets_loops.h"
#include "micronets_offsets.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Widens four values to 16 bits and writes them as the pairs (0, 2) and (1, 3) to one of two interleaved columns.
 * x: [in] four values. column: [out] the words 0 and 2. */
MICRONETS_INLINE void micronets_im2col_quad(const int8_t *x, uint32_t *column)
{
#if MICRONETS_DSP
    const uint32_t bytes = micronets_load4(x);
    column[0] = micronets_even(bytes);
    column[2] = micronets_odd(bytes);
#else
    column[0] = micronets_pack2(x[0], x[2]);
    column[2] = micronets_pack2(x[1], x[3]);
#endif
}

/* Widens the values of one pixel to 16 bits and writes them to one of two interleaved columns.
 * x: [in] `count` codes. column: [out] every second word, from the first on. count: at least 1. */
void micronets_im2col_pixel(const int8_t *x, uint32_t *column, int32_t count);

/* The record of a layer that is computed from columns. The assembly reads the fields at the offsets of
 * micronets_offsets.h.
 *
 * clamp: 0: by the limits below; 1: by saturation, with a zero point of -128; -1: by saturation, with any other zero
 * point; MICRONETS_STRAIGHT: by saturation, with straight tables. */
typedef struct {
    uint32_t start;             /* of the sum that counts the rounds of the loop */
    const uint32_t *weights;    /* words of all filters */
    const uint32_t *end;        /* end of the columns */
    const int32_t *bias;        /* packed table of biases and shifts, or straight table */
    const int32_t *multiplier;  /* packed table of multipliers, one for each channel, or that straight table */
    int32_t filters;            /* number of filters to compute, at least 1 */
    int32_t skipped;            /* bytes of code that the first iteration of the loop skips, plus 1 for Thumb */
    uint32_t *columns;          /* two interleaved columns */
    int32_t zero_point;         /* zero point of the output */
    int32_t clamp;              /* 0: to the limits below; 1: by saturation; MICRONETS_STRAIGHT: with straight tables */
    int32_t pairs;              /* 0: the caller wrote the columns; else how many pairs of pixels `input` has */
    const int8_t *input;        /* pixels that become columns, each of a multiple of four values */
    uint32_t lowest4, highest4; /* limits of the clamp, as a code in each of four bytes */
    const micronets_requant *requant; /* the layer's requantisation */
} micronets_im2col_block;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(block_offsets, MICRONETS_IM2COL_OFFSETS_AGREE);
#endif

/* Returns the bytes of code that the first iteration of a loop over pairs of values skips, plus 1 for Thumb: the first
 * pair is multiplied before the loop, which is entered such that its last steps process the remainder.
 *
 * pairs: number of pairs, at least 1. steps: steps per iteration. bytes: bytes of code per step. */
MICRONETS_INLINE int32_t micronets_im2col_skipped(uint32_t pairs, uint32_t steps, uint32_t bytes)
{
    const uint32_t rest = pairs - 1, skipped = rest > 0 ? (steps - rest % steps) % steps : steps;
    return (int32_t)(skipped * bytes + 1);
}

/* Returns where the sum begins that counts the rounds of that loop. pairs, steps: as before. */
MICRONETS_INLINE uint32_t micronets_im2col_start(uint32_t pairs, uint32_t steps)
{
    return MICRONETS_ROUNDS(pairs > 1 ? (pairs - 2) / steps + 1 : 1);
}

MICRONETS_AGREE(most_values, 2 * 256 * MICRONETS_IM2COL_STEPS >= MICRONETS_MOST_VALUES &&
                                 2 * 256 * MICRONETS_IM2COL_S4_STEPS >= MICRONETS_MOST_VALUES_S4 &&
                                 8 * 256 * MICRONETS_BY8_STEPS >= MICRONETS_MOST_VALUES_S4);

/* Returns the record of a layer whose columns the caller writes before each product.
 *
 * columns: [scratch] memory to which the caller will write the columns, aligned to 4 bytes: 8 bytes for every two
 *   values of a column, rounded up.
 * weights: [in] words of all filters, in the order described at the top of this file.
 * size: values of a column, at least 1.
 * filters: number of filters to compute, at least 1.
 * requant: [in] packed tables with a multiplier for each channel, or a straight table. */
micronets_im2col_block micronets_im2col_prepare(uint32_t *columns, const uint32_t *weights, int32_t size,
                                                int32_t filters, const micronets_requant *requant);

#ifdef __cplusplus
}
#endif

#endif
