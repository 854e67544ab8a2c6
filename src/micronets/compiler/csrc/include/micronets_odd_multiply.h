/* Filters of a convolution that do not fit its kernel, computed from the columns that the kernel has written. */
#ifndef MICRONETS_ODD_MULTIPLY_H
#define MICRONETS_ODD_MULTIPLY_H

#include "micronets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Multiplies two columns by some filters, one after another, and writes the codes of their two pixels.
 *
 * odd: [in] the filters.
 * columns, end: [in] two interleaved columns, see micronets_im2col.h, and their end.
 * output: [out] codes of the first pixel, of which those of the filters are written.
 * pitch: bytes to the codes of the second pixel; 0 if both columns hold the same pixel. */
void micronets_odd_multiply(const micronets_odd_filters *odd, const uint32_t *columns, const uint32_t *end,
                            int8_t *output, int32_t pitch);

#ifdef __cplusplus
}
#endif

#endif
