/* Offsets, in bytes, of the fields that kernels in assembly read. Written by benchmarks/struct_offsets.py.
 *
 * MICRONETS_..._OFFSETS_AGREE is true where the compiler's offsets are the same; C checks it beside each record. */
#ifndef MICRONETS_OFFSETS_H
#define MICRONETS_OFFSETS_H

/* clang-format off */

/* micronets_block, micronets_columns.h */
#define MICRONETS_BLOCK_WEIGHTS 0
#define MICRONETS_BLOCK_END 4
#define MICRONETS_BLOCK_BIAS 8
#define MICRONETS_BLOCK_MULTIPLIER 12
#define MICRONETS_BLOCK_FILTERS 16
#define MICRONETS_BLOCK_SKIPPED 20
#define MICRONETS_BLOCK_COLUMNS 24
#define MICRONETS_BLOCK_ZERO_POINT 28
#define MICRONETS_BLOCK_CLAMP 32
#define MICRONETS_BLOCK_PAIRS 36
#define MICRONETS_BLOCK_INPUT 40
#define MICRONETS_BLOCK_LOWEST4 44
#define MICRONETS_BLOCK_HIGHEST4 48
#define MICRONETS_BLOCK_OFFSETS_AGREE \
    (offsetof(micronets_block, weights) == MICRONETS_BLOCK_WEIGHTS && \
     offsetof(micronets_block, end) == MICRONETS_BLOCK_END && \
     offsetof(micronets_block, bias) == MICRONETS_BLOCK_BIAS && \
     offsetof(micronets_block, multiplier) == MICRONETS_BLOCK_MULTIPLIER && \
     offsetof(micronets_block, filters) == MICRONETS_BLOCK_FILTERS && \
     offsetof(micronets_block, skipped) == MICRONETS_BLOCK_SKIPPED && \
     offsetof(micronets_block, columns) == MICRONETS_BLOCK_COLUMNS && \
     offsetof(micronets_block, zero_point) == MICRONETS_BLOCK_ZERO_POINT && \
     offsetof(micronets_block, clamp) == MICRONETS_BLOCK_CLAMP && \
     offsetof(micronets_block, pairs) == MICRONETS_BLOCK_PAIRS && \
     offsetof(micronets_block, input) == MICRONETS_BLOCK_INPUT && \
     offsetof(micronets_block, lowest4) == MICRONETS_BLOCK_LOWEST4 && \
     offsetof(micronets_block, highest4) == MICRONETS_BLOCK_HIGHEST4)

