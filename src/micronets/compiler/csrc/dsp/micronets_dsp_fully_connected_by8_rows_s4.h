/* The product of a matrix with 4-bit weights and a vector in assembly, eight filters at a time:
 * micronets_dsp_fully_connected_by8_rows_s4.S. */
#ifndef MICRONETS_DSP_FULLY_CONNECTED_BY8_ROWS_S4_H
#define MICRONETS_DSP_FULLY_CONNECTED_BY8_ROWS_S4_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the outputs from `output` to `output_end`, a multiple of eight, at least eight.
 *
 * start, skipped, input, bias, multiplier, back, zero_point, output, output_end, needs_clamp, lowest4, highest4: see
 * micronets_fully_connected_by8_rows. weights: [in] words in the order of micronets_fully_connected_by8_s4.
 * lower: -8 times the sum of all values. */
void micronets_fully_connected_by8_rows_s4(uint32_t start, int32_t skipped, const int8_t *input,
                                           const uint32_t *weights, const int32_t *bias, const int32_t *multiplier,
                                           int32_t back, int32_t zero_point, int8_t *output, const int8_t *output_end,
                                           int32_t needs_clamp, uint32_t lowest4, uint32_t highest4, int32_t lower);

#ifdef __cplusplus
}
#endif

#endif
