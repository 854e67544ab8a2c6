/* The kernels of micronets: what each function computes, and the layouts and ranges of its arguments.
 *
 * Tensors are int8 codes unless the kernel's name has another suffix (_s16, _s32, _f32). A map is [height, width,
 * channels]; the channels of a pixel are adjacent. A code represents the real value scale * (code - zero point).
 * Arguments are in the order input, output, weights or table, scratch memory, sizes, requantisation. [in] is only read,
 * [out] is only written, and the contents of [scratch] need not survive the call. A kernel accesses only its arguments,
 * allocates nothing, and keeps values between calls only in the network's state (micronets_state.h).
 *
 * Outputs are written from the first byte to the last; depthwise convolutions write them channel by channel. Input and
 * output may overlap only as the arena plan (model.c) permits. In a depthwise convolution they then begin at the same
 * address. In every other kernel the output begins far enough below the input that no byte is overwritten before its
 * last use.
 *
 * The arithmetic relies on two properties of all current compilers: two's complement, and an arithmetic >> of negative
 * numbers. */
#ifndef MICRONETS_KERNELS_H
#define MICRONETS_KERNELS_H

#include <stdint.h>

#include "micronets_limits.h"
#include "micronets_target.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The sizes of an operator that slides a window over a map, in pixels and channels.
 *
 * Output pixel (y, x) depends on the input rows y * stride_h - pad_top + k * dilation_h, k = 0 .. kernel_h - 1, and the
 * input columns x * stride_w - pad_left + k * dilation_w, k = 0 .. kernel_w - 1. Positions outside the input are
 * padding. */
typedef struct {
    uint16_t in_h, in_w, in_c;       /* the input map, each at least 1 */
    uint16_t out_h, out_w, out_c;    /* the output map, each at least 1 */
    uint16_t kernel_h, kernel_w;     /* taps of the window, each at least 1 */
    uint16_t stride_h, stride_w;     /* distance between the windows of adjacent outputs, each at least 1 */
    uint16_t dilation_h, dilation_w; /* distance between adjacent taps, each at least 1; 1: no dilation */
    uint16_t pad_top, pad_left;      /* padding above the first row and before the first column, each at least 0 */
    int16_t pad_value;               /* convolutions: the code of padding, which is the input's zero point */
    uint16_t filters;                /* convolutions: number of output channels to compute, from the first */
} micronets_window;

/* Requantisation, from a sum of products to an output code: add the bias, multiply by multiplier * 2^(shift - 31),
 * round as TensorFlow Lite Micro does (micronets_requantize.h), clamp, and add the zero point.
 *
 * All kernels except micronets_conv_any multiply the raw input codes: the bias includes -(zero point of the input) *
 * (sum of the weights), and the code of padding is the zero point. micronets_conv_any subtracts the zero point itself.
 *
 * The tables have one of three forms.
 * - Packed, if shift_count is 0: bias[c] is bias * 2^8 - shift, with a 24-bit bias and a shift of -31 .. -1.
 *   multiplier[c] is twice the multiplier, with its 32 bits reinterpreted as a negative int32. Every sum with its bias
 *   is within +-(2^30 - 1).
 * - Plain, if shift_count is not 0: bias[c] is the bias, and multiplier[c] is 0 or 2^30 .. 2^31 - 1. The shifts,
 *   -31 .. 31, follow the multipliers in the same table.
 * - Straight, if per_channel is MICRONETS_STRAIGHT: `bias` and `multiplier` point to one table with two numbers per
 *   channel, padded to a multiple of four channels. The code of a sum is
 *   (256 * sum + bias[2 * c]) * bias[2 * c + 1] >> 32 >> shift, saturated; micronets_limits.h defines the shift. The
 *   compiler proves that this equals the result of rounding twice for every sum that the layer can produce
 *   (compiler/kernels/straight.py). */
typedef struct {
    const int32_t *bias;       /* one for each channel; packed tables are padded to a multiple of four */
    const int32_t *multiplier; /* one for each channel, packed tables padded to a multiple of four; or one for all */
    int16_t lowest, highest;   /* limits of the clamp, relative to the zero point */
    int8_t zero_point;         /* zero point of the output */
    int8_t per_channel;        /* 1: a multiplier and shift for each channel; 0: one of each for all; see above */
    uint16_t shift_count;      /* 0: packed or straight tables; else the number of multipliers and of shifts */
} micronets_requant;

/* Filters whose numbers do not fit the layer's kernel: they are too large for packed tables, or for weights that share
 * 16 bits. Their entries in the layer's own tables are 0; they are computed one by one. */
typedef struct {
    const uint32_t *weights;   /* for each filter, pairs of int16 in the order of a column; for dense layers, bytes */
    const uint16_t *channels;  /* the output channel of each filter */
    int32_t count;             /* number of these filters, at least 1 */
    micronets_requant requant; /* tables of these filters, with a multiplier for each */
} micronets_odd_filters;

/* How a depthwise convolution traverses the map of a channel: line by line, several output lines in a pass.
 *
 * A line is a row of the map or, if column_major is 1, a column. Accordingly, the window's sizes with _h count lines,
 * and those with _w are along a line. A line is computed in `phases` interleaved parts, none of which has dilation
 * along the line; pad_left is the padding of a part. */
typedef struct {
    uint16_t column_major;  /* 1: a line is a column of the map; 0: it is a row */
    uint16_t multiplier;    /* output channels of each input channel, at least 1 */
    uint16_t phases;        /* parts of a line, at least 1 */
    uint16_t rows_per_pass; /* output lines that are computed together, at least 1 */
    uint16_t pitch;         /* values of a line in the scratch memory; even for micronets_depthwise */
    uint16_t needs_clamp;   /* 1: the clamp is narrower than -128 .. 127; 0: saturation suffices */
    /* Words of packed weights for a line of the kernel; both are 0 for micronets_depthwise_any. */
    uint16_t even_words; /* for outputs whose window begins at the first value of a pair */
    uint16_t odd_words;  /* for outputs whose window begins at the second value of a pair */
} micronets_depthwise_schedule;

/* Strides of maps that are traversed by lines, in bytes. */
typedef struct {
    int32_t in_line, in_step;   /* in the input: to the next line, and to the next value of a line */
    int32_t out_line, out_step; /* in the output: to the next line, and to the next value of a line */
} micronets_line_strides;

/* Returns the strides for a window along the lines of a schedule. */
MICRONETS_INLINE micronets_line_strides micronets_line_strides_of(const micronets_window *n,
                                                                  const micronets_depthwise_schedule *schedule)
{
    const int32_t in_c = n->in_c, out_c = n->out_c;
    const micronets_line_strides columns = {in_c, n->in_h * in_c, out_c, n->out_h * out_c};
    const micronets_line_strides rows = {n->in_w * in_c, in_c, n->out_w * out_c, out_c};
    return schedule->column_major ? columns : rows;
}

/* The constants of one channel of a depthwise convolution, in the order in which the kernels load them.
 *
 * The bias and the weights are doubled, and hence the sum: output = (high(sum * multiplier) + addend) >> shift, where
 * high is the upper half of the 64-bit product, rounded to nearest. */
typedef struct {
    int32_t bias;       /* twice the bias */
    int32_t multiplier; /* 0 or 2^30 .. 2^31 - 1 */
    int32_t addend;     /* 1/2 for rounding plus the zero point, both shifted left by `shift` */
    int32_t shift;      /* right shift, 1 .. 22 */
    int32_t step;       /* bytes between adjacent outputs of a line */
    int32_t unused;     /* pads the record to 24 bytes */
    uint32_t weights[]; /* twice the weights, as pairs of 16 bits: micronets_depthwise.c describes their order */
} micronets_channel_constants;

/* One pass of a depthwise convolution: the lines of one channel, widened to 16 bits, and how to compute outputs from
 * them. */
typedef struct {
    micronets_channel_constants *filter;          /* the channel's constants */
    const int16_t *lines;                         /* the lines under the window of the first output */
    const int8_t *weights;                        /* the channel's weights, [kernel_h, kernel_w] */
    const micronets_window *window;               /* the layer's window */
    const micronets_depthwise_schedule *schedule; /* the layer's schedule */
    const micronets_requant *requant;             /* the layer's requantisation */
    int32_t channel;                              /* index of the output channel */
    int32_t out_line;                             /* bytes between adjacent output lines */
} micronets_depthwise_pass;

/* The type of the functions that compute one pass.
 *
 * pass: [in] the lines and the constants. output: [out] the first output of the first line; outputs are filter->step
 * bytes apart, lines out_line bytes. rows: output lines, at least 1. count: outputs per line, at least 1. */
typedef void (*micronets_depthwise_kernel)(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows,
                                           int32_t count);

/* The scale of one operand of an addition: it converts a value to (value - zero_point) * 2^left * multiplier * 2^(shift
 * - 31), where left is 20 for an operand and 0 for the sum. */
typedef struct {
    int32_t multiplier; /* 0 or 2^30 .. 2^31 - 1 */
    int8_t zero_point;  /* -128 .. 127 */
    int8_t shift;       /* -31 .. 31 */
} micronets_add_operand;

/* The scales of an addition: the codes of both operands are converted to a common scale with 20 additional bits, and
 * their sum is converted to the output's scale. */
typedef struct {
    micronets_add_operand a, b; /* from the operands' scales to the common one */
    micronets_add_operand sum;  /* from the common scale to the output's; its zero point is the output's */
    int16_t lowest, highest;    /* limits of the clamp, relative to the output's zero point */
} micronets_add_params;

/* Loops over two tensors that are broadcast to the output's shape. The last loop is over the values of a row. */
typedef struct {
    int32_t size[4];    /* how often each loop runs, at least once */
    int32_t a[4], b[4]; /* stride of each operand per iteration, in values; 0 if its values are repeated */
} micronets_broadcast;

/* Combines a row of values of two tensors.
 *
 * a, b: [in] `count` codes each. output: [out] `count` codes; it may coincide with an operand. count: at least 0.
 * params: [in] scales of both operands and of the output; not read by kernels that need no scales. */
typedef void micronets_row(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                           const micronets_add_params *params);

