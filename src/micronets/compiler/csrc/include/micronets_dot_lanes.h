/* The products of one or two vectors with filters, for cores that multiply 16 pairs of bytes at once. The weights of a
 * filter are consecutive, followed by those of the next filter. */
#ifndef MICRONETS_DOT_LANES_H
#define MICRONETS_DOT_LANES_H

#include "micronets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the outputs of one pixel.
 *
 * x: [in] `size` codes, those under the pixel's window. output: [out] `filters` codes; the output must not overlap the
 * vector. weights: [in] [filters, size]. size, filters: each at least 1. requant: [in] packed or plain tables. */
void micronets_dot_lanes(const int8_t *x, int8_t *output, const int8_t *weights, int32_t size, int32_t filters,
                         const micronets_requant *requant);

/* Computes the outputs of two pixels.
 *
 * x, y: [in] `size` codes of each. output: [out] `filters` codes of the first pixel, directly followed by those of the
 * second; the output must not overlap the vectors. weights, size, filters, requant: see micronets_dot_lanes. */
void micronets_dot_lanes_pair(const int8_t *x, const int8_t *y, int8_t *output, const int8_t *weights, int32_t size,
                              int32_t filters, const micronets_requant *requant);

#ifdef __cplusplus
}
#endif

#endif