/* micronets_four, micronets_fours.h */
#define MICRONETS_FOUR_SCALES 0
#define MICRONETS_FOUR_ZERO_POINT 32
#define MICRONETS_FOUR_BYTES 36
#define MICRONETS_FOUR_LOWEST4 40
#define MICRONETS_FOUR_HIGHEST4 44
#define MICRONETS_FOUR_WEIGHTS 48
#define MICRONETS_FOUR_X_STEP 52
#define MICRONETS_FOUR_OUT_STEP 56
#define MICRONETS_FOUR_OUT_END 60
#define MICRONETS_FOUR_X 64
#define MICRONETS_FOUR_X_LINE 68
#define MICRONETS_FOUR_OUT_LINE 72
#define MICRONETS_FOUR_LINES 80
#define MICRONETS_FOUR_NEXT 84
#define MICRONETS_FOUR_ROW 88
#define MICRONETS_FOUR_BACK 92
#define MICRONETS_FOUR_WEIGHTS_END 96
#define MICRONETS_FOUR_SKIPPED 100
#define MICRONETS_FOUR_ENTRY 104
#define MICRONETS_FOUR_COUNT 108
#define MICRONETS_FOUR_LEFT 112
#define MICRONETS_FOUR_TO 116
#define MICRONETS_FOUR_AT 120
#define MICRONETS_FOUR_OFFSETS_AGREE \
    (offsetof(micronets_four, scales) == MICRONETS_FOUR_SCALES && \
     offsetof(micronets_four, zero_point) == MICRONETS_FOUR_ZERO_POINT && \
     offsetof(micronets_four, bytes) == MICRONETS_FOUR_BYTES && \
     offsetof(micronets_four, lowest4) == MICRONETS_FOUR_LOWEST4 && \
     offsetof(micronets_four, highest4) == MICRONETS_FOUR_HIGHEST4 && \
     offsetof(micronets_four, weights) == MICRONETS_FOUR_WEIGHTS && \
     offsetof(micronets_four, x_step) == MICRONETS_FOUR_X_STEP && \
     offsetof(micronets_four, out_step) == MICRONETS_FOUR_OUT_STEP && \
     offsetof(micronets_four, out_end) == MICRONETS_FOUR_OUT_END && \
     offsetof(micronets_four, x) == MICRONETS_FOUR_X && \
     offsetof(micronets_four, x_line) == MICRONETS_FOUR_X_LINE && \
     offsetof(micronets_four, out_line) == MICRONETS_FOUR_OUT_LINE && \
     offsetof(micronets_four, lines) == MICRONETS_FOUR_LINES && \
     offsetof(micronets_four, next) == MICRONETS_FOUR_NEXT && \
     offsetof(micronets_four, row) == MICRONETS_FOUR_ROW && \
     offsetof(micronets_four, back) == MICRONETS_FOUR_BACK && \
     offsetof(micronets_four, weights_end) == MICRONETS_FOUR_WEIGHTS_END && \
     offsetof(micronets_four, skipped) == MICRONETS_FOUR_SKIPPED && \
     offsetof(micronets_four, entry) == MICRONETS_FOUR_ENTRY && \
     offsetof(micronets_four, count) == MICRONETS_FOUR_COUNT && \
     offsetof(micronets_four, left) == MICRONETS_FOUR_LEFT && \
     offsetof(micronets_four, to) == MICRONETS_FOUR_TO && \
     offsetof(micronets_four, at) == MICRONETS_FOUR_AT)

/* micronets_add_constants, micronets_dsp_add_quads.h */
#define MICRONETS_ADD_CODES_A 0
#define MICRONETS_ADD_CODES_B 4
#define MICRONETS_ADD_OUTPUT 8
#define MICRONETS_ADD_OFFSET_A 12
#define MICRONETS_ADD_OFFSET_B 16
#define MICRONETS_ADD_MULTIPLIER_B 20
#define MICRONETS_ADD_SHIFT_B 24
#define MICRONETS_ADD_MULTIPLIER 28
#define MICRONETS_ADD_SHIFT 32
#define MICRONETS_ADD_ZERO_POINT 36
#define MICRONETS_ADD_NEEDS_CLAMP 40
#define MICRONETS_ADD_END 44
#define MICRONETS_ADD_LOWEST4 48
#define MICRONETS_ADD_HIGHEST4 52
#define MICRONETS_ADD_OFFSETS_AGREE \
    (offsetof(micronets_add_constants, codes_a) == MICRONETS_ADD_CODES_A && \
     offsetof(micronets_add_constants, codes_b) == MICRONETS_ADD_CODES_B && \
     offsetof(micronets_add_constants, output) == MICRONETS_ADD_OUTPUT && \
     offsetof(micronets_add_constants, offset_a) == MICRONETS_ADD_OFFSET_A && \
     offsetof(micronets_add_constants, offset_b) == MICRONETS_ADD_OFFSET_B && \
     offsetof(micronets_add_constants, multiplier_b) == MICRONETS_ADD_MULTIPLIER_B && \
     offsetof(micronets_add_constants, shift_b) == MICRONETS_ADD_SHIFT_B && \
     offsetof(micronets_add_constants, multiplier) == MICRONETS_ADD_MULTIPLIER && \
     offsetof(micronets_add_constants, shift) == MICRONETS_ADD_SHIFT && \
     offsetof(micronets_add_constants, zero_point) == MICRONETS_ADD_ZERO_POINT && \
     offsetof(micronets_add_constants, needs_clamp) == MICRONETS_ADD_NEEDS_CLAMP && \
     offsetof(micronets_add_constants, end) == MICRONETS_ADD_END && \
     offsetof(micronets_add_constants, lowest4) == MICRONETS_ADD_LOWEST4 && \
     offsetof(micronets_add_constants, highest4) == MICRONETS_ADD_HIGHEST4)

/* clang-format on */

#endif
