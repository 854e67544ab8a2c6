/* Offsets, in bytes, of the fields that kernels in assembly read. Written by benchmarks/struct_offsets.py.
 *
 * MICRONETS_..._OFFSETS_AGREE is true where the compiler's offsets are the same; C checks it beside each record. */
#ifndef MICRONETS_OFFSETS_H
#define MICRONETS_OFFSETS_H

/* clang-format off */

/* micronets_im2col_block, micronets_im2col.h */
#define MICRONETS_IM2COL_START 0
#define MICRONETS_IM2COL_WEIGHTS 4
#define MICRONETS_IM2COL_END 8
#define MICRONETS_IM2COL_BIAS 12
#define MICRONETS_IM2COL_MULTIPLIER 16
#define MICRONETS_IM2COL_FILTERS 20
#define MICRONETS_IM2COL_SKIPPED 24
#define MICRONETS_IM2COL_COLUMNS 28
#define MICRONETS_IM2COL_ZERO_POINT 32
#define MICRONETS_IM2COL_CLAMP 36
#define MICRONETS_IM2COL_PAIRS 40
#define MICRONETS_IM2COL_INPUT 44
#define MICRONETS_IM2COL_LOWEST4 48
#define MICRONETS_IM2COL_HIGHEST4 52
#define MICRONETS_IM2COL_OFFSETS_AGREE \
    (offsetof(micronets_im2col_block, start) == MICRONETS_IM2COL_START && \
     offsetof(micronets_im2col_block, weights) == MICRONETS_IM2COL_WEIGHTS && \
     offsetof(micronets_im2col_block, end) == MICRONETS_IM2COL_END && \
     offsetof(micronets_im2col_block, bias) == MICRONETS_IM2COL_BIAS && \
     offsetof(micronets_im2col_block, multiplier) == MICRONETS_IM2COL_MULTIPLIER && \
     offsetof(micronets_im2col_block, filters) == MICRONETS_IM2COL_FILTERS && \
     offsetof(micronets_im2col_block, skipped) == MICRONETS_IM2COL_SKIPPED && \
     offsetof(micronets_im2col_block, columns) == MICRONETS_IM2COL_COLUMNS && \
     offsetof(micronets_im2col_block, zero_point) == MICRONETS_IM2COL_ZERO_POINT && \
     offsetof(micronets_im2col_block, clamp) == MICRONETS_IM2COL_CLAMP && \
     offsetof(micronets_im2col_block, pairs) == MICRONETS_IM2COL_PAIRS && \
     offsetof(micronets_im2col_block, input) == MICRONETS_IM2COL_INPUT && \
     offsetof(micronets_im2col_block, lowest4) == MICRONETS_IM2COL_LOWEST4 && \
     offsetof(micronets_im2col_block, highest4) == MICRONETS_IM2COL_HIGHEST4)

/* micronets_winograd_block, micronets_winograd.h */
#define MICRONETS_WINOGRAD_WEIGHTS 0
#define MICRONETS_WINOGRAD_BIAS 4
#define MICRONETS_WINOGRAD_MULTIPLIER 8
#define MICRONETS_WINOGRAD_FILTERS 12
#define MICRONETS_WINOGRAD_BYTES 16
#define MICRONETS_WINOGRAD_PITCH 20
#define MICRONETS_WINOGRAD_ZERO_POINT 24
#define MICRONETS_WINOGRAD_SATURATES 28
#define MICRONETS_WINOGRAD_LOWEST4 32
#define MICRONETS_WINOGRAD_HIGHEST4 36
#define MICRONETS_WINOGRAD_TURN 40
#define MICRONETS_WINOGRAD_OFFSETS_AGREE \
    (offsetof(micronets_winograd_block, weights) == MICRONETS_WINOGRAD_WEIGHTS && \
     offsetof(micronets_winograd_block, bias) == MICRONETS_WINOGRAD_BIAS && \
     offsetof(micronets_winograd_block, multiplier) == MICRONETS_WINOGRAD_MULTIPLIER && \
     offsetof(micronets_winograd_block, filters) == MICRONETS_WINOGRAD_FILTERS && \
     offsetof(micronets_winograd_block, bytes) == MICRONETS_WINOGRAD_BYTES && \
     offsetof(micronets_winograd_block, pitch) == MICRONETS_WINOGRAD_PITCH && \
     offsetof(micronets_winograd_block, zero_point) == MICRONETS_WINOGRAD_ZERO_POINT && \
     offsetof(micronets_winograd_block, saturates) == MICRONETS_WINOGRAD_SATURATES && \
     offsetof(micronets_winograd_block, lowest4) == MICRONETS_WINOGRAD_LOWEST4 && \
     offsetof(micronets_winograd_block, highest4) == MICRONETS_WINOGRAD_HIGHEST4 && \
     offsetof(micronets_winograd_block, turn) == MICRONETS_WINOGRAD_TURN)