/* Requantisation, from a sum of products of int16 codes and int8 weights to an int16 code: add the bias, multiply, and
 * clamp. Zero points are 0.
 *
 * If long_sums is 1, sums have 64 bits: (sum * multiplier + 2^(shift - 1)) >> shift, with a 15-bit multiplier. If it is
 * 0, sums wrap at 32 bits and are multiplied by multiplier * 2^(shift - 31), as for int8. */
typedef struct {
    const int32_t *bias;       /* the lower 32 bits for each channel; NULL if there is no bias */
    const int32_t *bias_high;  /* the upper 32 bits; NULL if all biases fit 32 bits */
    const int32_t *multiplier; /* the multipliers, followed by the shifts */
    int16_t lowest, highest;   /* limits of the output codes */
    uint16_t scales;           /* number of multipliers: one for each channel, or one for all */
    uint16_t long_sums;        /* 1: sums have 64 bits; 0: 32 */
} micronets_requant_s16;

/* A factor multiplier * 2^(shift - 31). */
typedef struct {
    int32_t multiplier; /* 0 or 2^30 .. 2^31 - 1 */
    int32_t shift;      /* -31 .. 31 */
} micronets_factor;

/* The factors of two int16 operands and of their result, and the limits of its codes. Zero points are 0. */
typedef struct {
    micronets_factor a, b, result;
    int32_t lowest, highest;
} micronets_operands_s16;

/* Combines a row of values of two int16 tensors.
 *
 * a, b: [in] the first value of each. step_a, step_b: stride of each operand per output value, 0 or 1. output: [out]
 * `count` codes; it may coincide with an operand whose step is 1. count: at least 1. operands: [in] factors; not read
 * by kernels that need none. */
typedef void micronets_row_s16(const int16_t *a, int32_t step_a, const int16_t *b, int32_t step_b, int16_t *output,
                               int32_t count, const micronets_operands_s16 *operands);

/* A border around a tensor of one to three dimensions. If it has fewer than three, the first sizes are 1 and have no
 * border. */
typedef struct {
    int32_t in_shape[3]; /* shape of the input, each at least 1 */
    uint16_t before[3];  /* border positions before the tensor along each dimension */
    uint16_t after[3];   /* border positions after the tensor along each dimension */
    int8_t value;        /* code of the border */
} micronets_pad_params;

/* The dimensions of the input of a reduction: those that are kept, in order, and those that are reduced. If there are
 * fewer than three of either, the first sizes are 1. Adjacent dimensions of the same kind are merged into one. */
typedef struct {
    int32_t kept[3];      /* sizes of the kept dimensions, each at least 1 */
    int32_t kept_step[3]; /* their strides, in values */
    int32_t gone[3];      /* sizes of the reduced dimensions, each at least 1 */
    int32_t gone_step[3]; /* their strides, in values */
} micronets_reduction;

/* The sizes and layouts of two matrices that are multiplied. */
typedef struct {
    int32_t rows, columns;    /* rows and columns of the product, each at least 1 */
    int32_t depth;            /* columns of the first, rows of the second, at least 1 */
    int32_t a_row, a_step;    /* row and column stride of the first, in values */
    int32_t b_column, b_step; /* column and row stride of the second, in values */
    int16_t a_zero, b_zero;   /* zero points, -128 .. 127 */
} micronets_matrices;

/* The work of a layer in a patch. The layers of a group run together on a few rows at a time, and each map between them
 * is a buffer of a few rows. Rows that are needed again move to the front of the buffer, and new rows are computed
 * after them. */
typedef struct {
    int16_t moved, kept; /* `kept` rows, starting at row `moved` of the buffer, move to its front */
    int16_t rows;        /* rows to compute; if 0, no rows move either */
    int16_t in_h;        /* input rows from which they are computed */
    int16_t pad_top;     /* padding rows above these input rows */
} micronets_patch;

/* A copy of bytes in another order: the output is written sequentially, and each dimension has a constant stride in the
 * input. If there are fewer than five dimensions, the first ones have a count of 1. */
typedef struct {
    int32_t count[5]; /* sizes of the dimensions, the outermost first, each at least 1 */
    int32_t step[5];  /* their strides in the input, in bytes; may be negative */
    int32_t start;    /* offset of the first run in the input, in bytes */
    int32_t run;      /* bytes of each copied run, at least 1 */
} micronets_copy_params;

/* The scales of a sum of raw codes. */
typedef struct {
    int32_t zero_in, zero_out; /* zero points of the codes and of their sum, -128 .. 127 */
    int32_t multiplier;        /* 0 or 2^30 .. 2^31 - 1 */
    int32_t shift;             /* -31 .. 0 */
} micronets_total;

/* A run of equal consecutive patches. */
typedef struct {
    int16_t times;   /* number of patches */
    int16_t advance; /* rows by which the group's input advances before each of them */
} micronets_patch_run;

/* A matrix for products with a vector whose sums become 16-bit codes: the bias is added, and the sum is multiplied by
 * multiplier * 2^(shift - 31) and saturated. */
typedef struct {
    const void *weights;     /* packed: words in the order of micronets_fully_connected; else int8 [outputs, inputs] */
    const int32_t *bias;     /* [outputs], with -(zero point of the input) * (sum of the weights) */
    int32_t inputs, outputs; /* each at least 1 */
    int32_t multiplier;      /* 0 or 2^30 .. 2^31 - 1; packed: twice that, reinterpreted as a negative int32 */
    int8_t shift;            /* -31 .. 31; packed: -31 .. -1 */
    int8_t packed;           /* 1: the weights are packed, and every sum with its bias is within +-(2^30 - 1) */
} micronets_matrix;

/* A singular value decomposition filter (SVDF). Each filter multiplies the input by its weights and keeps the last
 * `memory` products, whose weighted sum over time it computes. `rank` filters together give one output. */
typedef struct {
    micronets_matrix features; /* computes the products */
    const void *ages;          /* weights [filters, memory] in the type of the kept products, the oldest first */
    const int32_t *bias;       /* one for each output, with -kept_zero * (sum of the weights of its ages) */
    int32_t memory, rank;      /* each at least 1; the filters are a multiple of the rank */
    int32_t multiplier;        /* 0 or 2^30 .. 2^31 - 1: converts sums to output codes */
    int16_t kept_zero;         /* zero point of the kept products */
    int8_t shift;              /* -31 .. 31 */
    int8_t zero_point;         /* the zero point of the output */
} micronets_svdf;

/* A long short-term memory (LSTM). Gates have 16 bits: their sums have 12 fractional bits, and the sigmoid and tanh of
 * these have 15. The gates are in the order input, forget, cell, output. */
typedef struct {
    micronets_matrix vectors[4]; /* for each gate: weights of the input vectors, and the bias */
    micronets_matrix hidden[4];  /* for each gate: weights of the previous output */
    const uint16_t *sigmoid;     /* 2^16 times the sigmoid of 0, 1/24, .., 255/24 */
    int32_t steps;               /* length of the sequence, at least 1 */
    int32_t cell_multiplier;     /* 2^30 .. 2^31 - 1: converts input gate * cell gate to the scale of the cell state */
    int32_t output_multiplier;   /* 2^30 .. 2^31 - 1: converts output gate * tanh to output codes */
    int32_t clip;                /* largest magnitude of the cell state; 32768 for no limit */
    int8_t cell_shift;           /* -31 .. 31 */
    int8_t output_shift;         /* -31 .. 31 */
    int8_t tanh_shift;           /* left shift of the cell state before its tanh, -28 .. 14 */
    int8_t zero_point;           /* the zero point of the output */
} micronets_lstm;

/* The generator of these records assumes the sizes in micronets_limits.h; any other size fails to compile. */
MICRONETS_AGREE(channel_words, sizeof(micronets_channel_constants) == 4 * MICRONETS_CHANNEL_WORDS);
MICRONETS_AGREE_SIZE(micronets_window, MICRONETS_WINDOW_BYTES);
MICRONETS_AGREE_SIZE(micronets_requant, MICRONETS_REQUANT_BYTES);
MICRONETS_AGREE_SIZE(micronets_odd_filters, MICRONETS_ODD_FILTERS_BYTES);
MICRONETS_AGREE_SIZE(micronets_depthwise_schedule, MICRONETS_DEPTHWISE_SCHEDULE_BYTES);
MICRONETS_AGREE_SIZE(micronets_add_params, MICRONETS_ADD_PARAMS_BYTES);
MICRONETS_AGREE_SIZE(micronets_broadcast, MICRONETS_BROADCAST_BYTES);
MICRONETS_AGREE_SIZE(micronets_requant_s16, MICRONETS_REQUANT_S16_BYTES);
MICRONETS_AGREE_SIZE(micronets_operands_s16, MICRONETS_OPERANDS_S16_BYTES);
MICRONETS_AGREE_SIZE(micronets_pad_params, MICRONETS_PAD_PARAMS_BYTES);
MICRONETS_AGREE_SIZE(micronets_reduction, MICRONETS_REDUCTION_BYTES);
MICRONETS_AGREE_SIZE(micronets_matrices, MICRONETS_MATRICES_BYTES);
MICRONETS_AGREE_SIZE(micronets_matrix, MICRONETS_MATRIX_BYTES);
MICRONETS_AGREE_SIZE(micronets_svdf, MICRONETS_SVDF_BYTES);
MICRONETS_AGREE_SIZE(micronets_lstm, MICRONETS_LSTM_BYTES);
MICRONETS_AGREE_SIZE(micronets_copy_params, MICRONETS_COPY_PARAMS_BYTES);
MICRONETS_AGREE_SIZE(micronets_total, MICRONETS_TOTAL_BYTES);
MICRONETS_AGREE_SIZE(micronets_patch, MICRONETS_PATCH_BYTES);
MICRONETS_AGREE_SIZE(micronets_patch_run, MICRONETS_PATCH_RUN_BYTES);

/* Convolution for cores that compute one product per instruction: one output pixel and four filters at a time.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c]. weights: [in] bytes in the order of
 * micronets_dot_bytes.h. scratch: [scratch] the values of a window. window: [in] sizes; pad_value is the input's zero
 * point. requant: [in] packed or plain tables. A pixel's window is read before the pixel is written. */
void micronets_conv_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int8_t *scratch,
                          const micronets_window *window, const micronets_requant *requant);

/* Pixels times a matrix (pointwise convolutions and dense layers), for cores that compute one product per instruction.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs]; the outputs of a pixel must not overlap the inputs of
 * this and later pixels. weights: [in] bytes in the order of micronets_dot_bytes.h. requant: [in] packed or plain
 * tables. */
