/* Sizes of the assembly loops that are entered in the middle, so that the first iteration is the short one.
 *
 * C computes the entry from them; the assembler rejects a loop of other sizes. */
#ifndef MICRONETS_LOOPS_H
#define MICRONETS_LOOPS_H

/* The matrix product of the convolutions, micronets_dsp_im2col_multiply.inc: pairs of values per iteration, and bytes
 * of code per pair, for 8-bit and 4-bit weights. */
#define MICRONETS_IM2COL_STEPS 11
#define MICRONETS_IM2COL_STEP_BYTES 52
#define MICRONETS_IM2COL_S4_STEPS 8
#define MICRONETS_IM2COL_S4_STEP_BYTES 56

/* Depthwise convolutions of four channels, micronets_dsp_depthwise_by4_any.S: taps per iteration, and bytes of code per
 * tap. */
#define MICRONETS_BY4_TAPS 4
#define MICRONETS_BY4_TAP_BYTES 40

/* Matrices of eight filters at a time, micronets_dsp_fully_connected_by8_rows.inc: steps of eight values per iteration,
 * and bytes of code per step, for 8-bit and 4-bit weights. */
#define MICRONETS_BY8_STEPS 2
#define MICRONETS_BY8_STEP_BYTES 250
#define MICRONETS_BY8_S4_STEP_BYTES 266

/* Both matrix products count their rounds, at most 256, in the upper 8 bits of a sum of 24 bits: where it begins. */
#define MICRONETS_ONE_ROUND 0x01000000
#define MICRONETS_HALF_ROUND 0x00800000
#define MICRONETS_ROUNDS(COUNT) (((uint32_t)(COUNT) - 1) * MICRONETS_ONE_ROUND + MICRONETS_HALF_ROUND)

#endif
