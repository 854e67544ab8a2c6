/* Windows as columns: what the convolutions share.
 *
 * A column is one output pixel's window, its values as pairs of int16: of every four values x0 .. x3 the pairs (x0,
 * x2) and (x1, x3), of what is left behind the last four (x0, x1) and (x2, 0). Two pixels' columns lie interleaved, a
 * pair of the first, then the same pair of the second.
 *
 * Weights come in the same order: for four filters at a time and each pair of values (a, b) a word for the first two
 * filters f and g and one for the others; its low half is f[a] + 256 * g[a], its high half f[b] + 256 * g[b]. So a
 * product with the word as it is belongs to f + 256 * g, and one with the sign-extended low bytes to f. Filters are
 * padded with zeros to a multiple of four; no half leaves the 16 bits (g = -128 wants an f of at least 0), and sums
 * without bias are within +-(2^23 - 1), or are taken in parts that are. */
#ifndef MICRONETS_IM2COL_MULTIPLY_H
#define MICRONETS_IM2COL_MULTIPLY_H

#include <stddef.h>

#include "micronets_dsp.h"
#include "micronets_kernels.h"
#include "micronets_offsets.h"

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

/* `count` values to the pairs of one pixel. */
void micronets_im2col_pixel(const int8_t *x, uint32_t *column, int32_t count);

/* What is the same for all columns of a layer. Offsets are for the assembly. */
typedef struct {
    const uint32_t *weights;   /* 0 */
    const uint32_t *end;       /* 4: of the columns */
    const int32_t *bias;       /* 8: quick tables, with a multiplier for each channel */
    const int32_t *multiplier; /* 12 */
    int32_t filters;           /* 16 */
    int32_t skipped;           /* 20: bytes of the loop that its first round leaves out, and 1 */
    uint32_t *columns;         /* 24 */
    int32_t zero_point;        /* 28 */
    int32_t clamp;             /* 32: 0: by the limits below; else saturation does it, 1: of a zero point of -128 */
    int32_t pairs;       /* 36: 0: the columns are there; else so many pairs of pixels of `input` become columns */
    const int8_t *input; /* 40: pixels, their values a multiple of four */
    uint32_t lowest4, highest4; /* 44, 48 */
    const micronets_requant *requant;
} micronets_im2col_block;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(block_offsets, MICRONETS_IM2COL_OFFSETS_AGREE);
#endif

/* For columns of `size` values at `columns`. */
micronets_im2col_block micronets_im2col_prepare(uint32_t *columns, const uint32_t *weights, int32_t size,
                                                int32_t filters, const micronets_requant *requant);

/* Outputs [2, pitch] of the two columns, or of every pair of pixels, one after the other. A pitch of 0 leaves the
 * outputs of the first, and is the second a copy of it. */
void micronets_im2col_multiply(const micronets_im2col_block *block, int8_t *output, int32_t pitch);

#endif
