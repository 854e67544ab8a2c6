/* The products of one vector with filters whose weights are single bytes, for cores with one product per instruction.
 *
 * Weights come four filters at a time: for each value of the vector there are four bytes, one for each filter. Filters
 * are padded to a multiple of four. A byte is the weight plus 128, 0 .. 255, since some cores (Cortex-M0+) take two
 * instructions to load a signed byte; 128 times the sum of the vector is subtracted from each filter's sum. */
#ifndef MICRONETS_DOT_BYTES_H
#define MICRONETS_DOT_BYTES_H

#include "micronets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The vectors of one or two pixels: `rows` rows of `count` values each, whose starts are `pitch` bytes apart. */
typedef struct {
    const int8_t *x; /* the first value */
    int32_t rows, count, pitch;
    int32_t apart; /* bytes from the first value of the first pixel to that of the second */
} micronets_dot_rows;

/* The number of adjacent pixels that are computed together. They share the loads of weights if their eight sums and the
 * loop's other values fit the registers. */
#if MICRONETS_NARROW_PRODUCTS
#define MICRONETS_DOT_PIXELS 1
#else
#define MICRONETS_DOT_PIXELS 2
#endif

/* Computes the outputs of one pixel.
 *
 * vector: [in] the codes under the pixel's window, at least one. output: [out] `filters` codes; the output must not
 * overlap the vector. weights: [in] bytes of all filters, in the order described at the top of this file. filters: at
 * least 1. requant: [in] packed or plain tables. */
void micronets_dot_bytes(const micronets_dot_rows *vector, int8_t *output, const uint8_t *weights, int32_t filters,
                         const micronets_requant *requant);

#if MICRONETS_DOT_PIXELS == 2
/* Computes the outputs of two pixels.
 *
 * vectors: [in] the codes under both pixels' windows. output: [out] `filters` codes of the first pixel, and as many of
 *   the second; the output must not overlap the vectors. pitch: bytes from the first pixel's codes to the second's.
 *   weights, filters, requant: see micronets_dot_bytes. */
void micronets_dot_bytes_pair(const micronets_dot_rows *vectors, int8_t *output, int32_t pitch, const uint8_t *weights,
                              int32_t filters, const micronets_requant *requant);
#endif

#ifdef __cplusplus
}
#endif

#endif
