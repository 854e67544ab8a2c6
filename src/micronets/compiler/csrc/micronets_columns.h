/* Windows as columns: what the convolutions share.
 *
 * A column is one output pixel's window, its values as pairs of int16: of every four values x0 .. x3 the pairs (x0, x2) and
 * (x1, x3), of what is left behind the last four (x0, x1) and (x2, 0). Two pixels' columns lie interleaved, a pair of the
 * first, then the same pair of the second.
 *
 * Weights come in the same order: for four filters at a time and each pair of values (a, b) a word for the first two filters
 * f and g and one for the others; its low half is f[a] + 256 * g[a], its high half f[b] + 256 * g[b]. So a product with the
 * word as it is belongs to f + 256 * g, and one with the sign-extended low bytes to f. Filters are padded with zeros to a
 * multiple of four; weights are above -128, and sums without bias within +-(2^23 - 1). */
#ifndef MICRONETS_COLUMNS_H
#define MICRONETS_COLUMNS_H

#include "micronets_kernels.h"

/* `count` values to the pairs of one pixel; returns where its next pair goes. Only a last part may have a count that is no
 * multiple of four. */
uint32_t *micronets_expand(const int8_t *values, uint32_t *column, int32_t count);

/* Outputs [2, pitch] of two columns of `pairs` pairs, `filters` of them each, by quick tables with a multiplier a channel.
 * A pitch of 0 leaves those of the first. */
void micronets_columns(const uint32_t *columns, int8_t *output, const uint32_t *weights, int32_t pairs, int32_t filters,
                       int32_t pitch, const micronets_requant *requant);

#endif