/* micronets_depthwise_by4_pass, micronets_depthwise_by4_pass.h */
#define MICRONETS_BY4_SCALES 0
#define MICRONETS_BY4_ZERO_POINT 32
#define MICRONETS_BY4_BYTES 36
#define MICRONETS_BY4_LOWEST4 40
#define MICRONETS_BY4_HIGHEST4 44
#define MICRONETS_BY4_WEIGHTS 48
#define MICRONETS_BY4_X_STEP 52
#define MICRONETS_BY4_OUT_STEP 56
#define MICRONETS_BY4_OUT_END 60
#define MICRONETS_BY4_X 64
#define MICRONETS_BY4_X_LINE 68
#define MICRONETS_BY4_OUT_LINE 72
#define MICRONETS_BY4_LINES 80
#define MICRONETS_BY4_NEXT 84
#define MICRONETS_BY4_ROW 88
#define MICRONETS_BY4_BACK 92
#define MICRONETS_BY4_WEIGHTS_END 96
#define MICRONETS_BY4_SKIPPED 100
#define MICRONETS_BY4_ENTRY 104
#define MICRONETS_BY4_COUNT 108
#define MICRONETS_BY4_LEFT 112
#define MICRONETS_BY4_TO 116
#define MICRONETS_BY4_AT 120
#define MICRONETS_BY4_OFFSETS_AGREE \
    (offsetof(micronets_depthwise_by4_pass, scales) == MICRONETS_BY4_SCALES && \
     offsetof(micronets_depthwise_by4_pass, zero_point) == MICRONETS_BY4_ZERO_POINT && \
     offsetof(micronets_depthwise_by4_pass, bytes) == MICRONETS_BY4_BYTES && \
     offsetof(micronets_depthwise_by4_pass, lowest4) == MICRONETS_BY4_LOWEST4 && \
     offsetof(micronets_depthwise_by4_pass, highest4) == MICRONETS_BY4_HIGHEST4 && \
     offsetof(micronets_depthwise_by4_pass, weights) == MICRONETS_BY4_WEIGHTS && \
     offsetof(micronets_depthwise_by4_pass, x_step) == MICRONETS_BY4_X_STEP && \
     offsetof(micronets_depthwise_by4_pass, out_step) == MICRONETS_BY4_OUT_STEP && \
     offsetof(micronets_depthwise_by4_pass, out_end) == MICRONETS_BY4_OUT_END && \
     offsetof(micronets_depthwise_by4_pass, x) == MICRONETS_BY4_X && \
     offsetof(micronets_depthwise_by4_pass, x_line) == MICRONETS_BY4_X_LINE && \
     offsetof(micronets_depthwise_by4_pass, out_line) == MICRONETS_BY4_OUT_LINE && \
     offsetof(micronets_depthwise_by4_pass, lines) == MICRONETS_BY4_LINES && \
     offsetof(micronets_depthwise_by4_pass, next) == MICRONETS_BY4_NEXT && \
     offsetof(micronets_depthwise_by4_pass, row) == MICRONETS_BY4_ROW && \
     offsetof(micronets_depthwise_by4_pass, back) == MICRONETS_BY4_BACK && \
     offsetof(micronets_depthwise_by4_pass, weights_end) == MICRONETS_BY4_WEIGHTS_END && \
     offsetof(micronets_depthwise_by4_pass, skipped) == MICRONETS_BY4_SKIPPED && \
     offsetof(micronets_depthwise_by4_pass, entry) == MICRONETS_BY4_ENTRY && \
     offsetof(micronets_depthwise_by4_pass, count) == MICRONETS_BY4_COUNT && \
     offsetof(micronets_depthwise_by4_pass, left) == MICRONETS_BY4_LEFT && \
     offsetof(micronets_depthwise_by4_pass, to) == MICRONETS_BY4_TO && \
     offsetof(micronets_depthwise_by4_pass, at) == MICRONETS_BY4_AT)