void micronets_dense_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant);

/* Convolution for cores that multiply 16 pairs of bytes at once (MVE): two output pixels and two filters at a time.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, filters]. weights: [in] [filters, kernel_h,
 *   kernel_w, in_c]. scratch: [scratch] the values of two windows. window: [in] sizes; pad_value is the input's zero
 *   point. requant: [in] packed or plain tables. The windows of two pixels are read before these pixels are written. */
void micronets_conv_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int8_t *scratch,
                          const micronets_window *window, const micronets_requant *requant);

/* Pixels times a matrix (pointwise convolutions and dense layers), for cores that multiply 16 pairs of bytes at once
 * (MVE).
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs]; the outputs of a pixel must not overlap the inputs of
 *   the previous, this and later pixels. weights: [in] [outputs, inputs]. requant: [in] packed or plain tables. */
void micronets_dense_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant);

/* Depthwise convolution with one output channel for each input channel, for cores that multiply eight pairs of 16-bit
 * values at once (MVE).
 *
 * input: [in] map [in_h, in_w, in_c], in_c a multiple of eight. output: [out] map [out_h, out_w, in_c]. weights: [in]
 *   bytes in the order of micronets_depthwise_lanes.h. scratch: [scratch] the values of a window.
 * window: [in] sizes; pad_value is the input's zero point. requant: [in] packed or plain tables in the order of
 *   micronets_depthwise_lanes.h, with a multiplier for each channel. The first channels of a pixel are written before
 *   its last ones are read. */
void micronets_depthwise_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int8_t *scratch,
                               const micronets_window *window, const micronets_requant *requant);

/* Convolution with windows of any size, for any in_c that is not a multiple of four: two output pixels and four filters
 * at a time.
 *
 * input: [in] map [in_h, in_w, in_c].
 * output: [out] map [out_h, out_w, out_c], of which the first `filters` channels are written.
 * weights: [in] words in the order of micronets_im2col.h, the values of a window in that
 *   of micronets_conv_im2col.h.
 * scratch: [scratch] aligned to 4 bytes: 8 bytes for every two values of a window, rounded up. If windows extend beyond
 *   the edge of the map or are dilated along a row, two buffers follow. Each holds the values under a row of windows if
 *   they take at most MICRONETS_STRIP_BYTES, otherwise those of one window, rounded up to a multiple of four bytes.
 * window: [in] sizes; pad_value is the input's zero point.
 * requant: [in] packed tables with a multiplier for each channel, or a straight table. The windows of two pixels are
 *   read before these pixels are written. */
void micronets_conv(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                    const micronets_window *window, const micronets_requant *requant);

/* The convolution of micronets_conv with some filters whose numbers do not fit it; these are computed one by one.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c]. weights, scratch: see micronets_conv;
 * the weights of the odd filters are 0. window: [in] sizes. requant: [in] packed tables with a multiplier for each
 * channel. odd: [in] the odd filters. */
void micronets_conv_odd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                        const micronets_window *window, const micronets_requant *requant,
                        const micronets_odd_filters *odd);

/* Convolution with windows of any size, for in_c a multiple of four: two output pixels and four filters at a time.
 *
 * input: [in] map [in_h, in_w, in_c].
 * output: [out] map [out_h, out_w, out_c], of which the first `filters` channels are written.
 * weights: [in] words in the order of micronets_im2col.h.
 * scratch: [scratch] 8 bytes for every two values of a window, aligned to 4 bytes.
 * window: [in] sizes; pad_value is the input's zero point.
 * requant: [in] packed tables with a multiplier for each channel, or a straight table. The windows of two pixels are
 *   read before these pixels are written. */
void micronets_conv_c4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant);

/* The convolution of micronets_conv_c4 with some filters whose numbers do not fit it; these are computed one by one.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c]. weights, scratch: see micronets_conv_c4;
 * the weights of the odd filters are 0. window: [in] sizes. requant: [in] packed tables with a multiplier for each
 * channel. odd: [in] the odd filters. */
void micronets_conv_c4_odd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                           const micronets_window *window, const micronets_requant *requant,
                           const micronets_odd_filters *odd);

/* Convolution with windows of 3 x 3 and a stride of 1, for in_c a multiple of four, by Winograd's F(4, 3): half the
 * products, in exact integer arithmetic (micronets_winograd.h).
 *
 * input: [in] map [in_h, in_w, in_c].
 * output: [out] map [out_h, out_w, out_c], of which the first `filters` channels are written.
 * weights: [in] transformed weights, in the order described at micronets_winograd_multiply.
 * scratch: [scratch] aligned to 4 bytes: 72 * in_c bytes for every eight columns of the output, rounded up, and
 *   6 * in_c bytes.
 * window: [in] sizes; pad_value is the input's zero point.
 * requant: [in] packed tables with a multiplier for each channel; sums with their bias are within +-(2^28 - 1). All
 *   input rows under a row of windows are read before any output of that row is written. */
void micronets_conv_winograd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                             const micronets_window *window, const micronets_requant *requant);

/* Convolution with windows of 1 x 1 and a stride of 1: a matrix times every pixel, two pixels and four filters at
 * a time.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs].
 * weights: [in] words in the order of micronets_im2col.h.
 * scratch: [scratch] 8 bytes for every two inputs, rounded up, aligned to 4 bytes.
 * pixels, inputs, outputs: each at least 1.
 * requant: [in] packed tables with a multiplier for each channel, or a straight table. Two pixels are read before they
 *   are written. */
void micronets_conv_1x1(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch, int32_t pixels,
                        int32_t inputs, int32_t outputs, const micronets_requant *requant);

/* The convolution of micronets_conv_1x1 with some filters whose numbers do not fit it; these are computed one by one.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs]. weights, scratch: see micronets_conv_1x1; the weights
 * of the odd filters are 0. pixels, inputs, outputs: each at least 1. requant: [in] packed tables with a multiplier for
 * each channel. odd: [in] the odd filters. */
void micronets_conv_1x1_odd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                            int32_t pixels, int32_t inputs, int32_t outputs, const micronets_requant *requant,
                            const micronets_odd_filters *odd);

/* Convolutions with 4-bit weights: micronets_conv_s4 for windows of any size, micronets_conv_c4_s4 for in_c a multiple
 * of four, and micronets_conv_1x1_s4 for windows of 1 x 1 and a stride of 1. Their arguments are those of
 * micronets_conv, micronets_conv_c4 and micronets_conv_1x1.
 *
 * weights: [in] words in the order that micronets_im2col.h describes for 4-bit weights. */
void micronets_conv_s4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant);
void micronets_conv_c4_s4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                          const micronets_window *window, const micronets_requant *requant);
void micronets_conv_1x1_s4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                           int32_t pixels, int32_t inputs, int32_t outputs, const micronets_requant *requant);

/* Convolution for tables that cannot be packed, and for sums of products of more than 24 bits: one pixel and four
 * filters at a time. A window is summed in parts that are small enough for 24 bits.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c], of which `filters` channels are written.
 * weights: [in] words in the order of micronets_im2col.h.
 * scratch: [scratch] the bytes of a window, kernel_h * kernel_w * in_c; not used if the map has one pixel and the
 *   window one tap, since the window is then the map.
 * window: [in] sizes; pad_value is the input's zero point. requant: [in] packed or plain tables. */
void micronets_conv_wide(const int8_t *input, int8_t *output, const uint32_t *weights, int8_t *scratch,
                         const micronets_window *window, const micronets_requant *requant);

/* Convolution in groups, or with weights that do not fit the other kernels' order. It is the slowest one.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c], of which `filters` channels are written.
 * weights: [in] [out_c, kernel_h, kernel_w, in_c / groups], of any value.
 * window: [in] sizes; pad_value is the input's zero point, which the kernel subtracts. groups: number of channel
 *   groups, each read by the same number of filters; it divides in_c and the filters. weight_zero: the weights' zero
 *   point, which the kernel also subtracts.
 * requant: [in] packed or plain tables, the bias without the input's zero point. */
void micronets_conv_any(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        int32_t groups, int32_t weight_zero, const micronets_requant *requant);

/* Depthwise convolution, channel by channel: input channel c gives the output channels n * c .. n * c + n - 1, n =
 * multiplier.
 *
 * input: [in] map [in_h, in_w, in_c]; if the schedule's column_major is 1, [in_w, in_h, in_c], since lines are columns.
 * output: [out] map [out_h, out_w, in_c * n]; if the schedule's column_major is 1, [out_w, out_h, in_c * n]. With n = 1
 *   it may coincide with the input if the plan says so.
 * weights: [in] [out_c, kernel_h, kernel_w].
 * scratch: [scratch] aligned to 4 bytes: a micronets_channel_constants with kernel_h * (even_words + odd_words) words
 *   of weights, then the lines under a pass, `pitch` int16 each.
 * window: [in] sizes along the schedule's lines; pad_value is the input's zero point.
 * schedule: [in] how to traverse the lines.
 * requant: [in] packed or plain tables.
 * kernel: [in] computes a pass: micronets_depthwise_any, or one of those declared below it that suits the schedule. */
void micronets_depthwise(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                         const micronets_window *window, const micronets_depthwise_schedule *schedule,
                         const micronets_requant *requant, micronets_depthwise_kernel kernel);

/* The same with some channels whose scales do not fit the kernel that multiplies pairs: micronets_depthwise_any
 * computes these. The arguments are those of micronets_depthwise. */
void micronets_depthwise_odd(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                             const micronets_window *window, const micronets_depthwise_schedule *schedule,
                             const micronets_requant *requant, micronets_depthwise_kernel kernel);

/* Depthwise convolution with 4-bit weights. It unpacks them to the start of the scratch memory and calls
 * micronets_depthwise.
 *
 * input, output, window, schedule, requant, kernel: see micronets_depthwise.
 * weights: [in] words that micronets_unpack_s4 converts to the weights of micronets_depthwise.
 * scratch: [scratch] aligned to 4 bytes: a byte for each weight, rounded up to a multiple of four, then the scratch
 *   memory of micronets_depthwise. */
void micronets_depthwise_s4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                            const micronets_window *window, const micronets_depthwise_schedule *schedule,
                            const micronets_requant *requant, micronets_depthwise_kernel kernel);

