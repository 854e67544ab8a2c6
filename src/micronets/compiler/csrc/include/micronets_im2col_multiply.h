/* The matrix product of the convolutions, for 8-bit weights. micronets_im2col.h describes columns and weights. */
#ifndef MICRONETS_IM2COL_MULTIPLY_H
#define MICRONETS_IM2COL_MULTIPLY_H

#include "micronets_im2col.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Multiplies two columns by all filters and writes the codes of their two pixels. If the record has an input, it first
 * converts the input's pixels to columns, two at a time, and writes the codes of all pixels.
 *
 * block: [in] the layer's record.
 * output: [out] codes of the first pixel, `filters` bytes.
 * pitch: bytes between the codes of adjacent pixels; 0 if both columns hold the same pixel, so that the codes of one
 *   pixel are written. */
void micronets_im2col_multiply(const micronets_im2col_block *block, int8_t *output, int32_t pitch);

#ifdef __cplusplus
}
#endif

#endif