/* micronets_depthwise_two_lines_pass, micronets_depthwise_two_lines_pass.h */
#define MICRONETS_TWO_LINES_CONSTANTS 0
#define MICRONETS_TWO_LINES_X 160
#define MICRONETS_TWO_LINES_OUTPUT 164
#define MICRONETS_TWO_LINES_OUT_STEP 168
#define MICRONETS_TWO_LINES_OUT_LINE 172
#define MICRONETS_TWO_LINES_SPAN 176
#define MICRONETS_TWO_LINES_TURN 180
#define MICRONETS_TWO_LINES_X_LINE 184
#define MICRONETS_TWO_LINES_X_TURN 188
#define MICRONETS_TWO_LINES_ODD 192
#define MICRONETS_TWO_LINES_LINES 196
#define MICRONETS_TWO_LINES_CHANNELS 204
#define MICRONETS_TWO_LINES_OFFSETS_AGREE \
    (offsetof(micronets_depthwise_two_lines_pass, constants) == MICRONETS_TWO_LINES_CONSTANTS && \
     offsetof(micronets_depthwise_two_lines_pass, x) == MICRONETS_TWO_LINES_X && \
     offsetof(micronets_depthwise_two_lines_pass, output) == MICRONETS_TWO_LINES_OUTPUT && \
     offsetof(micronets_depthwise_two_lines_pass, out_step) == MICRONETS_TWO_LINES_OUT_STEP && \
     offsetof(micronets_depthwise_two_lines_pass, out_line) == MICRONETS_TWO_LINES_OUT_LINE && \
     offsetof(micronets_depthwise_two_lines_pass, span) == MICRONETS_TWO_LINES_SPAN && \
     offsetof(micronets_depthwise_two_lines_pass, turn) == MICRONETS_TWO_LINES_TURN && \
     offsetof(micronets_depthwise_two_lines_pass, x_line) == MICRONETS_TWO_LINES_X_LINE && \
     offsetof(micronets_depthwise_two_lines_pass, x_turn) == MICRONETS_TWO_LINES_X_TURN && \
     offsetof(micronets_depthwise_two_lines_pass, odd) == MICRONETS_TWO_LINES_ODD && \
     offsetof(micronets_depthwise_two_lines_pass, lines) == MICRONETS_TWO_LINES_LINES && \
     offsetof(micronets_depthwise_two_lines_pass, channels) == MICRONETS_TWO_LINES_CHANNELS)

/* micronets_add_by4_constants, micronets_dsp_add_by4.h */
#define MICRONETS_ADD_BY4_CODES_A 0
#define MICRONETS_ADD_BY4_CODES_B 4
#define MICRONETS_ADD_BY4_OUTPUT 8
#define MICRONETS_ADD_BY4_OFFSET_A 12
#define MICRONETS_ADD_BY4_OFFSET_B 16
#define MICRONETS_ADD_BY4_MULTIPLIER_B 20
#define MICRONETS_ADD_BY4_SHIFT_B 24
#define MICRONETS_ADD_BY4_MULTIPLIER 28
#define MICRONETS_ADD_BY4_SHIFT 32
#define MICRONETS_ADD_BY4_ZERO_POINT 36
#define MICRONETS_ADD_BY4_NEEDS_CLAMP 40
#define MICRONETS_ADD_BY4_END 44
#define MICRONETS_ADD_BY4_LOWEST4 48
#define MICRONETS_ADD_BY4_HIGHEST4 52
#define MICRONETS_ADD_BY4_OFFSETS_AGREE \
    (offsetof(micronets_add_by4_constants, codes_a) == MICRONETS_ADD_BY4_CODES_A && \
     offsetof(micronets_add_by4_constants, codes_b) == MICRONETS_ADD_BY4_CODES_B && \
     offsetof(micronets_add_by4_constants, output) == MICRONETS_ADD_BY4_OUTPUT && \
     offsetof(micronets_add_by4_constants, offset_a) == MICRONETS_ADD_BY4_OFFSET_A && \
     offsetof(micronets_add_by4_constants, offset_b) == MICRONETS_ADD_BY4_OFFSET_B && \
     offsetof(micronets_add_by4_constants, multiplier_b) == MICRONETS_ADD_BY4_MULTIPLIER_B && \
     offsetof(micronets_add_by4_constants, shift_b) == MICRONETS_ADD_BY4_SHIFT_B && \
     offsetof(micronets_add_by4_constants, multiplier) == MICRONETS_ADD_BY4_MULTIPLIER && \
     offsetof(micronets_add_by4_constants, shift) == MICRONETS_ADD_BY4_SHIFT && \
     offsetof(micronets_add_by4_constants, zero_point) == MICRONETS_ADD_BY4_ZERO_POINT && \
     offsetof(micronets_add_by4_constants, needs_clamp) == MICRONETS_ADD_BY4_NEEDS_CLAMP && \
     offsetof(micronets_add_by4_constants, end) == MICRONETS_ADD_BY4_END && \
     offsetof(micronets_add_by4_constants, lowest4) == MICRONETS_ADD_BY4_LOWEST4 && \
     offsetof(micronets_add_by4_constants, highest4) == MICRONETS_ADD_BY4_HIGHEST4)

/* clang-format on */

#endif