/* One pass of any depthwise convolution. The arguments are those of micronets_depthwise_kernel. */
void micronets_depthwise_any(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);

/* One pass with a stride along the line of 1 (s1) or 2 (s2), and windows of any size without dilation along the line.
 * Values are multiplied in pairs.
 *
 * The arguments are those of micronets_depthwise_kernel. Every doubled sum is within +-(2^31 - 1), and every shift of
 * the tables is MICRONETS_LEAST_SHIFT .. -1. */
void micronets_depthwise_s1(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_s2(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);

/* One pass with windows of 3 x 3, a stride along the line of 1 (s1) or 2 (s2), and no dilation.
 *
 * The arguments are those of micronets_depthwise_kernel. Every doubled sum is within +-(2^31 - 1), and every shift of
 * the tables is MICRONETS_LEAST_SHIFT .. -1. The functions whose names end in _relu require an output zero point of
 * -128: sums below zero are then clamped, regardless of their rounding. */
void micronets_depthwise_3x3_s1(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_3x3_s1_relu(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_3x3_s2(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_3x3_s2_relu(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);

struct micronets_depthwise_by4_pass; /* a pass of four channels, defined in micronets_depthwise_by4_pass.h */

/* The type of the functions that compute one pass of four channels. pass: [in, out] the lines, the address of the
 * outputs, and the progress of the work. */
typedef void (*micronets_depthwise_by4_kernel)(struct micronets_depthwise_by4_pass *pass);

/* Depthwise convolution with one output channel for each input channel, four channels at a time. It is faster than
 * micronets_depthwise if lines are short or outputs lie far apart.
 *
 * input: [in] map [in_h, in_w, in_c]; if the schedule's column_major is 1, [in_w, in_h, in_c], since lines are columns.
 * output: [out] map [out_h, out_w, in_c]; it may coincide with the input if the plan says so.
 * weights: [in] words [out_c / 4, rounded up, kernel_h, kernel_w], a byte for each of four channels, the first lowest.
 * scratch: [scratch] the lines under a pass, `pitch` words each, aligned to 4 bytes.
 * window: [in] sizes along the schedule's lines, without dilation along the line; pad_value is the input's zero point.
 * schedule: [in] how to traverse the lines; its multiplier is 1.
 * requant: [in] packed tables with a multiplier for each channel.
 * kernel: [in] computes a pass: micronets_depthwise_by4_any, or a _3x3 one for windows of 3 x 3 with a stride along the
 *   line of 1 or 2. */
void micronets_depthwise_by4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                             const micronets_window *window, const micronets_depthwise_schedule *schedule,
                             const micronets_requant *requant, micronets_depthwise_by4_kernel kernel);

/* Depthwise convolution with 4-bit weights. It unpacks them to the start of the scratch memory and calls
 * micronets_depthwise_by4.
 *
 * input, output, window, schedule, requant, kernel: see micronets_depthwise_by4.
 * weights: [in] words that micronets_unpack_s4 converts to the weights of micronets_depthwise_by4.
 * scratch: [scratch] aligned to 4 bytes: a word for each word of unpacked weights, then the scratch memory of
 *   micronets_depthwise_by4. */
void micronets_depthwise_by4_s4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                                const micronets_window *window, const micronets_depthwise_schedule *schedule,
                                const micronets_requant *requant, micronets_depthwise_by4_kernel kernel);

/* One pass of four channels with windows of any size, and with windows of 3 x 3 and a stride of 1 or 2. The function
 * whose name ends in _relu requires an output zero point of -128. The argument is that of
 * micronets_depthwise_by4_kernel. */
void micronets_depthwise_by4_any(struct micronets_depthwise_by4_pass *pass);
void micronets_depthwise_by4_3x3(struct micronets_depthwise_by4_pass *pass);
void micronets_depthwise_by4_3x3_relu(struct micronets_depthwise_by4_pass *pass);

struct micronets_depthwise_two_lines_pass; /* a pass of four channels, in micronets_depthwise_two_lines_pass.h */

/* The type of the functions that compute one pass of four channels, two output lines at a time.
 *
 * pass: [in] the lines, the constants and the address of the outputs. */
typedef void (*micronets_depthwise_two_lines_kernel)(const struct micronets_depthwise_two_lines_pass *pass);

/* Depthwise convolution with windows of 3 x 3 and the same stride of 1 or 2 in both directions, four channels and two
 * output lines at a time.
 *
 * input: [in] map [in_h, in_w, in_c]; if the schedule's column_major is 1, [in_w, in_h, in_c], since lines are columns.
 * output: [out] map [out_h, out_w, in_c] of at least two columns; it may coincide with the input if the plan says so.
 * weights: [in] words [out_c / 4, rounded up, 3, 3], a byte for each of four channels, the first lowest.
 * scratch: [scratch] the lines under a pass in pairs, 4 * `pitch` words per pair, aligned to 4 bytes.
 * window: [in] sizes along the schedule's lines, without dilation; pad_value is the input's zero point.
 * schedule: [in] how to traverse the lines; its multiplier and its phases are 1, its rows_per_pass is even or out_h.
 * requant: [in] packed tables with a multiplier for each channel, or a straight table; shifts are at most
 *   -MICRONETS_LEAST_SHIFT.
 * kernel: [in] computes a pass: the function below for the stride. */
void micronets_depthwise_two_lines(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                                   const micronets_window *window, const micronets_depthwise_schedule *schedule,
                                   const micronets_requant *requant, micronets_depthwise_two_lines_kernel kernel);

/* One pass of up to four channels, for a stride of 1 (s1) or 2 (s2); the functions whose names end in _straight take
 * straight tables. The argument is that of micronets_depthwise_two_lines_kernel. */
void micronets_depthwise_two_lines_s1(const struct micronets_depthwise_two_lines_pass *pass);
void micronets_depthwise_two_lines_s1_straight(const struct micronets_depthwise_two_lines_pass *pass);
void micronets_depthwise_two_lines_s2(const struct micronets_depthwise_two_lines_pass *pass);
void micronets_depthwise_two_lines_s2_straight(const struct micronets_depthwise_two_lines_pass *pass);

struct micronets_depthwise_bytes_pass; /* a pass of one channel, defined in micronets_depthwise_bytes.h */

/* The type of the functions that compute one pass on cores that multiply two numbers at a time.
 *
 * pass: [in] the lines and the constants. output: [out] the first output of the first line. rows: output lines, at
 * least 1. count: outputs per line, at least 1. */
typedef void (*micronets_depthwise_bytes_kernel)(const struct micronets_depthwise_bytes_pass *pass, int8_t *output,
                                                 int32_t rows, int32_t count);

/* Depthwise convolution, channel by channel, for cores that multiply two numbers at a time: input channel c gives the
 * output channels n * c .. n * c + n - 1, n = multiplier.
 *
 * input: [in] map [in_h, in_w, in_c]; if the schedule's column_major is 1, [in_w, in_h, in_c], since lines are columns.
 * output: [out] map [out_h, out_w, in_c * n]; if the schedule's column_major is 1, [out_w, out_h, in_c * n]. With n = 1
 *   it may coincide with the input if the plan says so.
 * weights: [in] [out_c, kernel_h, kernel_w].
 * scratch: [scratch] aligned to 4 bytes: a word for each weight of a channel, then the lines under a pass, `pitch`
 *   bytes each.
 * window: [in] sizes along the schedule's lines; pad_value is the input's zero point.
 * schedule: [in] how to traverse the lines.
 * requant: [in] packed or plain tables.
 * kernel: [in] computes a pass: micronets_depthwise_bytes_any, or micronets_depthwise_bytes_3x3. */
void micronets_depthwise_bytes(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                               const micronets_window *window, const micronets_depthwise_schedule *schedule,
                               const micronets_requant *requant, micronets_depthwise_bytes_kernel kernel);

/* One pass of any such convolution (any), or of one with windows of 3 x 3, packed tables, and no dilation along the
 * line (3x3). The arguments are those of micronets_depthwise_bytes_kernel. */
void micronets_depthwise_bytes_any(const struct micronets_depthwise_bytes_pass *pass, int8_t *output, int32_t rows,
                                   int32_t count);
void micronets_depthwise_bytes_3x3(const struct micronets_depthwise_bytes_pass *pass, int8_t *output, int32_t rows,
                                   int32_t count);

/* A matrix times a vector, four filters at a time.
 *
 * input: [in] [inputs]. output: [out] [units].
 * weights: [in] words in the order of micronets_im2col.h.
 * inputs, units: each at least 1. requant: [in] packed tables. */
void micronets_fully_connected(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                               int32_t units, const micronets_requant *requant);

/* A matrix times a vector, eight filters at a time.
 *
 * input: [in] [inputs]. output: [out] [units].
 * weights: [in] words [units / 8, inputs / 2, 4]: for each pair of values the two words of the first four filters, then
 *   those of the last four; for pairs and words see micronets_im2col.h.
 * inputs, units: multiples of eight, at least 8. requant: [in] packed tables. */
void micronets_fully_connected_by8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                   int32_t units, const micronets_requant *requant);

/* The type of the functions that multiply a matrix by a vector; the arguments are those of
 * micronets_fully_connected. */
typedef void micronets_dense_kernel(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                    int32_t units, const micronets_requant *requant);

/* A matrix times a vector, with some filters whose numbers do not fit the kernels above; these are computed one by one.
 *
 * odd: [in] these filters; each has `inputs` one-byte weights, padded to a multiple of four bytes. kernel: computes all
 * other filters; its outputs for the odd ones are overwritten. The other arguments are those of `kernel`. */
void micronets_fully_connected_odd(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                   int32_t units, const micronets_requant *requant, const micronets_odd_filters *odd,
                                   micronets_dense_kernel *kernel);

/* A matrix of 4-bit weights times a vector.
 *
 * input: [in] [inputs]. output: [out] [units].
 * weights: [in] words in the order of micronets_dot_by4_s4.h, filters padded to a multiple of four.
 * inputs, units: each at least 1. requant: [in] packed tables. */
void micronets_fully_connected_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                  int32_t units, const micronets_requant *requant);

