/* The products of one vector with filters whose weights are single bytes, for cores with one product an instruction.
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

/* The vector: `rows` rows of `count` values each, `pitch` bytes from the start of one to that of the next. */
typedef struct {
    const int8_t *x; /* the first value */
    int32_t rows, count, pitch;
} micronets_dot_rows;

/* Computes the outputs of one pixel.
 *
 * vector: [in] the codes under the pixel's window, at least one. output: [out] `filters` codes; none of them may lie in
 * the vector. weights: [in] bytes of all filters, in the order that the head of this file describes. filters: at
 * least 1. requant: [in] tables of either form. */
void micronets_dot_bytes(const micronets_dot_rows *vector, int8_t *output, const uint8_t *weights, int32_t filters,
                         const micronets_requant *requant);

#ifdef __cplusplus
}
#endif

#endif
