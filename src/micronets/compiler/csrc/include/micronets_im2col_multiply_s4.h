/* The matrix product of the convolutions, for 4-bit weights. micronets_im2col.h describes columns and weights. */
#ifndef MICRONETS_IM2COL_MULTIPLY_S4_H
#define MICRONETS_IM2COL_MULTIPLY_S4_H

#include "micronets_im2col.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the record of a layer with 4-bit weights. The arguments are those of micronets_im2col_prepare, whose record
 * enters the loop of micronets_im2col_multiply; this one enters that of micronets_im2col_multiply_s4. */
MICRONETS_INLINE micronets_im2col_block micronets_im2col_prepare_s4(uint32_t *columns, const uint32_t *weights,
                                                                    int32_t size, int32_t filters,
                                                                    const micronets_requant *requant)
{
    micronets_im2col_block block = micronets_im2col_prepare(columns, weights, size, filters, requant);
    const uint32_t pairs = (uint32_t)(size + 1) / 2;
    block.start = micronets_im2col_start(pairs, MICRONETS_IM2COL_S4_STEPS);
    block.skipped = micronets_im2col_skipped(pairs, MICRONETS_IM2COL_S4_STEPS, MICRONETS_IM2COL_S4_STEP_BYTES);
    return block;
}

/* Multiplies two columns by all filters, as micronets_im2col_multiply does.
 *
 * block: [in] the layer's record. output: [out] codes of the first pixel, `filters` bytes. pitch: bytes between the
 *   codes of adjacent pixels; 0 for the codes of one pixel. */
void micronets_im2col_multiply_s4(const micronets_im2col_block *block, int8_t *output, int32_t pitch);

#ifdef __cplusplus
}
#endif

#endif