/* A matrix of 4-bit weights times a vector, eight filters at a time.
 *
 * input: [in] [inputs]. output: [out] [units].
 * weights: [in] words [units / 8, inputs / 2, 2]: for each pair of values the word of the first four filters, then that
 *   of the last four; for pairs and words see micronets_dot_by4_s4.h.
 * inputs, units: multiples of eight, at least 8. requant: [in] packed tables. */
void micronets_fully_connected_by8_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                      int32_t units, const micronets_requant *requant);

/* Transposed convolution: the window moves over the output by the stride for each input pixel, and each input pixel
 * adds its products with the weights to the output pixels under its window.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c], which must not overlap the input.
 * weights: [in] [out_c, kernel_h, kernel_w, in_c], of any value.
 * window: [in] sizes; the dilation is 1, pad_top and pad_left are the extent of the window beyond the output, pad_value
 *   is the input's zero point, which the kernel subtracts, and filters is out_c.
 * requant: [in] packed or plain tables, the bias without the input's zero point. */
void micronets_transpose_conv(const int8_t *input, int8_t *output, const int8_t *weights,
                              const micronets_window *window, const micronets_requant *requant);

/* Matrix products of two tensors.
 *
 * a, b: [in] the tensors. output: [out] [count, rows, columns]; it must not overlap them.
 * starts: [in] two numbers for each product: the offsets of the matrices of a and b, in values. count: number of
 * products, at least 1. matrices: [in] their sizes.
 * requant: [in] packed or plain tables with one scale, and a bias of 0. */
void micronets_batch_matmul(const int8_t *a, const int8_t *b, int8_t *output, const int32_t *starts, int32_t count,
                            const micronets_matrices *matrices, const micronets_requant *requant);

/* Matrix products of two int16 tensors, with 64-bit sums.
 *
 * a, b, output, starts, count, matrices: see micronets_batch_matmul; zero points are 0.
 * requant: [in] one multiplier and one shift, no bias, long_sums 1. */
void micronets_batch_matmul_s16(const int16_t *a, const int16_t *b, int16_t *output, const int32_t *starts,
                                int32_t count, const micronets_matrices *matrices,
                                const micronets_requant_s16 *requant);

/* A matrix times a vector, with int16 outputs.
 *
 * input: [in] codes [inputs]. output: [out] [outputs], which must not overlap the input. matrix: [in] the weights. */
void micronets_dense_s16(const int8_t *input, int16_t *output, const micronets_matrix *matrix);

/* Computes the outputs of an SVDF for one input, and keeps its products in the state.
 *
 * input: [in] codes. output: [out] one code per `rank` filters, which must not overlap the input.
 * arena: [in] the network's arena, which begins with the address of the network's state. offset: the offset of the
 *   filters' products, [filters, memory], in the state, in bytes, a multiple of 4.
 * products: [scratch] one product for each filter. svdf: [in] the weights.
 *
 * micronets_svdf_s8 keeps products in 8 bits, micronets_svdf_s16 in 16 bits. As in TensorFlow Lite Micro, they are
 * saturated before the zero point is added, and then wrap. */
void micronets_svdf_s8(const int8_t *input, int8_t *output, const int8_t *arena, int32_t offset, int16_t *products,
                       const micronets_svdf *svdf);
void micronets_svdf_s16(const int8_t *input, int8_t *output, const int8_t *arena, int32_t offset, int16_t *products,
                        const micronets_svdf *svdf);

/* Computes the outputs of an LSTM for a sequence of vectors, and keeps the last output and the cell state in the
 * network's state.
 *
 * input: [in] codes [steps, n]. output: [out] codes [steps, units], which must not overlap the input.
 * arena: [in] the network's arena, which begins with the address of the network's state. hidden: the offset of the last
 *   output, int8 [units], in the state, in bytes. cell: the offset of the cell state, int16 [units], in bytes, a
 *   multiple of 4.
 * gates: [scratch] five values for each unit. lstm: [in] the weights. */
void micronets_lstm_s8(const int8_t *input, int8_t *output, const int8_t *arena, int32_t hidden, int32_t cell,
                       int16_t *gates, const micronets_lstm *lstm);

/* Unpacks 4-bit numbers, -8 .. 7, to bytes.
 *
 * input: [in] words of eight numbers: the low halves of a word's four bytes become one word of bytes, the high halves
 *   the next. output: [out] `words` words of four bytes. words: at least 0; if it is odd, the last high halves are
 *   omitted. */
void micronets_unpack_s4(const uint32_t *input, uint32_t *output, int32_t words);

/* Means over windows for each channel, rounded to nearest, halves away from zero. Padding does not count.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c].
 * window: [in] sizes; the dilation is 1, pad_value and filters are not read. lowest, highest: limits of the
 *   output codes. */
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest);

/* Means over a whole map for each channel, rounded to nearest, halves away from zero.
 *
 * input: [in] [pixels, channels]. output: [out] a code for each channel; a channel is read before its code is written.
 * lowest, highest: limits of the output codes. */
void micronets_average_map(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels, int32_t lowest,
                           int32_t highest);

/* Maxima over windows for each channel. Padding does not count.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c].
 * window: [in] sizes; the dilation is 1, pad_value and filters are not read. lowest, highest: limits of the
 *   output codes. */
void micronets_max_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                        int32_t highest);

/* The mean or sum over all pixels for each channel.
 *
 * input: [in] [pixels, channels]. output: [out] [channels]. pixels, channels: each at least 1.
 * requant: [in] plain tables with one bias, multiplier and shift for all channels; the bias is -(zero point of the
 *   input) * pixels, and the scale of a mean includes 1 / pixels. */
void micronets_mean(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels,
                    const micronets_requant *requant);

/* Sums or means over some dimensions.
 *
 * input: [in] a tensor of the dimensions. output: [out] a code for each position of the kept dimensions; it may begin
 *   at the input's address. dimensions: [in] the input's dimensions.
 * requant: [in] plain tables with one bias, multiplier and shift for all values; the bias is -(zero point of the input)
 *   * count for sums of `count` values, and the scale of a mean includes 1 / count. */
void micronets_reduce_sum(const int8_t *input, int8_t *output, const micronets_reduction *dimensions,
                          const micronets_requant *requant);

/* Maxima or minima over some dimensions.
 *
 * input: [in] a tensor of the dimensions. output: [out] a code for each position of the kept dimensions; it may begin
 *   at the input's address. dimensions: [in] the input's dimensions. flip: 0 for maxima, -1 for minima. */
void micronets_reduce_extreme(const int8_t *input, int8_t *output, const micronets_reduction *dimensions, int32_t flip);

/* Cumulative sums of codes along a dimension, as TensorFlow Lite Micro computes them: a sum starts at the code 0 minus
 * the zero point, and sums of codes wrap at 13 bits.
 *
 * input: [in] [rows, count, columns]. output: [out] the same; it may coincide with the input. rows, count, columns:
 *   each at least 1. exclusive: 1 if a sum excludes its own position, else 0. reverse: 1 for sums from each position to
 *   the end, 0 for sums up to each position. params: [in] the scales. */
void micronets_cum_sum(const int8_t *input, int8_t *output, int32_t rows, int32_t count, int32_t columns,
                       int32_t exclusive, int32_t reverse, const micronets_total *params);

/* Cumulative sums of float32 values along a dimension.
 *
 * input: [in] [rows, count, columns]. output: [out] the same; it may coincide with the input. rows, count, columns:
 *   each at least 1. exclusive, reverse: see micronets_cum_sum. */
void micronets_cum_sum_f32(const float *input, float *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t exclusive, int32_t reverse);

/* The sum of several tensors of codes with the same scale, as TensorFlow Lite Micro computes it: it starts at the code
 * 0 minus the zero point, and wraps at 13 bits.
 *
 * arena: [in] the memory in which the tensors lie. parts: [in] the offset of each tensor from `arena`, in bytes.
 * part_count: at least 2. output: [out] `count` codes; it may coincide with a tensor. params: [in] the scales. */
void micronets_add_n(const int8_t *arena, const int32_t *parts, int32_t part_count, int8_t *output, int32_t count,
                     const micronets_total *params);

/* The sum of several float32 tensors, added to 0 in order.
 *
 * arena: [in] the memory in which the tensors lie. parts: [in] the offset of each tensor from `arena`, in bytes.
 * part_count: at least 2. output: [out] `count` values; it may coincide with a tensor. */
void micronets_add_n_f32(const int8_t *arena, const int32_t *parts, int32_t part_count, float *output, int32_t count);

/* The positions of the largest or smallest values along a dimension, from 0; the first position if values are equal.
 *
 * input: [in] [rows, count, columns]. output: [out] [rows, columns]; it must not overlap the input. rows, count,
 *   columns: each at least 1. flip: 0 for the largest values, -1 for the smallest. */
void micronets_arg_extreme(const int8_t *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t flip);

/* The same for float32. smallest: 1 for the position of the smallest value, 0 for that of the largest. NaN is skipped
 * unless it is the first value. */
void micronets_arg_extreme_f32(const float *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                               int32_t smallest);

/* The elementwise sum of two tensors.
 *
 * a, b: [in] `count` codes each. output: [out] `count` codes; it may coincide with a or b. count: at least 0. params:
 * [in] scales of both operands and of the sum. */
void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *params);

/* An elementwise operation on two tensors with broadcasting.
 *
 * a, b: [in] the tensors. output: [out] as many codes as the product of the sizes of `shape`; it may coincide with an
 * operand of as many values. shape: [in] the loops. params: [in] passed to `row`. row: combines a row. */
void micronets_binary(const int8_t *a, const int8_t *b, int8_t *output, const micronets_broadcast *shape,
                      const micronets_add_params *params, micronets_row *row);

/* Rows of differences a - b, products, minima, maxima, and squared differences; micronets_add computes sums. The
 * operands of differences are converted to a common scale with 20 additional bits, those of squared differences to one
 * with 7. */
micronets_row micronets_row_sub;
micronets_row micronets_row_mul;
micronets_row micronets_row_minimum;
micronets_row micronets_row_maximum;
micronets_row micronets_row_squared_difference;

/* Rows of linear combinations: a code is (a * f / 256 + b * g / 256 + h) / 2^16, each quotient rounded down, saturated
 * and clamped. f, g and h are the `multiplier` of the operands a and b and of the sum; f and g are below 2^30 in
 * magnitude, and the last quotient fits 15 bits. The compiler uses this kernel for sums and differences if it has found
 * numbers that give the correct code for every pair of codes. */
