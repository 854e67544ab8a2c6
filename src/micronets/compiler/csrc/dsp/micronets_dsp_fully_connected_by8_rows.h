/* The product of a matrix and a vector in assembly, eight filters at a time:
 * micronets_dsp_fully_connected_by8_rows.S. */
#ifndef MICRONETS_DSP_FULLY_CONNECTED_BY8_ROWS_H
#define MICRONETS_DSP_FULLY_CONNECTED_BY8_ROWS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the outputs from `output` to `output_end`, a multiple of eight, at least eight.
 *
 * start: MICRONETS_ROUNDS of the loop. skipped: bytes of the loop's code that its first round leaves out. input: [in]
 * values, a multiple of eight. weights: [in] words in the order of micronets_fully_connected_by8. bias, multiplier:
 * [in] packed tables, as in micronets_requant. back: bytes added to `multiplier` after every eight filters: 0 if every
 * filter has a multiplier of its own, -32 if the table holds one for all, eight times. zero_point: zero point of the
 * output, -128 .. 127. output, output_end: [out] codes. needs_clamp: 1 if the clamp is narrower than -128 .. 127, else
 * 0. lowest4, highest4: limits of the clamp, as a code in each of four bytes. */
void micronets_fully_connected_by8_rows(uint32_t start, int32_t skipped, const int8_t *input, const uint32_t *weights,
                                        const int32_t *bias, const int32_t *multiplier, int32_t back,
                                        int32_t zero_point, int8_t *output, const int8_t *output_end,
                                        int32_t needs_clamp, uint32_t lowest4, uint32_t highest4);

#ifdef __cplusplus
}
#endif

#endif
