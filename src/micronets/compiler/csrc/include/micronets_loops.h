/* Sizes of the loops in assembly that are entered in the middle, so that their first round is the short one.
 *
 * C computes the entry from them; the assembler refuses a loop that has other sizes. */
#ifndef MICRONETS_LOOPS_H
#define MICRONETS_LOOPS_H

/* The matrix product of the convolutions, micronets_dsp_columns.S: pairs of values a round, and bytes of code of
 * each. */
#define MICRONETS_COLUMNS_STEPS 8
#define MICRONETS_COLUMNS_STEP_BYTES 52

/* Depthwise convolutions of four channels, micronets_dsp_fours_any.S: taps a round, and bytes of code of each. */
#define MICRONETS_FOURS_TAPS 4
#define MICRONETS_FOURS_TAP_BYTES 40

/* Matrices of eight filters at a time, micronets_dsp_fully_connected_eights.S: steps of eight values a round, and
 * bytes of code of each. */
#define MICRONETS_EIGHTS_STEPS 2
#define MICRONETS_EIGHTS_STEP_BYTES 250

#endif