micronets_row micronets_row_linear;

/* Rows of PReLU: a if it is at least 0, else a * b. The scales in `params` are those of a and of the product. */
micronets_row micronets_row_prelu;

/* Several tensors concatenated: a row of the output consists of one row of each part, in order.
 *
 * arena: [in] the memory in which the parts lie.
 * output: [out] [rows, sum of the bytes of the parts' rows]; it must not overlap a part.
 * parts: [in] two numbers for each part, in order: its offset from `arena` in bytes, and the bytes of one of its rows,
 *   at least 1.
 * count: number of parts, at least 1. rows: of the output and of every part, at least 1. */
void micronets_concatenate(const int8_t *arena, int8_t *output, const int32_t *parts, int32_t count, int32_t rows);

/* Several tensors concatenated, some of them constants: a row of the output consists of one row of each part, in order.
 *
 * arena: [in] the memory in which the other parts lie. constants: [in] the constant parts, one after another.
 * output: [out] [rows, sum of the bytes of the parts' rows]; it must not overlap a part.
 * parts: [in] two numbers for each part, in order: its place, and the bytes of one of its rows, at least 1. The place
 *   is n for a part n bytes from `arena`, and -1 - n for a part n bytes from `constants`.
 * count: number of parts, at least 1. rows: of the output and of every part, at least 1. */
void micronets_concatenate_constants(const int8_t *arena, const int8_t *constants, int8_t *output, const int32_t *parts,
                                     int32_t count, int32_t rows);

/* One tensor split into several: each row of the input is divided into one row of each part, in order.
 *
 * input: [in] [rows, sum of the bytes of the parts' rows]; no part may overlap it.
 * arena: [out] the memory in which the parts lie.
 * parts: [in] two numbers for each part, in order: its offset from `arena` in bytes, and the bytes of one of its rows,
 *   at least 1.
 * count: number of parts, at least 1. rows: of the input and of every part, at least 1. */
void micronets_split(const int8_t *input, int8_t *arena, const int32_t *parts, int32_t count, int32_t rows);

/* A tensor with a border of one value.
 *
 * input: [in] [in_shape]. output: [out] [in_shape + before + after]. params: [in] sizes and value. */
void micronets_pad(const int8_t *input, int8_t *output, const micronets_pad_params *params);

/* A tensor of 16-bit or 32-bit values with a border of one value, whose bytes differ.
 *
 * input: [in] [in_shape], in bytes. output: [out] [in_shape + before + after]. params:
 *   [in] sizes in bytes; the value is not read. values: the border's value, repeated twice if it has 16 bits. */
void micronets_pad_wide(const int8_t *input, int8_t *output, const micronets_pad_params *params, int32_t values);

/* Bytes in another order, as for a transposition or a slice.
 *
 * input: [in] the bytes that the strides reach. output: [out] the product of the counts times `run` bytes; it must not
 *   overlap the input. params: [in] counts and strides. */
void micronets_copy_strided(const int8_t *input, int8_t *output, const micronets_copy_params *params);

/* A tensor in which a box is replaced.
 *
 * input: [in] `bytes` bytes. box: [in] the bytes of the box, in order. output: [out] `bytes` bytes; it may coincide
 *   with the input, and must not overlap the box. bytes: at least 1. params: [in] the strides of the box in the
 *   output. */
void micronets_update_box(const int8_t *input, const int8_t *box, int8_t *output, int32_t bytes,
                          const micronets_copy_params *params);

/* A tensor of which a box is replaced, at a place that another tensor holds.
 *
 * input, box, output, bytes: as of micronets_update_box. params: [in] the steps through a box at the first place.
 * places: [in] one number that is not read, then the place along each dimension; the nearest counts at which the box
 *   lies in the tensor. The output must not overlap them. limits: [in] for each dimension the last such place, and the
 *   bytes from one place to the next. dimensions: at least 1. */
void micronets_update_box_at(const int8_t *input, const int8_t *box, int8_t *output, int32_t bytes,
                             const micronets_copy_params *params, const int32_t *places, const int32_t *limits,
                             int32_t dimensions);

/* Runs of bytes at offsets from two tables: the run at row r and column c of the output is the one at offset rows[r] +
 * columns[c] of the input.
 *
 * input: [in] the bytes that the tables reach. output: [out] [row_count, column_count, run]; it must not overlap the
 *   input. rows, columns: [in] offsets in bytes. row_count, column_count: at least 1. run: bytes of a run, at least
 *   1. */
void micronets_take(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count, const int32_t *columns,
                    int32_t column_count, int32_t run);

/* A map resized by bilinear interpolation.
 *
 * input: [in] map. output: [out] map [row_count, column_count, channels]; it must not overlap the input.
 * rows, columns: [in] three numbers for each: the offsets of the first and the second input row or pixel in bytes, and
 *   the weight of the second, where 1024 represents 1. row_count, column_count, channels: at least 1. */
void micronets_resize_bilinear(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count,
                               const int32_t *columns, int32_t column_count, int32_t channels);

/* A map of float32 of another size, whose pixels are interpolated between the four around their places.
 *
 * input: [in] map. output: [out] map [row_count, column_count, channels]; it must not overlap the input.
 * rows, columns: [in] two numbers for each: values to the first and to the second row or pixel of the input.
 * row_weights, column_weights: [in] the weight of the second, of which 1 is 1. row_count, column_count, channels: at
 *   least 1. */
void micronets_resize_bilinear_f32(const float *input, float *output, const int32_t *rows, const float *row_weights,
                                   int32_t row_count, const int32_t *columns, const float *column_weights,
                                   int32_t column_count, int32_t channels);

/* Starts a layer's work in a patch: moves the kept rows to the front of the buffer.
 *
 * buffer: [in, out] rows of the layer's output. row_bytes: bytes of a row, at least 1. patch: [in] the rows to keep. */
void micronets_patch_keep_rows(int8_t *buffer, int32_t row_bytes, const micronets_patch *patch);

/* Any function of one code: output[i] = table[input[i] + 128].
 *
 * input: [in] `count` codes. output: [out] `count` codes; it may coincide with the input. table: [in] 256 codes. count:
 * at least 0. */
void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count);

/* Codes with some bits flipped, then clamped: output[i] is input[i] ^ flip, at least `lowest` and at most `highest`.
 *
 * input: [in] `count` codes. output: [out] `count` codes; it may coincide with the input. count: at least 0. flip: 0,
 * or -128 to convert uint8 codes to int8 codes or vice versa. lowest, highest: -128 .. 127. */
void micronets_clamp_codes(const int8_t *input, int8_t *output, int32_t count, int32_t flip, int32_t lowest,
                           int32_t highest);

/* The softmax of every row.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns], codes of scale 1/256 and zero point -128.
 * exponentials: [in] exponentials[d] is 2^31 * exp(-d * scale of the input), d = 0 .. entries - 1.
 * entries: length of that table, 1 .. 256; a code that is `entries` or more below the largest of its row has
 * probability 0. rows: at least 1. columns: 1 .. 8191, so that no sum of exponentials overflows. */
void micronets_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries, int32_t rows,
                       int32_t columns);

/* The softmax of rows of two values, by table lookup.
 *
 * input: [in] [rows, 2]. output: [out] [rows, 2]; it may coincide with the input. table: [in] the output code for each
 *   difference -most .. most of a value's code and the other one; larger differences are clamped to this range. most: 1
 *   .. 255. rows: at least 1. */
void micronets_softmax_of_two(const int8_t *input, int8_t *output, const int8_t *table, int32_t most, int32_t rows);

/* The softmax of every row, for long rows; with the DSP extension, four codes at a time.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns]; it may coincide with the input. exponentials, entries,
 *   rows, columns: see micronets_softmax; a 0 follows the exponentials if there are fewer than 256. */
void micronets_softmax_by4(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries,
                           int32_t rows, int32_t columns);

/* The softmax of every row, in 16 bits.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns], codes of scale 1/65536 and zero point -32768, which must
 *   not overlap the input. exponentials, entries, rows, columns: see micronets_softmax. */
void micronets_softmax_s16(const int8_t *input, int16_t *output, const int32_t *exponentials, int32_t entries,
                           int32_t rows, int32_t columns);

/* Logarithms of the softmax over the last dimension.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns], codes of scale 1/16 and zero point 127; it may coincide
 *   with the input. exponentials: [in] 2^31 times the exponentials of the differences 0, -1, .. of two codes, `entries`
 *   numbers, followed by a 0 if there are fewer than 256.
 * differences: [in] the same differences in fixed point with 5 integer bits. entries: 1 .. 256.
 * multiplier, shift: the scale that converts such a number back to a difference of codes; shift at most 0.
 * rows: at least 1. columns: 1 .. 4095. */
void micronets_log_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, const int32_t *differences,
                           int32_t entries, int32_t multiplier, int32_t shift, int32_t rows, int32_t columns);

/* Vectors of codes divided by their Euclidean norm, as codes of scale 1/128 and zero point 0.
 *
 * input: [in] [rows, columns], a vector in each row. output: [out] [rows, columns]; it may coincide with the input.
 * rows: at least 1. columns: 1 .. 33025. zero_point: of the input, -128 .. 127. */
void micronets_l2_normalization(const int8_t *input, int8_t *output, int32_t rows, int32_t columns, int32_t zero_point);

/* Quantisation: input / scale + zero_point, rounded to nearest, halves away from zero.
 *
 * input: [in] `count` values; NaN counts as 0. output: [out] `count` codes. count: at least 0.
 * scale: above 0. zero_point: -128 .. 127. lowest, highest: limits of the codes. */
void micronets_quantize(const float *input, int8_t *output, int32_t count, float scale, int32_t zero_point,
                        int32_t lowest, int32_t highest);

/* Dequantisation: (input - zero_point) * scale.
 *
 * input: [in] `count` codes. output: [out] `count` values, which must not overlap the input. count: at least 0.
 * scale: above 0. zero_point: -128 .. 127. */
void micronets_dequantize(const int8_t *input, float *output, int32_t count, float scale, int32_t zero_point);

/* The value types that a kernel takes as an argument; MICRONETS_BOOL values are bytes of 0 or 1. */
typedef enum {
    MICRONETS_INT8,
    MICRONETS_UINT8,
    MICRONETS_INT16,
    MICRONETS_INT32,
    MICRONETS_FLOAT32,
    MICRONETS_BOOL,
    MICRONETS_UINT32
} micronets_type;

/* Dequantisation of any integer type: scale * (code - zero_point).
 *
 * input: [in] `count` codes of type `type`. output: [out] `count` values; it may overlap the input if it begins far
 *   enough below that no code is overwritten before it is read. */
void micronets_dequantize_any(const void *input, micronets_type type, float *output, int32_t count, float scale,
                              int32_t zero_point);

/* Quantisation to 16 bits: input / scale + zero_point, rounded to nearest, halves away from zero.
 *
 * input: [in] `count` values; NaN counts as 0. output: [out] `count` codes; it may begin at the input's address. count:
 *   at least 0. scale: above 0. zero_point: -32768 .. 32767. lowest, highest: limits of the codes. */
void micronets_quantize_s16(const float *input, int16_t *output, int32_t count, float scale, int32_t zero_point,
                            int32_t lowest, int32_t highest);

/* Requantisation from one integer type and scale to another: (code - zero_in) * multiplier * 2^(shift - 31) + zero_out,
 * clamped to the range of the output type.
 *
 * input, in: [in] `count` codes, and their type. output, out: [out] `count` codes, and their type; the output may
 *   overlap the input if it begins far enough below that no code is overwritten before it is read. multiplier: 0 or
 *   2^30 .. 2^31 - 1. shift: -31 .. 31. zero_in, zero_out: zero points of input and output. */
void micronets_recode(const void *input, micronets_type in, void *output, micronets_type out, int32_t count,
                      int32_t multiplier, int32_t shift, int32_t zero_in, int32_t zero_out);

/* Conversion to another type: a float is rounded towards 0 and clamped to 32 bits, and NaN becomes 0; an integer keeps
 * as many of its low bits as the output type has.
 *
 * input, in: [in] `count` numbers, and their type. output, out: [out] `count` numbers, and their type; the output may
 *   overlap the input if it begins far enough below that no number is overwritten before it is read. */
void micronets_cast(const void *input, micronets_type in, void *output, micronets_type out, int32_t count);

/* Kernels for values that are not codes. Outputs may coincide with inputs that are not repeated. */

/* Operations on two numbers a and b. */
typedef enum {
    MICRONETS_SUM,
    MICRONETS_DIFFERENCE, /* a - b */
    MICRONETS_PRODUCT,
    MICRONETS_QUOTIENT, /* a / b; for int32, rounded towards 0, and 0 if b is 0 */
    MICRONETS_SMALLER,
    MICRONETS_LARGER,
    MICRONETS_SQUARED_DIFFERENCE,
    MICRONETS_PRELU /* a if it is at least 0, else a * b */
} micronets_operation;

/* An elementwise operation on two int32 tensors; results wrap at 32 bits.
 *
 * a, b: [in] the operands. output: [out] a number for each iteration of the loops. shape: [in] the loops. operation:
 *   any but MICRONETS_PRELU. */
void micronets_binary_s32(const int32_t *a, const int32_t *b, int32_t *output, const micronets_broadcast *shape,
                          micronets_operation operation);

/* An elementwise operation on two float32 tensors.
 *
 * a, b: [in] the operands. output: [out] a number for each iteration of the loops. shape: [in] the loops. lowest,
 *   highest: limits to which sums, differences, products and quotients are clamped; other results are not clamped. */
void micronets_binary_f32(const float *a, const float *b, float *output, const micronets_broadcast *shape,
                          micronets_operation operation, float lowest, float highest);

/* Functions of a float32 x. */
typedef enum {
    MICRONETS_RELU,       /* max(x, 0) */
    MICRONETS_RELU6,      /* min(max(x, 0), 6) */
    MICRONETS_LEAKY_RELU, /* x if it is above 0, else x * slope */
    MICRONETS_LOGISTIC,   /* 1 / (1 + exp(-x)) */
    MICRONETS_ABS,        /* the magnitude */
    MICRONETS_HARD_SWISH  /* x * min(max(x + 3, 0), 6) / 6 */
} micronets_function;

/* A function of each float32 value.
 *
 * input: [in] `count` values. output: [out] `count` values. slope: for MICRONETS_LEAKY_RELU; other functions do not
 *   read it. */
void micronets_function_f32(const float *input, float *output, int32_t count, micronets_function kind, float slope);

/* The functions of a float32 x that micronets_unary_f32 computes. */
typedef enum {
    MICRONETS_NEGATE, /* -x */
    MICRONETS_SQUARE,
    MICRONETS_ROOT, /* NaN if x is negative */
    MICRONETS_ROOT_RECIPROCAL,
    MICRONETS_EXPONENTIAL,
    MICRONETS_FLOOR,
    MICRONETS_CEIL,
    MICRONETS_ROUND /* halves to the even neighbour */
} micronets_number_function;

/* A function without parameters of each float32 value. input: [in] `count` values. output: [out] `count` values. */
void micronets_unary_f32(const float *input, float *output, int32_t count, micronets_number_function kind);

/* Float32 vectors divided by their Euclidean norm; a norm below 1e-6 counts as 1e-6.
 *
 * input: [in] [rows, columns], a vector in each row. output: [out] [rows, columns]. rows, columns: at least 1. */
void micronets_l2_normalization_f32(const float *input, float *output, int32_t rows, int32_t columns);

/* Sums, maxima or minima of float32 over some dimensions, divided by a number.
 *
 * input: [in] a tensor of the dimensions. output: [out] a number for each position of the kept dimensions; it may begin
 *   at the input's address. dimensions: [in] the input's dimensions. operation: MICRONETS_SUM, MICRONETS_LARGER or
 *   MICRONETS_SMALLER. divisor: the number by which each result is divided: for a mean, the number of values that are
 *   reduced; else 1. */
void micronets_reduce_f32(const float *input, float *output, const micronets_reduction *dimensions,
                          micronets_operation operation, float divisor);

/* Softmax over the rows of a float32 matrix: exp(beta * x), divided by the row's sum of these.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns]. rows, columns: at least 1. */
void micronets_softmax_f32(const float *input, float *output, int32_t rows, int32_t columns, float beta);

/* Kernels for int16 activations. All zero points are 0. The output may begin at the input's address, or far enough
 * below it that no value is overwritten before its last use. */

/* Convolution of int16 with int8 weights, optionally in groups; matrix products are 1 x 1 convolutions.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c].
 * weights: [in] group by group, every four filters in the order of micronets_products_s16.h. Windows are padded to a
 *   multiple of four values, and groups to a multiple of four filters.
 * scratch: [scratch] the values of a window of one group; not used if there is one group and every window is a multiple
 *   of four adjacent values of the map.
 * window: [in] sizes; pad_value is not read. groups: number of channel groups, see micronets_conv_any.
 * requant: [in] biases and scales. A pixel's window is read before the pixel is written. */
void micronets_conv_s16(const int16_t *input, int16_t *output, const int8_t *weights, int16_t *scratch,
                        const micronets_window *window, int32_t groups, const micronets_requant_s16 *requant);

/* Depthwise convolution of int16 with int8 weights: input channel c gives the output channels n * c .. n * c + n - 1, n
 * = multiplier.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c * n]. weights: [in] [kernel_h, kernel_w,
 *   in_c * n]. window: [in] sizes; pad_value is not read. requant: [in] biases and scales. A pixel's window is read
 *   before the pixel is written. */
void micronets_depthwise_s16(const int16_t *input, int16_t *output, const int8_t *weights,
                             const micronets_window *window, int32_t multiplier, const micronets_requant_s16 *requant);

/* Transposed convolution of int16 with int8 weights.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, filters]; it must not overlap the input.
 * weights: [in] [filters, kernel_h, kernel_w, in_c]. window: [in] sizes; the dilation is 1, pad_top and pad_left are
 * the extent of the window beyond the output, and pad_value is not read. requant: [in] biases and scales. */
void micronets_transpose_conv_s16(const int16_t *input, int16_t *output, const int8_t *weights,
                                  const micronets_window *window, const micronets_requant_s16 *requant);

/* An elementwise operation on two int16 tensors.
 *
 * a, b: [in] the operands. output: [out] a code for each iteration of the loops; it may coincide with an operand that
 * is not repeated. shape: [in] the loops. operands: [in] factors. row: [in] computes a row: one of those below. */
void micronets_binary_s16(const int16_t *a, const int16_t *b, int16_t *output, const micronets_broadcast *shape,
                          const micronets_operands_s16 *operands, micronets_row_s16 *row);

/* Rows of sums, differences, products, minima, maxima and squared differences; of codes times a slope below 0 (prelu),
 * where b is that slope. */
micronets_row_s16 micronets_row_add_s16, micronets_row_sub_s16, micronets_row_mul_s16, micronets_row_minimum_s16,
    micronets_row_maximum_s16, micronets_row_squared_difference_s16, micronets_row_prelu_s16;

/* Means (average) and maxima (max) of int16 over windows for each channel. Means are rounded to nearest, halves away
 * from zero. Padding does not count.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c]. window: [in] sizes; the dilation is 1,
 *   pad_value and filters are not read. lowest, highest: limits of the output codes. */
void micronets_average_pool_s16(const int16_t *input, int16_t *output, const micronets_window *window, int32_t lowest,
                                int32_t highest);
void micronets_max_pool_s16(const int16_t *input, int16_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest);

/* Sums or means of int16 over some dimensions.
 *
 * input: [in] a tensor of these dimensions. output: [out] a code for each position of the kept dimensions.
 * dimensions: [in] of the input. multiplier, shift: a sum times multiplier * 2^(shift - 31) is a code; the multiplier
 *   is 0 or 2^30 .. 2^31 - 1, the shift -31 .. 31. */
void micronets_reduce_sum_s16(const int16_t *input, int16_t *output, const micronets_reduction *dimensions,
                              int32_t multiplier, int32_t shift);

/* Softmax of int16 along rows; the output has the scale 1/32768.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns]. exponentials: [in] 513 entries from exp(-10) to exp(0),
 * reciprocals: [in] 513 entries from 1 / (1 + 0) to 1 / (1 + 1), all with 15 fractional bits. rows: at least 1.
 * columns: 1 .. 65535. multiplier, shift: convert differences of codes to steps of 10/65535; 0 or 2^30 .. 2^31 - 1, and
 * -31 .. 14. */
void micronets_softmax_of_s16(const int16_t *input, int16_t *output, const int16_t *exponentials,
                              const int16_t *reciprocals, int32_t rows, int32_t columns, int32_t multiplier,
                              int32_t shift);

/* The logistic function or the hyperbolic tangent of int16; the output has the scale 1/32768.
 *
 * input: [in] `count` codes. output: [out] as many. multiplier, shift: code * multiplier / 2^shift is in steps of
 * 1/12288; 0 .. 32767, and 0 .. 31. tanh: 0 for the logistic function, 1 for the hyperbolic tangent. */
void micronets_sigmoid_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift,
                           int32_t tanh);

/* Rectifiers of int16: codes of at least 0 are multiplied by multiplier * 2^(shift - 31), the others by slope *
 * 2^(slope_shift - 31) and, if `negative` is 1, by -1.
 *
 * input: [in] `count` codes. output: [out] as many. multiplier, slope: 0 or 2^30 .. 2^31 - 1. shift, slope_shift:
 * -31 .. 31. */
void micronets_rectify_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift,
                           int32_t slope, int32_t slope_shift, int32_t negative);

/* The magnitudes of int16 codes, times multiplier * 2^(shift - 31).
 *
 * input: [in] `count` codes. output: [out] as many. multiplier: 2^30 .. 2^31 - 1, or 0. shift: -31 .. 31. */
void micronets_abs_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift);

/* 1 / sqrt(code) of int16 codes, with 20 fractional bits, times multiplier * 2^(shift - 31). Codes of 0 or less give
 * the largest code.
 *
 * input: [in] `count` codes. output: [out] as many. multiplier: 2^30 .. 2^31 - 1, or 0. shift: -31 .. 31. */
void micronets_rsqrt_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift);

/* Runs of bytes at the indices that a tensor holds.
 *
 * values: [in] [rows, size, run] bytes. places: [in] `count` indices, 0 .. size - 1; others are clamped to this range.
 * output: [out] [rows, count, run] bytes; it must not overlap the inputs. rows, size, count, run: at least 1. */
void micronets_gather(const void *values, const int32_t *places, void *output, int32_t rows, int32_t size,
                      int32_t count, int32_t run);

/* Comparisons of two values. */
typedef enum { MICRONETS_EQUAL, MICRONETS_NOT_EQUAL, MICRONETS_GREATER, MICRONETS_GREATER_OR_EQUAL } micronets_relation;

/* The zero points of two int8 operands, and the factors multiplier * 2^(shift - 31) that convert a code minus its zero
 * point to a real value. */
typedef struct {
    int32_t a_zero, a_multiplier, a_shift;
    int32_t b_zero, b_multiplier, b_shift;
} micronets_compared;

MICRONETS_AGREE_SIZE(micronets_compared, MICRONETS_COMPARED_BYTES);

/* Comparison: 1 or 0, whether a relation holds between the real values of int8 codes, computed with 8 fractional bits.
 *
 * a, b: [in] the operands. output: [out] a byte for each iteration of the loops; it may coincide with an operand of as
 *   many bytes. shape: [in] the loops. scales: [in] of both operands; multipliers are 0 or 2^30 .. 2^31 - 1, shifts -31
 *   .. 0. */
void micronets_compare(const void *a, const void *b, uint8_t *output, const micronets_broadcast *shape,
                       const micronets_compared *scales, micronets_relation relation);

/* The same for numbers, which are compared directly; type: the type of both operands. */
void micronets_compare_numbers(const void *a, micronets_type type, const void *b, uint8_t *output,
                               const micronets_broadcast *shape, micronets_relation relation);

/* The loops of a choice between the values of two tensors by a third one. */
typedef struct {
    int32_t size[4];      /* how often each loop runs, at least once */
    int32_t condition[4]; /* stride of the condition per iteration, in values; 0 if repeated */
    int32_t a[4], b[4];   /* the same for both tensors */
    int32_t bytes;        /* bytes of a value, at least 1 */
} micronets_selection;

MICRONETS_AGREE_SIZE(micronets_selection, MICRONETS_SELECTION_BYTES);

/* Values of a if the condition is true, else of b.
 *
 * condition: [in] bytes; 0 is false. a, b: [in] the values. output: [out] a value for each iteration of the loops; it
 *   may coincide with an input of as many bytes. shape: [in] the loops. */
void micronets_select(const void *condition, const void *a, const void *b, void *output,
                      const micronets_selection *shape);

/* Copies words from slow flash, for a layer that reads them many times.
 *
 * copy: [out] `count` words, which must not overlap `words`. words: [in] `count` words. Returns `copy`. */
const uint32_t *micronets_copy_words(uint32_t *copy, const uint32_t *words, int32_t count);

/* Clamps int16 codes to lowest .. highest. input: [in] `count` codes. output: [out] `count` codes. */
void micronets_clamp_s16(const int16_t *input, int16_t *output, int32_t count, int32_t lowest, int32_t highest);

/* The kernels of TFLM's signal library, micronets_signal_...: from audio samples to noise-reduced bands, in integer
 * arithmetic. micronets.quantized.signal computes the same in numpy. A complex number is a word with the real part in
 * the low half; a 64-bit number is two words, the low one first. */

/* Samples times a window, shifted right and saturated.
 *
 * input: [in] [rows, size]. output: [out] the same; it may coincide with the input. window: [in] [size].
 * rows, size: each at least 1. shift: 0 .. 31. */
void micronets_signal_window(const int16_t *input, int16_t *output, const int16_t *window, int32_t rows, int32_t size,
                             int32_t shift);

/* Samples scaled up by the most bits for which they still fit 16 bits.
 *
 * input: [in] [count]. output: [out] the same; it may coincide with the input. bits: [out] that number of bits. count:
 * at least 1. */
void micronets_signal_scale(const int16_t *input, int16_t *output, int32_t *bits, int32_t count);

/* The Fourier transform of real samples, padded with zeros to 2 * points of them, divided by 2 * points.
 *
 * input: [in] [rows, size]; if size is even, each row is aligned to 4 bytes. output: [out]
 *   [rows, points + 1] complex numbers, which must not overlap the input. twiddles: [in] [3 points / 4], or one word,
 *   exp(-2 pi i k / points). split: [in] [points / 2], exp(-pi i ((k + 1) / points + 1 / 2)). rows: at least 1.
 * size: 1 .. 2 * points. points: a power of 2, at least 2. */
void micronets_signal_rfft(const int16_t *input, uint32_t *output, const uint32_t *twiddles, const uint32_t *split,
                           int32_t rows, int32_t size, int32_t points);

/* Squared magnitudes of complex numbers.
 *
 * input: [in] [count]. output: [out] [count], 0 before `start` and from `end` on; it may coincide with the input. 0 <=
 * start <= end <= count. */
void micronets_signal_energy(const uint32_t *input, uint32_t *output, int32_t count, int32_t start, int32_t end);

/* Weighted sums of energies for each band, modulo 2^64. The bins of an interval have the weights `rising` in the
 * interval's own band and `falling` in the next band; the first interval's own band is dropped.
 *
 * input: [in] energies. output: [out] [bands] numbers of 64 bits, which must not overlap the input.
 * rising, falling: [in] weights. starts, weight_starts, widths: [in] [bands + 1], the first bin, the first weight and
 *   the number of bins of each interval; an interval whose width is below 1 is empty. bands: at least 1. */
void micronets_signal_bands(const uint32_t *input, uint32_t *output, const int16_t *rising, const int16_t *falling,
                            const int16_t *starts, const int16_t *weight_starts, const int16_t *widths, int32_t bands);

/* Square roots, rounded to nearest and then shifted right.
 *
 * input: [in] [count] 64-bit numbers. bits: [in] the shift; only its low five bits count. output: [out] [count]; it may
 *   begin at the input's address or below. count: at least 1. */
void micronets_signal_roots(const uint32_t *input, const int32_t *bits, uint32_t *output, int32_t count);

/* Parameters of the noise estimate of bands. */
typedef struct {
    uint32_t fresh[2];     /* the weight of the newest value, for even and odd bands */
    uint32_t kept[2];      /* the weight of the last estimate */
    uint32_t least;        /* the fraction of a band that always remains */
    uint8_t estimate_bits; /* fractional bits of an estimate, 0 .. 31 */
    uint8_t share_bits;    /* fractional bits of weights and fractions, 0 .. 63 */
    uint16_t clamps;       /* 1: an estimate is at most its band */
} micronets_smoothing;

MICRONETS_AGREE_SIZE(micronets_smoothing, MICRONETS_SMOOTHING_BYTES);

/* Bands minus their noise, and the estimates of the noise.
 *
 * input: [in] [count]. output: [out] [count]; it may coincide with the input. noise: [out] [count], the estimates.
 * arena: [in] the network's arena, which begins with the address of the network's state. offset: the offset of the
 * estimates in the state, in bytes, a multiple of 4. smoothing: [in] the parameters. count: at least 1. */
void micronets_signal_subtract(const uint32_t *input, uint32_t *output, uint32_t *noise, const int8_t *arena,
                               int32_t offset, const micronets_smoothing *smoothing, int32_t count);

/* Bands times the gains that follow from their noise, minus 1; small products are squared instead.
 *
 * input, noise: [in] [count]. output: [out] [count]; it may coincide with either. gains: [in] [33][3], the coefficients
 *   of a parabola for noise of 0, 1, ... bits. shift: 0 .. 63. count: at least 1. */
void micronets_signal_gain(const uint32_t *input, const uint32_t *noise, uint32_t *output, const int16_t *gains,
                           int32_t shift, int32_t count);

/* Natural logarithms of bands, at most 32767; 0 for 0 and 1.
 *
 * input: [in] [count]. output: [out] [count]; it may begin at the input's address or below. logarithms: [in] [129],
 *   log2(1 + i / 128) - i / 128 with 16 fractional bits. shift: left shift of the bands before the logarithm, 0 .. 31.
 *   scale: the factor of the logarithms. count: at least 1. */
void micronets_signal_log(const uint32_t *input, int16_t *output, const uint16_t *logarithms, int32_t shift,
                          int32_t scale, int32_t count);

#ifdef __cplusplus
}
#endif

#endif
