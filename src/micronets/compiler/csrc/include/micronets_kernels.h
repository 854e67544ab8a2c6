/* Kernels of micronets: what each function computes, on which layouts and ranges.
 *
 * Tensors are int8 codes unless a kernel's name ends otherwise (_s16, _s32, _f32). A map is [height, width, channels]
 * with the channels of a pixel next to each other. A code stands for the real value scale * (code - zero point).
 * Arguments come in the order input, output, weights or table, scratch memory, sizes, requantisation; [in] is only
 * read, [out] only written, and [scratch] holds nothing before or after the call. A kernel reads and writes nothing but
 * what it is given, allocates nothing, and keeps values between calls only in the network's state (micronets_state.h).
 *
 * Outputs are produced from the first byte to the last, those of depthwise convolutions channel by channel. Input and
 * output may overlap only where the plan of the arena (model.c) says so: in a depthwise convolution they then begin at
 * the same address; in every other kernel the output begins so far below the input that nothing is overwritten before
 * its last use.
 *
 * Arithmetic relies on what every compiler of today does: two's complement, and >> of a negative number keeps
 * its sign. */
#ifndef MICRONETS_KERNELS_H
#define MICRONETS_KERNELS_H

#include <stdint.h>

#include "micronets_limits.h"
#include "micronets_target.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes of an operator that slides a window over a map, in pixels and channels.
 *
 * Output pixel (y, x) sees the input rows y * stride_h - pad_top + k * dilation_h, k = 0 .. kernel_h - 1, and the input
 * columns x * stride_w - pad_left + k * dilation_w, k = 0 .. kernel_w - 1. What lies outside the input is padding. */
typedef struct {
    uint16_t in_h, in_w, in_c;       /* the input map, each at least 1 */
    uint16_t out_h, out_w, out_c;    /* the output map, each at least 1 */
    uint16_t kernel_h, kernel_w;     /* taps of the window, each at least 1 */
    uint16_t stride_h, stride_w;     /* from an output's window to the next one's, each at least 1 */
    uint16_t dilation_h, dilation_w; /* from a tap to the next, each at least 1, where taps are next to each other */
    uint16_t pad_top, pad_left;      /* padding above the first row and before the first column, each at least 0 */
    int16_t pad_value;               /* convolutions: the code that padding stands for, the input's zero point */
    uint16_t filters;                /* convolutions: how many of the out_c channels to compute, the first ones */
} micronets_window;

/* How a sum of products becomes a code of the output: the bias is added, the sum is multiplied by
 * multiplier * 2^(shift - 31) and rounded as TensorFlow Lite Micro rounds (micronets_requantize.h), the result is
 * clamped, the zero point is added.
 *
 * All kernels but micronets_conv_any take the input codes as they are: -(zero point of the input) * (sum of the
 * weights) is in the bias, and padding stands for the zero point. micronets_conv_any subtracts the zero point itself.
 *
 * The tables have one of three forms. Packed, where shift_count is 0: bias[c] is bias * 2^8 - shift, with a bias of 24
 * bits and a shift of -31 .. -1; multiplier[c] is twice the multiplier, its 32 bits read as a negative number; and
 * every sum with its bias is within +-(2^30 - 1). Plain, where shift_count is not 0: bias[c] is the bias; multiplier[c]
 * is 0 or 2^30 .. 2^31 - 1; the shifts, -31 .. 31, follow the multipliers in the same table. Straight, where
 * per_channel is MICRONETS_STRAIGHT: `bias` and `multiplier` are one table of two numbers for each channel, filled up
 * to a multiple of four channels; the code of a sum is (256 * sum + bias[2 * c]) * bias[2 * c + 1] >> 32 >> shift,
 * saturated. micronets_limits.h has the shift. The compiler proves that rounding twice gives the same for every sum of
 * this layer (compiler/kernels/straight.py). */
typedef struct {
    const int32_t *bias;       /* one for each channel; packed tables are filled up to a multiple of four */
    const int32_t *multiplier; /* one for each channel, packed tables filled up to a multiple of four; or one for all */
    int16_t lowest, highest;   /* limits of the clamp, relative to the zero point */
    int8_t zero_point;         /* zero point of the output */
    int8_t per_channel;        /* 1: every channel has a multiplier and shift of its own; 0: one for all; see above */
    uint16_t shift_count;      /* 0: packed or straight tables; else how many multipliers, and how many shifts */
} micronets_requant;

/* Filters of a layer whose numbers its kernel cannot hold, as they are too large for packed tables or for weights that
 * share 16 bits. In the layer's own tables they have zeros; they are computed one by one. */
typedef struct {
    const uint32_t *weights;   /* of each filter, pairs of int16 in the order of a column; of a dense layer, bytes */
    const uint16_t *channels;  /* the output channel of each filter */
    int32_t count;             /* how many there are, at least 1 */
    micronets_requant requant; /* tables of these filters, with a multiplier for each */
} micronets_odd_filters;

/* How a depthwise convolution goes through the map of a channel: line by line, several lines of outputs in a pass.
 *
 * A line is a row of the map or, where column_major is 1, a column. The sizes of the window with _h then count lines,
 * and those with _w are along a line. A line is computed in `phases` interleaved parts, each of which has no dilation
 * along the line; pad_left is then that of a part. */
typedef struct {
    uint16_t column_major;  /* 1: a line is a column of the map; 0: it is a row */
    uint16_t multiplier;    /* output channels of each input channel, at least 1 */
    uint16_t phases;        /* parts of a line, at least 1 */
    uint16_t rows_per_pass; /* lines of outputs that are computed together, at least 1 */
    uint16_t pitch;         /* values of a line in the scratch memory; even for micronets_depthwise */
    uint16_t needs_clamp;   /* 1: the clamp allows less than -128 .. 127; 0: saturation is enough */
    /* Words of packed weights for a line of the kernel; both are 0 for micronets_depthwise_any. */
    uint16_t even_words; /* for outputs whose window begins at the first value of a pair */
    uint16_t odd_words;  /* for outputs whose window begins at the second value of a pair */
} micronets_depthwise_schedule;

/* Distances in maps that are walked through by lines, in bytes. */
typedef struct {
    int32_t in_line, in_step;   /* in the input: to the next line, and to the next value of a line */
    int32_t out_line, out_step; /* in the output: to the next line, and to the next value of a line */
} micronets_line_strides;

/* Returns the distances for a window along the lines of a schedule. */
MICRONETS_INLINE micronets_line_strides micronets_line_strides_of(const micronets_window *n,
                                                                  const micronets_depthwise_schedule *schedule)
{
    const int32_t in_c = n->in_c, out_c = n->out_c;
    const micronets_line_strides columns = {in_c, n->in_h * in_c, out_c, n->out_h * out_c};
    const micronets_line_strides rows = {n->in_w * in_c, in_c, n->out_w * out_c, out_c};
    return schedule->column_major ? columns : rows;
}

/* Constants of one channel of a depthwise convolution, in the order in which the kernels load them.
 *
 * The bias and the weights are doubled, so that sums are: output = (high(sum * multiplier) + addend) >> shift, where
 * high is the upper half of the product, rounded to nearest. */
typedef struct {
    int32_t bias;       /* twice the bias */
    int32_t multiplier; /* 0 or 2^30 .. 2^31 - 1 */
    int32_t addend;     /* half a unit, and the zero point, both shifted to the left */
    int32_t shift;      /* how far to shift to the right, 1 .. 22 */
    int32_t step;       /* bytes from an output to the next of its line */
    int32_t unused;     /* fills the record up to 24 bytes */
    uint32_t weights[]; /* twice the weights, as pairs of 16 bits: micronets_depthwise.c describes their order */
} micronets_channel_constants;

/* One pass of a depthwise convolution: the lines of one channel, widened to 16 bits, and what is computed from them. */
typedef struct {
    micronets_channel_constants *filter;          /* the channel's constants */
    const int16_t *lines;                         /* the lines under the window of the first output */
    const int8_t *weights;                        /* the channel's weights, [kernel_h, kernel_w] */
    const micronets_window *window;               /* the layer's window */
    const micronets_depthwise_schedule *schedule; /* the layer's schedule */
    const micronets_requant *requant;             /* the layer's requantisation */
    int32_t channel;                              /* number of the output channel */
    int32_t out_line;                             /* bytes from a line of outputs to the next */
} micronets_depthwise_pass;

/* The type of the functions that compute one pass.
 *
 * pass: [in] the lines and the constants. output: [out] the first output of the first line; outputs are filter->step
 * bytes apart, lines out_line bytes. rows: lines of outputs, at least 1. count: outputs of a line, at least 1. */
typedef void (*micronets_depthwise_kernel)(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows,
                                           int32_t count);

/* The scale of one operand of an addition: it brings a value to (value - zero_point) * 2^left * multiplier * 2^(shift -
 * 31), where left is 20 for an operand and 0 for the sum. */
typedef struct {
    int32_t multiplier; /* 0 or 2^30 .. 2^31 - 1 */
    int8_t zero_point;  /* -128 .. 127 */
    int8_t shift;       /* -31 .. 31 */
} micronets_add_operand;

/* The scales of an addition: the codes of both operands are brought to a common grid, with 20 bits to spare, and their
 * sum to the output's grid. */
typedef struct {
    micronets_add_operand a, b; /* scales from the operands' grids to the common one */
    micronets_add_operand sum;  /* scale from the common grid to the output's; its zero point is the output's */
    int16_t lowest, highest;    /* limits of the clamp, relative to the output's zero point */
} micronets_add_params;

/* Loops over two tensors of which values are repeated so that both have the output's shape. The last loop is over the
 * values of a row. */
typedef struct {
    int32_t size[4];    /* how often each loop runs, at least once */
    int32_t a[4], b[4]; /* values from one round of a loop to the next in each operand; 0 where they are repeated */
} micronets_broadcast;

/* Combines a row of values of two tensors.
 *
 * a, b: [in] `count` codes each. output: [out] `count` codes; it may lie exactly over an operand. count: at least 0.
 * params: [in] scales of both operands and of the output; a kernel that needs no scales does not read them. */
typedef void micronets_row(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                           const micronets_add_params *params);

/* How a sum of products of int16 codes and int8 weights becomes an int16 code: the bias is added, the sum is
 * multiplied, and the result is clamped. Zero points are 0.
 *
 * Where long_sums is 1, sums have 64 bits: (sum * multiplier + 2^(shift - 1)) >> shift, with a multiplier of 15 bits.
 * Where it is 0, they wrap at 32 bits and are multiplied by multiplier * 2^(shift - 31) as those of int8 are. */
typedef struct {
    const int32_t *bias;       /* the lower 32 bits for each channel, or a null pointer where there is no bias */
    const int32_t *bias_high;  /* the upper 32 bits; a null pointer where all biases fit 32 bits */
    const int32_t *multiplier; /* the multipliers, and behind them the shifts */
    int16_t lowest, highest;   /* limits of the output codes */
    uint16_t scales;           /* how many multipliers there are: one for each channel, or one for all */
    uint16_t long_sums;        /* 1: sums have 64 bits; 0: 32 */
} micronets_requant_s16;

/* A factor multiplier * 2^(shift - 31). */
typedef struct {
    int32_t multiplier; /* 0 or 2^30 .. 2^31 - 1 */
    int32_t shift;      /* -31 .. 31 */
} micronets_factor;

/* The factors of two int16 operands and of what they make, and the limits of its codes. Zero points are 0. */
typedef struct {
    micronets_factor a, b, result;
    int32_t lowest, highest;
} micronets_operands_s16;

/* Combines a row of values of two int16 tensors.
 *
 * a, b: [in] the first value of each. step_a, step_b: how many values each goes on for a value of the output, 0 or 1.
 * output: [out] `count` codes; it may lie exactly over an operand whose step is 1. count: at least 1.
 * operands: [in] factors; a kernel that needs none does not read them. */
typedef void micronets_row_s16(const int16_t *a, int32_t step_a, const int16_t *b, int32_t step_b, int16_t *output,
                               int32_t count, const micronets_operands_s16 *operands);

/* A border around a tensor of one to three dimensions; where it has fewer than three, the first ones are 1 and have
 * no border. */
typedef struct {
    int32_t in_shape[3]; /* shape of the input, each at least 1 */
    uint16_t before[3];  /* positions of the border before the first one of each dimension */
    uint16_t after[3];   /* positions of the border after the last one of each dimension */
    int8_t value;        /* code of the border */
} micronets_pad_params;

/* The dimensions of the input of a reduction: those that stay, in their order, and those that go. Where there are fewer
 * than three, the first ones have the size 1. Neighbours that both stay, or both go, count as one. */
typedef struct {
    int32_t kept[3];      /* sizes of the dimensions that stay, each at least 1 */
    int32_t kept_step[3]; /* values from one place along them to the next */
    int32_t gone[3];      /* sizes of the dimensions that go, each at least 1 */
    int32_t gone_step[3]; /* values from one place along them to the next */
} micronets_reduction;

/* Two matrices that are multiplied, and how their values lie. */
typedef struct {
    int32_t rows, columns;    /* rows and columns of the product, each at least 1 */
    int32_t depth;            /* columns of the first, rows of the second, at least 1 */
    int32_t a_row, a_step;    /* values from a row of the first to the next, and from column to column */
    int32_t b_column, b_step; /* values from a column of the second to the next, and from row to row */
    int16_t a_zero, b_zero;   /* zero points, -128 .. 127 */
} micronets_matrices;

/* What a layer does in a patch. Layers of a group run together on a few rows at a time, and a map between them is a
 * buffer of a few rows: rows of it that are needed once more move to the front of the buffer, and new ones are computed
 * after them. */
typedef struct {
    int16_t moved, kept; /* `kept` rows, from row `moved` of the buffer on, move to its front */
    int16_t rows;        /* rows to compute; 0: none, and nothing is moved */
    int16_t in_h;        /* rows of the input that these are computed from */
    int16_t pad_top;     /* rows of padding above them */
} micronets_patch;

/* A copy of bytes in another order: the output is written from its first byte to its last, and every dimension goes
 * through the input in equal steps. Where there are fewer dimensions than five, the first ones have a count of 1. */
typedef struct {
    int32_t count[5]; /* places of each dimension, the outermost first, each at least 1 */
    int32_t step[5];  /* bytes in the input from one place to the next; it may be negative */
    int32_t start;    /* bytes from the start of the input to the first place */
    int32_t run;      /* bytes that are copied at each place, at least 1 */
} micronets_copy_params;

/* The scales of a sum of codes as they are. */
typedef struct {
    int32_t zero_in, zero_out; /* zero points of the codes and of their sum, -128 .. 127 */
    int32_t multiplier;        /* 0 or 2^30 .. 2^31 - 1 */
    int32_t shift;             /* -31 .. 0 */
} micronets_total;

/* Equal patches that follow each other. */
typedef struct {
    int16_t times;   /* how many there are */
    int16_t advance; /* before each of them, the group's input moves on by so many rows */
} micronets_patch_run;

/* A matrix times a vector, whose sums become codes of 16 bits: the bias is added, the sum is multiplied by
 * multiplier * 2^(shift - 31), and saturated. */
typedef struct {
    const void *weights;     /* packed: words in the order of micronets_fully_connected; else int8 [outputs, inputs] */
    const int32_t *bias;     /* [outputs], with -(zero point of the input) * (sum of the weights) */
    int32_t inputs, outputs; /* each at least 1 */
    int32_t multiplier;      /* 0 or 2^30 .. 2^31 - 1; packed: twice that, its 32 bits read as a negative number */
    int8_t shift;            /* -31 .. 31; packed: -31 .. -1 */
    int8_t packed;           /* 1: the weights are packed, and every sum with its bias is within +-(2^30 - 1) */
} micronets_matrix;

/* A singular value decomposition filter: products of the input with weights, of which the last `memory` ones are kept
 * for each filter and summed by their age; `rank` filters make an output. */
typedef struct {
    micronets_matrix features; /* makes the products */
    const void *ages;          /* weights [filters, memory] of the type that products are kept in, the oldest first */
    const int32_t *bias;       /* one for each output, with -kept_zero * (sum of the weights of its ages) */
    int32_t memory, rank;      /* each at least 1; the filters are a multiple of the rank */
    int32_t multiplier;        /* 0 or 2^30 .. 2^31 - 1: it brings sums to codes of the output */
    int16_t kept_zero;         /* the zero point of the products that are kept */
    int8_t shift;              /* -31 .. 31 */
    int8_t zero_point;         /* the zero point of the output */
} micronets_svdf;

/* Long short-term memory. Gates have 16 bits: sums with 12 fractional bits, sigmoid and tanh of them with 15. The gates
 * are input, forget, cell and output gate, in this order. */
typedef struct {
    micronets_matrix vectors[4]; /* of each gate: weights of the vectors of the sequence, and the bias */
    micronets_matrix hidden[4];  /* of each gate: weights of the last output */
    const uint16_t *sigmoid;     /* 2^16 times the sigmoid of 0, 1/24, .., 255/24 */
    int32_t steps;               /* vectors of the sequence, at least 1 */
    int32_t cell_multiplier;     /* 2^30 .. 2^31 - 1: it brings input gate times cell gate to the state of a cell */
    int32_t output_multiplier;   /* 2^30 .. 2^31 - 1: it brings output gate times tanh to codes of the output */
    int32_t clip;                /* the largest magnitude of the state of a cell; 32768 for no limit */
    int8_t cell_shift;           /* -31 .. 31 */
    int8_t output_shift;         /* -31 .. 31 */
    int8_t tanh_shift;           /* how far the state of a cell is shifted to the left before its tanh, -28 .. 14 */
    int8_t zero_point;           /* the zero point of the output */
} micronets_lstm;

/* The compiler writes these records with sizes of its own (micronets_limits.h): another size does not build. */
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

/* Convolution for cores with one product an instruction: one output pixel and four filters at a time.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c]. weights: [in] bytes in the order of
 * micronets_dot_bytes.h. scratch: [scratch] the values of a window. window: [in] sizes; pad_value is the input's zero
 * point. requant: [in] tables of either form. A pixel's window is read before the pixel is written. */
void micronets_conv_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int8_t *scratch,
                          const micronets_window *window, const micronets_requant *requant);

/* Pixels times a matrix, for cores with one product an instruction: pointwise convolutions and dense layers.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs]; that of a pixel may not overlap what this pixel and
 * later ones read. weights: [in] bytes in the order of micronets_dot_bytes.h. requant: [in] tables of either form. */
void micronets_dense_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant);

/* Convolution for cores that multiply 16 pairs of bytes at once: two output pixels and two filters at a time.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, filters]. weights: [in] [filters, kernel_h,
 *   kernel_w, in_c]. scratch: [scratch] the values of two windows. window: [in] sizes; pad_value is the input's zero
 *   point. requant: [in] tables of either form. The windows of two pixels are read before these pixels are written. */
void micronets_conv_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int8_t *scratch,
                          const micronets_window *window, const micronets_requant *requant);

/* Pixels times a matrix, for cores that multiply 16 pairs of bytes at once: pointwise convolutions and dense layers.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs]; that of a pixel may not overlap what the one before
 *   it, this one and later ones read. weights: [in] [outputs, inputs]. requant: [in] tables of either form. */
void micronets_dense_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant);

/* Depthwise convolution with one output channel for each input channel, for cores that multiply eight pairs of 16-bit
 * values at once.
 *
 * input: [in] map [in_h, in_w, in_c], in_c a multiple of eight. output: [out] map [out_h, out_w, in_c]. weights: [in]
 *   bytes in the order of micronets_depthwise_lanes.h. scratch: [scratch] the values of a window.
 * window: [in] sizes; pad_value is the input's zero point. requant: [in] tables of either form in the order of
 *   micronets_depthwise_lanes.h, with a multiplier for each channel. Of a pixel, the first channels are written before
 *   the last ones are read. */
void micronets_depthwise_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int8_t *scratch,
                               const micronets_window *window, const micronets_requant *requant);

/* Convolution with windows of any size, where in_c is not a multiple of four: two output pixels and four filters at
 * a time.
 *
 * input: [in] map [in_h, in_w, in_c].
 * output: [out] map [out_h, out_w, out_c], of which the first `filters` channels are written.
 * weights: [in] words in the order of micronets_im2col.h, the values of a window in that
 *   of micronets_conv_im2col.h.
 * scratch: [scratch] aligned to 4 bytes: 8 bytes for every two values of a window, rounded up. Where windows reach over
 *   the edge of the map or are dilated along a row, two buffers follow. Each holds the values under a line of windows
 *   if they take at most MICRONETS_STRIP_BYTES, else those of one window, rounded up to a multiple of four bytes.
 * window: [in] sizes; pad_value is the input's zero point.
 * requant: [in] packed tables with a multiplier for each channel. The windows of two pixels are read before these
 *   pixels are written. */
void micronets_conv(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                    const micronets_window *window, const micronets_requant *requant);

/* The convolution of micronets_conv where some filters have numbers that it cannot hold: these are computed one
 * by one.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c]. weights, scratch: see micronets_conv;
 * the weights of these filters are 0. window: [in] sizes. requant: [in] packed tables with a multiplier for each
 * channel. odd: [in] these filters. */
void micronets_conv_odd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                        const micronets_window *window, const micronets_requant *requant,
                        const micronets_odd_filters *odd);

/* Convolution with windows of any size, where in_c is a multiple of four: two output pixels and four filters at a time.
 *
 * input: [in] map [in_h, in_w, in_c].
 * output: [out] map [out_h, out_w, out_c], of which the first `filters` channels are written.
 * weights: [in] words in the order of micronets_im2col.h.
 * scratch: [scratch] 8 bytes for every two values of a window, aligned to 4 bytes.
 * window: [in] sizes; pad_value is the input's zero point.
 * requant: [in] packed tables with a multiplier for each channel. The windows of two pixels are read before these
 *   pixels are written. */
void micronets_conv_c4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant);

/* The convolution of micronets_conv_c4 where some filters have numbers that it cannot hold: these are computed one
 * by one.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c]. weights, scratch: see micronets_conv_c4;
 * the weights of these filters are 0. window: [in] sizes. requant: [in] packed tables with a multiplier for each
 * channel. odd: [in] these filters. */
void micronets_conv_c4_odd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                           const micronets_window *window, const micronets_requant *requant,
                           const micronets_odd_filters *odd);

/* Convolution with windows of 3 x 3 and a stride of 1, where in_c is a multiple of four, by Winograd's F(4, 3): half
 * the products, in exact integers (micronets_winograd.h).
 *
 * input: [in] map [in_h, in_w, in_c].
 * output: [out] map [out_h, out_w, out_c], of which the first `filters` channels are written.
 * weights: [in] transformed weights, in the order that micronets_winograd_multiply describes.
 * scratch: [scratch] aligned to 4 bytes: 72 * in_c bytes for every eight columns of the output, rounded up, and
 *   6 * in_c bytes.
 * window: [in] sizes; pad_value is the input's zero point.
 * requant: [in] packed tables with a multiplier for each channel; sums with their bias are within +-(2^28 - 1). All
 *   input rows under a row of windows are read before an output of that row is written. */
void micronets_conv_winograd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                             const micronets_window *window, const micronets_requant *requant);

/* Convolution with windows of 1 x 1 and a stride of 1: a matrix times every pixel, two pixels and four filters at
 * a time.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs].
 * weights: [in] words in the order of micronets_im2col.h.
 * scratch: [scratch] 8 bytes for every two inputs, rounded up, aligned to 4 bytes.
 * pixels, inputs, outputs: each at least 1.
 * requant: [in] packed tables with a multiplier for each channel. Two pixels are read before they are written. */
void micronets_conv_1x1(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch, int32_t pixels,
                        int32_t inputs, int32_t outputs, const micronets_requant *requant);

/* The convolution of micronets_conv_1x1 where some filters have numbers that it cannot hold: these are computed one by
 * one.
 *
 * input: [in] [pixels, inputs]. output: [out] [pixels, outputs]. weights, scratch: see micronets_conv_1x1; the weights
 * of these filters are 0. pixels, inputs, outputs: each at least 1. requant: [in] packed tables with a multiplier for
 * each channel. odd: [in] these filters. */
void micronets_conv_1x1_odd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                            int32_t pixels, int32_t inputs, int32_t outputs, const micronets_requant *requant,
                            const micronets_odd_filters *odd);

/* Convolutions with weights of 4 bits: micronets_conv_s4 for windows of any size, micronets_conv_c4_s4 where in_c is a
 * multiple of four, and micronets_conv_1x1_s4 for windows of 1 x 1 and a stride of 1. Their arguments are those of
 * micronets_conv, micronets_conv_c4 and micronets_conv_1x1.
 *
 * weights: [in] words in the order that micronets_im2col.h describes for weights of 4 bits. */
void micronets_conv_s4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant);
void micronets_conv_c4_s4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                          const micronets_window *window, const micronets_requant *requant);
void micronets_conv_1x1_s4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                           int32_t pixels, int32_t inputs, int32_t outputs, const micronets_requant *requant);

/* Convolution for tables that cannot be packed, and for sums of products of more than 24 bits: one pixel and four
 * filters at a time, products in parts of a window that have few enough values for 24 bits.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c], of which `filters` channels are written.
 * weights: [in] words in the order of micronets_im2col.h.
 * scratch: [scratch] the bytes of a window, kernel_h * kernel_w * in_c; not used where the map has one pixel and the
 *   window one tap, since the window is then the map.
 * window: [in] sizes; pad_value is the input's zero point. requant: [in] tables of either form. */
void micronets_conv_wide(const int8_t *input, int8_t *output, const uint32_t *weights, int8_t *scratch,
                         const micronets_window *window, const micronets_requant *requant);

/* Convolution for weights that the order of the other kernels cannot hold, or in groups. It is the slowest of all.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c], of which `filters` channels are written.
 * weights: [in] [out_c, kernel_h, kernel_w, in_c / groups], of any value.
 * window: [in] sizes; pad_value is the input's zero point, which the kernel subtracts. groups: of channels, of which
 *   each is read by as many filters; it divides in_c and the filters. weight_zero: the weights' zero point, which the
 *   kernel subtracts as well.
 * requant: [in] tables of either form, the bias without the input's zero point. */
void micronets_conv_any(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        int32_t groups, int32_t weight_zero, const micronets_requant *requant);

/* Depthwise convolution, channel by channel: input channel c gives the outputs n * c .. n * c + n - 1, n = multiplier.
 *
 * input: [in] map [in_h, in_w, in_c]; where the schedule's column_major is 1, [in_w, in_h, in_c], as lines are columns.
 * output: [out] map [out_h, out_w, in_c * n]; where the schedule's column_major is 1, [out_w, out_h, in_c * n]. With
 *   n = 1 it may lie exactly over the input where the plan says so.
 * weights: [in] [out_c, kernel_h, kernel_w].
 * scratch: [scratch] aligned to 4 bytes: a micronets_channel_constants with kernel_h * (even_words + odd_words) words
 *   of weights, then the lines under a pass, `pitch` int16 each.
 * window: [in] sizes along the schedule's lines; pad_value is the input's zero point.
 * schedule: [in] how to go through the lines.
 * requant: [in] tables of either form.
 * kernel: [in] computes a pass: micronets_depthwise_any, or one of those declared below it that suits the schedule. */
void micronets_depthwise(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                         const micronets_window *window, const micronets_depthwise_schedule *schedule,
                         const micronets_requant *requant, micronets_depthwise_kernel kernel);

/* The same, where the kernel that multiplies pairs cannot hold the scales of some channels: these are computed by
 * micronets_depthwise_any. Arguments are those of micronets_depthwise. */
void micronets_depthwise_odd(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                             const micronets_window *window, const micronets_depthwise_schedule *schedule,
                             const micronets_requant *requant, micronets_depthwise_kernel kernel);

/* Depthwise convolution with weights of 4 bits, which are unpacked to the front of the scratch memory; then
 * micronets_depthwise runs.
 *
 * input, output, window, schedule, requant, kernel: as micronets_depthwise takes them.
 * weights: [in] the words of micronets_unpack_s4 that become the weights of micronets_depthwise.
 * scratch: [scratch] aligned to 4 bytes: a byte for each weight, rounded up to a multiple of four, then the memory that
 *   micronets_depthwise works in. */
void micronets_depthwise_s4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                            const micronets_window *window, const micronets_depthwise_schedule *schedule,
                            const micronets_requant *requant, micronets_depthwise_kernel kernel);

/* One pass of any depthwise convolution. Arguments are those of micronets_depthwise_kernel. */
void micronets_depthwise_any(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);

/* One pass with a stride of 1 along the line (s1) or of 2 (s2), windows of any size without dilation along the line.
 * Values are multiplied by pairs.
 *
 * Arguments are those of micronets_depthwise_kernel. Every doubled sum is within +-(2^31 - 1), and every shift of the
 * tables is MICRONETS_LEAST_SHIFT .. -1. */
void micronets_depthwise_s1(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_s2(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);

/* One pass with windows of 3 x 3, a stride of 1 along the line (s1) or of 2 (s2), and no dilation.
 *
 * Arguments are those of micronets_depthwise_kernel. Every doubled sum is within +-(2^31 - 1), and every shift of the
 * tables is MICRONETS_LEAST_SHIFT .. -1. In those that end in _relu the output's zero point is -128: a sum below zero
 * is clamped, however it is rounded. */
void micronets_depthwise_3x3_s1(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_3x3_s1_relu(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_3x3_s2(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);
void micronets_depthwise_3x3_s2_relu(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count);

struct micronets_depthwise_by4_pass; /* a pass of four channels, defined in micronets_depthwise_by4_pass.h */

/* The type of the functions that compute one pass of four channels; pass: [in, out] the lines, where the outputs go,
 * and how far the work is. */
typedef void (*micronets_depthwise_by4_kernel)(struct micronets_depthwise_by4_pass *pass);

/* Depthwise convolution with one output channel for each input channel, four channels at a time. It is faster than
 * micronets_depthwise where lines are short or outputs lie far apart.
 *
 * input: [in] map [in_h, in_w, in_c]; where the schedule's column_major is 1, [in_w, in_h, in_c], as lines are columns.
 * output: [out] map [out_h, out_w, in_c]; it may lie exactly over the input where the plan says so.
 * weights: [in] words [out_c / 4, rounded up, kernel_h, kernel_w], a byte for each of four channels, the first lowest.
 * scratch: [scratch] the lines under a pass, `pitch` words each, aligned to 4 bytes.
 * window: [in] sizes along the schedule's lines, without dilation along the line; pad_value is the input's zero point.
 * schedule: [in] how to go through the lines; its multiplier is 1.
 * requant: [in] packed tables with a multiplier for each channel.
 * kernel: [in] computes a pass: micronets_depthwise_by4_any, or a _3x3 one for windows of 3 x 3 with a stride along the
 *   line of 1 or 2. */
void micronets_depthwise_by4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                             const micronets_window *window, const micronets_depthwise_schedule *schedule,
                             const micronets_requant *requant, micronets_depthwise_by4_kernel kernel);

/* Depthwise convolution with weights of 4 bits, which are unpacked to the front of the scratch memory; then
 * micronets_depthwise_by4 runs.
 *
 * input, output, window, schedule, requant, kernel: as micronets_depthwise_by4 takes them.
 * weights: [in] the words of micronets_unpack_s4 that become the weights of micronets_depthwise_by4.
 * scratch: [scratch] aligned to 4 bytes: a word for each of those weights' words, then the memory that
 *   micronets_depthwise_by4 works in. */
void micronets_depthwise_by4_s4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                                const micronets_window *window, const micronets_depthwise_schedule *schedule,
                                const micronets_requant *requant, micronets_depthwise_by4_kernel kernel);

/* One pass of four channels with windows of any size, and with windows of 3 x 3 and a stride of 1 or 2. In the one that
 * ends in _relu the output's zero point is -128. The argument is that of micronets_depthwise_by4_kernel. */
void micronets_depthwise_by4_any(struct micronets_depthwise_by4_pass *pass);
void micronets_depthwise_by4_3x3(struct micronets_depthwise_by4_pass *pass);
void micronets_depthwise_by4_3x3_relu(struct micronets_depthwise_by4_pass *pass);

struct micronets_depthwise_two_lines_pass; /* a pass of four channels, in micronets_depthwise_two_lines_pass.h */

/* The type of the functions that compute one pass of four channels, two lines of outputs at a time.
 *
 * pass: [in] what the pass works on. */
typedef void (*micronets_depthwise_two_lines_kernel)(const struct micronets_depthwise_two_lines_pass *pass);

/* Depthwise convolution with windows of 3 x 3 and the same stride of 1 or 2 in both directions, four channels and two
 * lines of outputs at a time.
 *
 * input: [in] map [in_h, in_w, in_c]; where the schedule's column_major is 1, [in_w, in_h, in_c], as lines are columns.
 * output: [out] map [out_h, out_w, in_c] of at least two columns; it may lie exactly over the input where the plan says
 *   so.
 * weights: [in] words [out_c / 4, rounded up, 3, 3], a byte for each of four channels, the first lowest.
 * scratch: [scratch] the lines under a pass, by twos, `pitch` times four words for each two, aligned to 4 bytes.
 * window: [in] sizes along the schedule's lines, without dilation; pad_value is the input's zero point.
 * schedule: [in] how to go through the lines; its multiplier and its phases are 1, its rows_per_pass is even or out_h.
 * requant: [in] packed tables with a multiplier for each channel; shifts are -MICRONETS_LEAST_SHIFT at most.
 * kernel: [in] computes a pass: the function below for the stride. */
void micronets_depthwise_two_lines(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                                   const micronets_window *window, const micronets_depthwise_schedule *schedule,
                                   const micronets_requant *requant, micronets_depthwise_two_lines_kernel kernel);

/* One pass of up to four channels, for a stride of 1 or 2. In those that end in _relu the output's zero point is -128.
 * The argument is that of micronets_depthwise_two_lines_kernel. */
void micronets_depthwise_two_lines_s1(const struct micronets_depthwise_two_lines_pass *pass);
void micronets_depthwise_two_lines_s1_straight(const struct micronets_depthwise_two_lines_pass *pass);
void micronets_depthwise_two_lines_s2(const struct micronets_depthwise_two_lines_pass *pass);
void micronets_depthwise_two_lines_s2_straight(const struct micronets_depthwise_two_lines_pass *pass);

struct micronets_depthwise_bytes_pass; /* a pass of one channel, defined in micronets_depthwise_bytes.h */

/* The type of the functions that compute one pass for cores that multiply two numbers at a time.
 *
 * pass: [in] the lines and the constants. output: [out] the first output of the first line. rows: lines of outputs, at
 * least 1. count: outputs of a line, at least 1. */
typedef void (*micronets_depthwise_bytes_kernel)(const struct micronets_depthwise_bytes_pass *pass, int8_t *output,
                                                 int32_t rows, int32_t count);

/* Depthwise convolution, channel by channel, for cores that multiply two numbers at a time: input channel c gives the
 * outputs n * c .. n * c + n - 1, n = multiplier.
 *
 * input: [in] map [in_h, in_w, in_c]; where the schedule's column_major is 1, [in_w, in_h, in_c], as lines are columns.
 * output: [out] map [out_h, out_w, in_c * n]; where the schedule's column_major is 1, [out_w, out_h, in_c * n]. With
 *   n = 1 it may lie exactly over the input where the plan says so.
 * weights: [in] [out_c, kernel_h, kernel_w].
 * scratch: [scratch] aligned to 4 bytes: a word for each weight of a channel, then the lines under a pass, `pitch`
 *   bytes each.
 * window: [in] sizes along the schedule's lines; pad_value is the input's zero point.
 * schedule: [in] how to go through the lines.
 * requant: [in] tables of either form.
 * kernel: [in] computes a pass: micronets_depthwise_bytes_any, or micronets_depthwise_bytes_3x3. */
void micronets_depthwise_bytes(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                               const micronets_window *window, const micronets_depthwise_schedule *schedule,
                               const micronets_requant *requant, micronets_depthwise_bytes_kernel kernel);

/* One pass of any such convolution; and one with windows of 3 x 3, without dilation along the line, and with packed
 * tables. Arguments are those of micronets_depthwise_bytes_kernel. */
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
 *   those of the others; pairs and words are those of micronets_im2col.h.
 * inputs, units: multiples of eight, at least 8. requant: [in] packed tables. */
void micronets_fully_connected_by8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                   int32_t units, const micronets_requant *requant);

/* A matrix times a vector; arguments are those of micronets_fully_connected. */
typedef void micronets_dense_kernel(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                    int32_t units, const micronets_requant *requant);

/* A matrix times a vector, some of whose filters the kernels above cannot hold: these are computed one by one.
 *
 * odd: [in] those filters; each has `inputs` weights of a byte, filled up to a multiple of four bytes. kernel: computes
 * all others, and gives the odd ones any code. The other arguments are those of `kernel`. */
void micronets_fully_connected_odd(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                   int32_t units, const micronets_requant *requant, const micronets_odd_filters *odd,
                                   micronets_dense_kernel *kernel);

/* A matrix with weights of 4 bits times a vector.
 *
 * input: [in] [inputs]. output: [out] [units].
 * weights: [in] words in the order of micronets_dot_by4_s4.h, filters padded to a multiple of four.
 * inputs, units: each at least 1. requant: [in] packed tables. */
void micronets_fully_connected_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                  int32_t units, const micronets_requant *requant);

/* A matrix with weights of 4 bits times a vector, eight filters at a time.
 *
 * input: [in] [inputs]. output: [out] [units].
 * weights: [in] words [units / 8, inputs / 2, 2]: for each pair of values the word of the first four filters, then that
 *   of the others; pairs and words are those of micronets_dot_by4_s4.h.
 * inputs, units: multiples of eight, at least 8. requant: [in] packed tables. */
void micronets_fully_connected_by8_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                      int32_t units, const micronets_requant *requant);

/* Transposed convolution: the window moves over the output by the stride from one input pixel to the next, and each
 * input pixel adds its products with the weights to the output pixels under its window.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c], which must not overlap the input.
 * weights: [in] [out_c, kernel_h, kernel_w, in_c], of any value.
 * window: [in] sizes; the dilation is 1, pad_top and pad_left are what the window reaches beyond the output, pad_value
 *   is the input's zero point, which the kernel subtracts, filters is out_c.
 * requant: [in] tables of either form, the bias without the input's zero point. */
void micronets_transpose_conv(const int8_t *input, int8_t *output, const int8_t *weights,
                              const micronets_window *window, const micronets_requant *requant);

/* Products of matrices of two tensors.
 *
 * a, b: [in] the tensors. output: [out] [count, rows, columns]; it must not overlap them.
 * starts: [in] where the matrices of a and b begin, in values, two numbers for each product.
 * count: of products, at least 1. matrices: [in] their sizes.
 * requant: [in] tables of either form with one scale, and a bias of 0. */
void micronets_batch_matmul(const int8_t *a, const int8_t *b, int8_t *output, const int32_t *starts, int32_t count,
                            const micronets_matrices *matrices, const micronets_requant *requant);

/* Products of matrices of two int16 tensors, summed in 64 bits.
 *
 * a, b, output, starts, count, matrices: see micronets_batch_matmul; zero points are 0.
 * requant: [in] one multiplier and one shift, no bias, long_sums 1. */
void micronets_batch_matmul_s16(const int16_t *a, const int16_t *b, int16_t *output, const int32_t *starts,
                                int32_t count, const micronets_matrices *matrices,
                                const micronets_requant_s16 *requant);

/* Multiplies a vector with a matrix.
 *
 * input: [in] codes [inputs]. output: [out] [outputs], which must not overlap the input. matrix: [in] the weights. */
void micronets_dense_s16(const int8_t *input, int16_t *output, const micronets_matrix *matrix);

/* Computes the outputs of an SVDF for one input, and keeps its products.
 *
 * input: [in] codes. output: [out] a code for each `rank` filters, which must not overlap the input.
 * arena: [in] the arena of the network, at whose start the address of its state is. offset: where the products of the
 *   filters, [filters, memory], begin in the state, in bytes: a multiple of 4.
 * products: [scratch] one for each filter. svdf: [in] the weights.
 *
 * Products are kept in 8 bits by micronets_svdf_s8 and in 16 bits by micronets_svdf_s16. They are saturated before the
 * zero point is added, and then wrap, as in TensorFlow Lite Micro. */
void micronets_svdf_s8(const int8_t *input, int8_t *output, const int8_t *arena, int32_t offset, int16_t *products,
                       const micronets_svdf *svdf);
void micronets_svdf_s16(const int8_t *input, int8_t *output, const int8_t *arena, int32_t offset, int16_t *products,
                        const micronets_svdf *svdf);

/* Computes the outputs of an LSTM for the vectors of a sequence, and keeps the last output and the state of the cells.
 *
 * input: [in] codes [steps, n]. output: [out] codes [steps, units], which must not overlap the input.
 * arena: [in] the arena of the network, at whose start the address of its state is. hidden: where the last output,
 *   [units] of 8 bits, begins in the state, in bytes. cell: where the state of the cells, [units] of 16 bits, begins in
 *   it, a multiple of 4.
 * gates: [scratch] five numbers for each unit. lstm: [in] the weights. */
void micronets_lstm_s8(const int8_t *input, int8_t *output, const int8_t *arena, int32_t hidden, int32_t cell,
                       int16_t *gates, const micronets_lstm *lstm);

/* Unpacks numbers of 4 bits, -8 .. 7, to bytes.
 *
 * input: [in] words of eight numbers: the low halves of the four bytes of a word become one word of bytes, the high
 *   halves the next. output: [out] `words` words of four bytes. words: at least 0; the last high halves are left out
 *   where it is odd. */
void micronets_unpack_s4(const uint32_t *input, uint32_t *output, int32_t words);

/* Means over windows, of each channel by itself, rounded to nearest, halves away from zero. Padding does not count.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c].
 * window: [in] sizes; the dilation is 1, pad_value and filters are not read. lowest, highest: limits of the
 *   output codes. */
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest);

/* Means over a whole map, of each channel by itself, rounded to nearest, halves away from zero.
 *
 * input: [in] [pixels, channels]. output: [out] a code for each channel; a channel is read before its code is written.
 * lowest, highest: limits of the output codes. */
void micronets_average_map(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels, int32_t lowest,
                           int32_t highest);

/* Maxima over windows, of each channel by itself. Padding does not count.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c].
 * window: [in] sizes; the dilation is 1, pad_value and filters are not read. lowest, highest: limits of the
 *   output codes. */
void micronets_max_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                        int32_t highest);

/* The mean or the sum over all pixels, of each channel by itself.
 *
 * input: [in] [pixels, channels]. output: [out] [channels]. pixels, channels: each at least 1.
 * requant: [in] plain tables, one bias, multiplier and shift for all channels; the bias is -(zero point of the input) *
 *   pixels, and the scale of a mean includes 1 / pixels. */
void micronets_mean(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels,
                    const micronets_requant *requant);

/* Sums, or means, over some dimensions.
 *
 * input: [in] a tensor of the dimensions. output: [out] a code for each place along those that stay; it may begin
 *   where the input does. dimensions: [in] of the input.
 * requant: [in] plain tables, one bias, multiplier and shift for all values; the bias is -(zero point of the input) *
 *   count, where `count` values are added up, and the scale of a mean includes 1 / count. */
void micronets_reduce_sum(const int8_t *input, int8_t *output, const micronets_reduction *dimensions,
                          const micronets_requant *requant);

/* Maxima or minima over some dimensions.
 *
 * input: [in] a tensor of the dimensions. output: [out] a code for each place along those that stay; it may begin
 *   where the input does. dimensions: [in] of the input. flip: 0 for maxima, -1 for minima. */
void micronets_reduce_extreme(const int8_t *input, int8_t *output, const micronets_reduction *dimensions, int32_t flip);

/* Running sums of codes along a dimension, as TensorFlow Lite Micro computes them: what a sum starts with is the code 0
 * less the zero point, and sums of codes wrap at 13 bits.
 *
 * input: [in] [rows, count, columns]. output: [out] the same; it may lie exactly over the input. rows, count, columns:
 *   each at least 1. exclusive: 1 where a sum leaves out its own place, else 0. reverse: 1 for sums from each place to
 *   the end, 0 for those up to it. params: [in] the scales. */
void micronets_cum_sum(const int8_t *input, int8_t *output, int32_t rows, int32_t count, int32_t columns,
                       int32_t exclusive, int32_t reverse, const micronets_total *params);

/* Running sums of float32 along a dimension.
 *
 * input: [in] [rows, count, columns]. output: [out] the same; it may lie exactly over the input. rows, count, columns:
 *   each at least 1. exclusive, reverse: as micronets_cum_sum takes them. */
void micronets_cum_sum_f32(const float *input, float *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t exclusive, int32_t reverse);

/* The sum of several tensors of codes with one scale, as TensorFlow Lite Micro computes it: it starts with the code 0
 * less the zero point, and wraps at 13 bits.
 *
 * arena: [in] the memory in which the tensors lie. parts: [in] for each tensor how many bytes from `arena` it lies.
 * part_count: at least 2. output: [out] `count` codes; it may lie exactly over a tensor. params: [in] the scales. */
void micronets_add_n(const int8_t *arena, const int32_t *parts, int32_t part_count, int8_t *output, int32_t count,
                     const micronets_total *params);

/* The sum of several float32 tensors, added to 0 in order.
 *
 * arena: [in] the memory in which the tensors lie. parts: [in] for each tensor how many bytes from `arena` it lies.
 * part_count: at least 2. output: [out] `count` values; it may lie exactly over a tensor. */
void micronets_add_n_f32(const int8_t *arena, const int32_t *parts, int32_t part_count, float *output, int32_t count);

/* Where the largest or smallest values are along a dimension: the first place of each, counted from 0.
 *
 * input: [in] [rows, count, columns]. output: [out] [rows, columns]; it must not overlap the input. rows, count,
 *   columns: each at least 1. flip: 0 for the largest values, -1 for the smallest. */
void micronets_arg_extreme(const int8_t *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t flip);

/* The same for float32; smallest: 1 for the place of the smallest value, 0 for that of the largest. A value that is not
 * a number is passed over, but for a first one. */
void micronets_arg_extreme_f32(const float *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                               int32_t smallest);

/* The sum of two tensors, value by value.
 *
 * a, b: [in] `count` codes each. output: [out] `count` codes; it may lie exactly over a or b. count: at least 0.
 * params: [in] scales of both operands and of the sum. */
void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *params);

/* Two tensors combined value by value, of shapes that broadcast.
 *
 * a, b: [in] the tensors. output: [out] as many codes as the sizes of `shape` make; it may lie exactly over an operand
 * of as many values. shape: [in] the loops. params: [in] for `row`. row: combines a row. */
void micronets_binary(const int8_t *a, const int8_t *b, int8_t *output, const micronets_broadcast *shape,
                      const micronets_add_params *params, micronets_row *row);

/* Rows of differences a - b, products, smaller and larger codes, and squares of differences; micronets_add is the one
 * of sums. Operands of differences are brought to a common grid with 20 bits to spare, those of squared differences to
 * one with 7. */
micronets_row micronets_row_sub;
micronets_row micronets_row_mul;
micronets_row micronets_row_minimum;
micronets_row micronets_row_maximum;
micronets_row micronets_row_squared_difference;

/* Rows of sums of multiples: a code is (a * f / 256 + b * g / 256 + h) / 2^16, each quotient rounded down, saturated
 * and clamped. The numbers f, g and h are the `multiplier` of the operands a and b and of the sum; f and g are below
 * 2^30 in magnitude, and the last quotient fits 15 bits. The compiler chooses it for sums and differences of which it
 * has found numbers that make the right code of every pair of codes. */
micronets_row micronets_row_linear;

/* Rows of rectifiers: a where it is at least 0, else a * b. The scales of `params` are a's and the product's. */
micronets_row micronets_row_prelu;

/* Several tensors joined into one: a row of the output is a row of every part, one behind the other.
 *
 * arena: [in] the memory in which the parts lie.
 * output: [out] [rows, sum of the bytes of the parts' rows]; it must not overlap a part.
 * parts: [in] two numbers for each part, in the order in which they are joined: how many bytes from `arena` it lies,
 *   and the bytes of a row of it, at least 1.
 * count: of parts, at least 1. rows: of the output and of every part, at least 1. */
void micronets_concatenate(const int8_t *arena, int8_t *output, const int32_t *parts, int32_t count, int32_t rows);

/* Several tensors joined into one, of which some are constants: a row of the output is a row of every part, one behind
 * the other.
 *
 * arena: [in] the memory in which the other parts lie. constants: [in] the constant parts, one behind the other.
 * output: [out] [rows, sum of the bytes of the parts' rows]; it must not overlap a part.
 * parts: [in] two numbers for each part, in the order in which they are joined: where it lies, and the bytes of a row
 *   of it, at least 1. A part that lies n bytes from `arena` has the first number n, and one that lies n bytes from
 *   `constants` has -1 - n.
 * count: of parts, at least 1. rows: of the output and of every part, at least 1. */
void micronets_concatenate_constants(const int8_t *arena, const int8_t *constants, int8_t *output, const int32_t *parts,
                                     int32_t count, int32_t rows);

/* One tensor divided into several: a row of every part is the next run of values of a row of the input.
 *
 * input: [in] [rows, sum of the bytes of the parts' rows]; no part may overlap it.
 * arena: [out] the memory in which the parts lie.
 * parts: [in] two numbers for each part, in the order in which they lie in a row: how many bytes from `arena` it lies,
 *   and the bytes of a row of it, at least 1.
 * count: of parts, at least 1. rows: of the input and of every part, at least 1. */
void micronets_split(const int8_t *input, int8_t *arena, const int32_t *parts, int32_t count, int32_t rows);

/* A tensor with a border of one value around it.
 *
 * input: [in] [in_shape]. output: [out] [in_shape + before + after]. params: [in] sizes and value. */
void micronets_pad(const int8_t *input, int8_t *output, const micronets_pad_params *params);

/* A tensor of values of 16 or 32 bits with a border of one value around it, whose bytes differ.
 *
 * input: [in] [in_shape], in bytes. output: [out] [in_shape + before + after]. params:
 *   [in] sizes in bytes; the value is not read. values: the border's value, twice where it has 16 bits. */
void micronets_pad_wide(const int8_t *input, int8_t *output, const micronets_pad_params *params, int32_t values);

/* Bytes in another order, as a transposition or a slice takes them.
 *
 * input: [in] as many bytes as the steps reach. output: [out] the product of the counts times `run` bytes; it must not
 *   overlap the input. params: [in] steps. */
void micronets_copy_strided(const int8_t *input, int8_t *output, const micronets_copy_params *params);

/* A tensor of which a box is replaced.
 *
 * input: [in] `bytes` bytes. box: [in] the bytes of the box, in order. output: [out] `bytes` bytes; it may lie exactly
 *   over the input, and must not overlap the box. bytes: at least 1. params: [in] the steps through the box in the
 *   output. */
void micronets_update_box(const int8_t *input, const int8_t *box, int8_t *output, int32_t bytes,
                          const micronets_copy_params *params);

/* Runs of bytes from places that two tables give: the run at row r and column c of the output is that at
 * rows[r] + columns[c] of the input.
 *
 * input: [in] as many bytes as the tables reach. output: [out] [row_count, column_count, run]; it must not overlap the
 *   input. rows, columns: [in] bytes from the start of the input, and from there. row_count, column_count: at least 1.
 * run: bytes that are copied at each place, at least 1. */
void micronets_take(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count, const int32_t *columns,
                    int32_t column_count, int32_t run);

/* A map of another size, whose pixels are interpolated between the four around their places.
 *
 * input: [in] map. output: [out] map [row_count, column_count, channels]; it must not overlap the input.
 * rows, columns: [in] three numbers for each: bytes to the first and to the second row or pixel of the input, and the
 *   weight of the second, of which 1024 is 1. row_count, column_count, channels: at least 1. */
void micronets_resize_bilinear(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count,
                               const int32_t *columns, int32_t column_count, int32_t channels);

/* Begins a layer's work in a patch: moves the rows that are kept to the front of the buffer.
 *
 * buffer: [in, out] rows of the layer's output. row_bytes: bytes of a row, at least 1. patch: [in] which rows
 *   are kept. */
void micronets_patch_keep_rows(int8_t *buffer, int32_t row_bytes, const micronets_patch *patch);

/* Any function of one code: output[i] = table[input[i] + 128].
 *
 * input: [in] `count` codes. output: [out] `count` codes; it may lie exactly over the input. table: [in] 256 codes.
 * count: at least 0. */
void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count);

/* Codes of which some bits are flipped, clamped: output[i] is input[i] ^ flip, at least `lowest` and at most `highest`.
 *
 * input: [in] `count` codes. output: [out] `count` codes; it may lie exactly over the input. count: at least 0. flip:
 * 0, or -128 for codes of uint8 that become those of int8, or the other way round. lowest, highest: -128 .. 127. */
void micronets_clamp_codes(const int8_t *input, int8_t *output, int32_t count, int32_t flip, int32_t lowest,
                           int32_t highest);

/* The softmax of every row.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns], codes of scale 1/256 and zero point -128.
 * exponentials: [in] exponentials[d] is 2^31 * exp(-d * scale of the input), d = 0 .. entries - 1.
 * entries: length of that table, 1 .. 256; a code that lies further below the largest of its row has probability 0.
 * rows: at least 1. columns: 1 .. 8191, so that no sum of exponentials overflows. */
void micronets_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries, int32_t rows,
                       int32_t columns);

/* The softmax of every row of two values, by a table.
 *
 * input: [in] [rows, 2]. output: [out] [rows, 2]; it may lie exactly over the input. table: [in] the code of a value by
 *   how many codes it lies above the other one: -most .. most; larger differences give the same codes as these. most: 1
 *   .. 255. rows: at least 1. */
void micronets_softmax_of_two(const int8_t *input, int8_t *output, const int8_t *table, int32_t most, int32_t rows);

/* The softmax of every row, for many codes: with the DSP extension four at a time.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns]; it may lie exactly over the input. exponentials, entries,
 *   rows, columns: as micronets_softmax takes them, with a 0 behind the exponentials where there are less than 256. */
void micronets_softmax_by4(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries,
                           int32_t rows, int32_t columns);

/* The softmax of every row, in 16 bits.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns], codes of scale 1/65536 and zero point -32768, which must
 *   not overlap the input. exponentials, entries, rows, columns: as micronets_softmax takes them. */
void micronets_softmax_s16(const int8_t *input, int16_t *output, const int32_t *exponentials, int32_t entries,
                           int32_t rows, int32_t columns);

/* Logarithms of the softmax over the last dimension.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns], codes of scale 1/16 and zero point 127; it may lie
 *   exactly over the input. exponentials: [in] of the differences 0, -1, .. of two codes, `entries` times 2^31, and a 0
 * behind them where there are less than 256.
 * differences: [in] the same differences in fixed point with 5 integer bits. entries: 1 .. 256.
 * multiplier, shift: the scale that brings such a number back to a difference of codes, shift at most 0.
 * rows: at least 1. columns: 1 .. 4095. */
void micronets_log_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, const int32_t *differences,
                           int32_t entries, int32_t multiplier, int32_t shift, int32_t rows, int32_t columns);

/* Vectors of codes divided by their length, as codes of scale 1/128 and zero point 0.
 *
 * input: [in] [rows, columns], a vector in each row. output: [out] [rows, columns]; it may lie exactly over the input.
 * rows: at least 1. columns: 1 .. 33025. zero_point: of the input, -128 .. 127. */
void micronets_l2_normalization(const int8_t *input, int8_t *output, int32_t rows, int32_t columns, int32_t zero_point);

/* From real values to codes: input / scale + zero_point, rounded to nearest, halves away from zero.
 *
 * input: [in] `count` values; what is not a number counts as 0. output: [out] `count` codes. count: at least 0.
 * scale: above 0. zero_point: -128 .. 127. lowest, highest: limits of the codes. */
void micronets_quantize(const float *input, int8_t *output, int32_t count, float scale, int32_t zero_point,
                        int32_t lowest, int32_t highest);

/* From codes to real values: (input - zero_point) * scale.
 *
 * input: [in] `count` codes. output: [out] `count` values, which must not overlap the input. count: at least 0.
 * scale: above 0. zero_point: -128 .. 127. */
void micronets_dequantize(const int8_t *input, float *output, int32_t count, float scale, int32_t zero_point);

/* The types of values that a kernel can be told at run time; truth values are bytes of 0 and 1. */
typedef enum {
    MICRONETS_INT8,
    MICRONETS_UINT8,
    MICRONETS_INT16,
    MICRONETS_INT32,
    MICRONETS_FLOAT32,
    MICRONETS_BOOL,
    MICRONETS_UINT32
} micronets_type;

/* Codes of any integer type as real values: scale * (code - zero_point).
 *
 * input: [in] `count` codes of type `type`. output: [out] `count` values; it may lie so far below the input that no
 *   code is overwritten before it is read. */
void micronets_dequantize_any(const void *input, micronets_type type, float *output, int32_t count, float scale,
                              int32_t zero_point);

/* From real values to codes of 16 bits: input / scale + zero_point, rounded to nearest, halves away from zero.
 *
 * input: [in] `count` values; what is not a number counts as 0. output: [out] `count` codes; it may begin where the
 *   input does. count: at least 0. scale: above 0. zero_point: -32768 .. 32767. lowest, highest: limits of the
 *   codes. */
void micronets_quantize_s16(const float *input, int16_t *output, int32_t count, float scale, int32_t zero_point,
                            int32_t lowest, int32_t highest);

/* Codes of one integer type and scale as codes of another: (code - zero_in) * multiplier * 2^(shift - 31) + zero_out,
 * clamped to what the type of the output holds.
 *
 * input, in: [in] `count` codes, and their type. output, out: [out] `count` codes, and their type; the output may lie
 *   so far below the input that no code is overwritten before it is read. multiplier: 0 or 2^30 .. 2^31 - 1. shift: -31
 *   .. 31. zero_in, zero_out: zero points of input and output. */
void micronets_recode(const void *input, micronets_type in, void *output, micronets_type out, int32_t count,
                      int32_t multiplier, int32_t shift, int32_t zero_in, int32_t zero_out);

/* Numbers converted to another type: a float is rounded towards 0 and clamped to 32 bits, and what is not a number
 * becomes 0; an integer keeps as many of its lowest bits as the other type has.
 *
 * input, in: [in] `count` numbers, and their type. output, out: [out] `count` numbers, and their type; the output may
 *   lie so far below the input that no number is overwritten before it is read. */
void micronets_cast(const void *input, micronets_type in, void *output, micronets_type out, int32_t count);

/* Kernels for numbers that are not codes. Outputs may lie exactly over inputs that are not repeated. */

/* What is computed of two numbers a and b. */
typedef enum {
    MICRONETS_SUM,
    MICRONETS_DIFFERENCE, /* a - b */
    MICRONETS_PRODUCT,
    MICRONETS_QUOTIENT, /* a / b; of int32 rounded towards 0, and 0 where b is 0 */
    MICRONETS_SMALLER,
    MICRONETS_LARGER,
    MICRONETS_SQUARED_DIFFERENCE,
    MICRONETS_PRELU /* a where it is at least 0, else a * b */
} micronets_operation;

/* Two tensors of int32 combined value by value; results wrap at 32 bits.
 *
 * a, b: [in] the operands. output: [out] a number for each place of the loops. shape: [in] the loops. operation: any
 *   but MICRONETS_PRELU. */
void micronets_binary_s32(const int32_t *a, const int32_t *b, int32_t *output, const micronets_broadcast *shape,
                          micronets_operation operation);

/* Two tensors of float32 combined value by value.
 *
 * a, b: [in] the operands. output: [out] a number for each place of the loops. shape: [in] the loops. lowest, highest:
 *   limits to which sums, differences, products and quotients are clamped; other results are not clamped. */
void micronets_binary_f32(const float *a, const float *b, float *output, const micronets_broadcast *shape,
                          micronets_operation operation, float lowest, float highest);

/* What is computed of a float32 x. */
typedef enum {
    MICRONETS_RELU,       /* max(x, 0) */
    MICRONETS_RELU6,      /* min(max(x, 0), 6) */
    MICRONETS_LEAKY_RELU, /* x where it is above 0, else x * slope */
    MICRONETS_LOGISTIC,   /* 1 / (1 + exp(-x)) */
    MICRONETS_ABS,        /* the magnitude */
    MICRONETS_HARD_SWISH  /* x * min(max(x + 3, 0), 6) / 6 */
} micronets_function;

/* A function of each float32 value.
 *
 * input: [in] `count` values. output: [out] `count` values. slope: of MICRONETS_LEAKY_RELU; other functions do not read
 *   it. */
void micronets_function_f32(const float *input, float *output, int32_t count, micronets_function kind, float slope);

/* What micronets_unary_f32 computes of a float32 x. */
typedef enum {
    MICRONETS_NEGATE, /* -x */
    MICRONETS_SQUARE,
    MICRONETS_ROOT, /* not a number where x is negative */
    MICRONETS_ROOT_RECIPROCAL,
    MICRONETS_EXPONENTIAL,
    MICRONETS_FLOOR,
    MICRONETS_CEIL,
    MICRONETS_ROUND /* halves to the even neighbour */
} micronets_number_function;

/* A function without parameters of each float32 value. input: [in] `count` values. output: [out] `count` values. */
void micronets_unary_f32(const float *input, float *output, int32_t count, micronets_number_function kind);

/* Vectors of float32 divided by their length; a length below 1e-6 counts as 1e-6.
 *
 * input: [in] [rows, columns], a vector in each row. output: [out] [rows, columns]. rows, columns: at least 1. */
void micronets_l2_normalization_f32(const float *input, float *output, int32_t rows, int32_t columns);

/* Sums, maxima or minima over some dimensions of float32, divided by a number.
 *
 * input: [in] a tensor of the dimensions. output: [out] a number for each place along those that stay; it may begin
 *   where the input does. dimensions: [in] of the input. operation: MICRONETS_SUM, MICRONETS_LARGER or
 *   MICRONETS_SMALLER. divisor: what each result is divided by: for a mean, how many numbers go; else 1. */
void micronets_reduce_f32(const float *input, float *output, const micronets_reduction *dimensions,
                          micronets_operation operation, float divisor);

/* Softmax over the rows of a matrix of float32: exp(beta * x), divided by the row's sum of these.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns]. rows, columns: at least 1. */
void micronets_softmax_f32(const float *input, float *output, int32_t rows, int32_t columns, float beta);

/* Kernels for int16 activations. All zero points are 0, and the output may begin where the input does, or so far below
 * it that nothing is overwritten before its last use. */

/* Convolution of int16 with int8 weights, in groups or not; matrix products are convolutions of 1 x 1.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, out_c].
 * weights: [in] those of a group, then those of the next: of every four filters in the order of
 *   micronets_products_s16.h. Windows are filled up to a multiple of four values, and groups to one of four filters.
 * scratch: [scratch] the values of a window of one group; it is not used where there is one group, and every window is
 *   a multiple of four values that lie next to each other in the map.
 * window: [in] sizes; pad_value is not read. groups: of channels, as of micronets_conv_any.
 * requant: [in] biases and scales. A pixel's window is read before the pixel is written. */
void micronets_conv_s16(const int16_t *input, int16_t *output, const int8_t *weights, int16_t *scratch,
                        const micronets_window *window, int32_t groups, const micronets_requant_s16 *requant);

/* Depthwise convolution of int16 with int8 weights: input channel c gives the outputs n * c .. n * c + n - 1, n =
 * multiplier.
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
 *   what the window reaches beyond the output, and pad_value is not read. requant: [in] biases and scales. */
void micronets_transpose_conv_s16(const int16_t *input, int16_t *output, const int8_t *weights,
                                  const micronets_window *window, const micronets_requant_s16 *requant);

/* Two int16 tensors combined value by value.
 *
 * a, b: [in] the operands. output: [out] a code for each place of the loops; it may lie exactly over an operand that is
 * not repeated. shape: [in] the loops. operands: [in] factors. row: [in] computes a row: one of those below. */
void micronets_binary_s16(const int16_t *a, const int16_t *b, int16_t *output, const micronets_broadcast *shape,
                          const micronets_operands_s16 *operands, micronets_row_s16 *row);

/* Rows of sums, differences and products, of the smaller and the larger code, and of squared differences. */
micronets_row_s16 micronets_row_add_s16, micronets_row_sub_s16, micronets_row_mul_s16, micronets_row_minimum_s16,
    micronets_row_maximum_s16, micronets_row_squared_difference_s16;

/* Means (average) and maxima (max) over windows of int16, of each channel by itself. Means are rounded to nearest,
 * halves away from zero. Padding does not count.
 *
 * input: [in] map [in_h, in_w, in_c]. output: [out] map [out_h, out_w, in_c]. window: [in] sizes; the dilation is 1,
 *   pad_value and filters are not read. lowest, highest: limits of the output codes. */
void micronets_average_pool_s16(const int16_t *input, int16_t *output, const micronets_window *window, int32_t lowest,
                                int32_t highest);
void micronets_max_pool_s16(const int16_t *input, int16_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest);

/* Sums, or means, of int16 over some dimensions.
 *
 * input: [in] a tensor of the dimensions. output: [out] a code for each place along those that stay.
 * dimensions: [in] of the input. multiplier, shift: a sum times multiplier * 2^(shift - 31) is a code; the multiplier
 *   is 0 or 2^30 .. 2^31 - 1, the shift -31 .. 31. */
void micronets_reduce_sum_s16(const int16_t *input, int16_t *output, const micronets_reduction *dimensions,
                              int32_t multiplier, int32_t shift);

/* Softmax of int16 along rows; the output has the scale 1/32768.
 *
 * input: [in] [rows, columns]. output: [out] [rows, columns]. exponentials: [in] 513 entries from exp(-10) to exp(0),
 * reciprocals: [in] 513 entries from 1 / (1 + 0) to 1 / (1 + 1), all with 15 bits behind the point. rows: at least 1.
 * columns: 1 .. 65535. multiplier, shift: bring differences of codes to steps of 10/65535; 0 or 2^30 .. 2^31 - 1, and
 * -31 .. 14. */
void micronets_softmax_of_s16(const int16_t *input, int16_t *output, const int16_t *exponentials,
                              const int16_t *reciprocals, int32_t rows, int32_t columns, int32_t multiplier,
                              int32_t shift);

/* The logistic function or the hyperbolic tangent of int16; the output has the scale 1/32768.
 *
 * input: [in] `count` codes. output: [out] as many. multiplier, shift: code * multiplier / 2^shift counts steps of
 * 1/12288; 0 .. 32767, and 0 .. 31. tanh: 0 for the logistic function, 1 for the hyperbolic tangent. */
void micronets_sigmoid_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift,
                           int32_t tanh);

/* Rectifiers of int16: codes of at least 0 are multiplied by multiplier * 2^(shift - 31), the others by slope *
 * 2^(slope_shift - 31), and also by -1 where `negative` is 1.
 *
 * input: [in] `count` codes. output: [out] as many. multiplier, slope: 0 or 2^30 .. 2^31 - 1. shift, slope_shift:
 * -31 .. 31. */
void micronets_rectify_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift,
                           int32_t slope, int32_t slope_shift, int32_t negative);

/* The magnitudes of int16 codes, times multiplier * 2^(shift - 31).
 *
 * input: [in] `count` codes. output: [out] as many. multiplier: 2^30 .. 2^31 - 1, or 0. shift: -31 .. 31. */
void micronets_abs_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift);

/* 1 / sqrt(code) of int16 codes: with 20 fractional bits, times multiplier * 2^(shift - 31). Codes that are 0 or less
 * give the largest one.
 *
 * input: [in] `count` codes. output: [out] as many. multiplier: 2^30 .. 2^31 - 1, or 0. shift: -31 .. 31. */
void micronets_rsqrt_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift);

/* Runs of bytes from places that a tensor holds.
 *
 * values: [in] [rows, size, run] bytes. places: [in] `count` of them, of 0 .. size - 1; others count as the nearest.
 * output: [out] [rows, count, run] bytes; it must not overlap the inputs. rows, size, count, run: at least 1. */
void micronets_gather(const void *values, const int32_t *places, void *output, int32_t rows, int32_t size,
                      int32_t count, int32_t run);

/* How two values are compared. */
typedef enum { MICRONETS_EQUAL, MICRONETS_NOT_EQUAL, MICRONETS_GREATER, MICRONETS_GREATER_OR_EQUAL } micronets_relation;

/* The zero points of two int8 operands, and the factors multiplier * 2^(shift - 31) that make real values of codes less
 * their zero point. */
typedef struct {
    int32_t a_zero, a_multiplier, a_shift;
    int32_t b_zero, b_multiplier, b_shift;
} micronets_compared;

MICRONETS_AGREE_SIZE(micronets_compared, MICRONETS_COMPARED_BYTES);

/* Truth values, 1 or 0: whether a relation holds between the real values of int8 codes, which have 8 bits behind the
 * point.
 *
 * a, b: [in] the operands. output: [out] as many bytes as there are rounds in all loops; it may lie exactly over an
 *   operand of as many bytes. shape: [in] the loops. scales: [in] of both operands; multipliers are 0 or
 *   2^30 .. 2^31 - 1, shifts -31 .. 0. */
void micronets_compare(const void *a, const void *b, uint8_t *output, const micronets_broadcast *shape,
                       const micronets_compared *scales, micronets_relation relation);

/* The same of numbers, which are compared as they are; type: of both operands. */
void micronets_compare_numbers(const void *a, micronets_type type, const void *b, uint8_t *output,
                               const micronets_broadcast *shape, micronets_relation relation);

/* The loops of a choice between values of two tensors by a third one. */
typedef struct {
    int32_t size[4];      /* how often each loop runs, at least once */
    int32_t condition[4]; /* truth values from one round of a loop to the next; 0 where they are repeated */
    int32_t a[4], b[4];   /* the same of the values of both tensors */
    int32_t bytes;        /* of a value, at least 1 */
} micronets_selection;

MICRONETS_AGREE_SIZE(micronets_selection, MICRONETS_SELECTION_BYTES);

/* Values of a where the condition is true, and of b elsewhere.
 *
 * condition: [in] bytes; 0 is false. a, b: [in] the values. output: [out] as many values as there are rounds in all
 *   loops; it may lie exactly over an input of as many bytes. shape: [in] the loops. */
void micronets_select(const void *condition, const void *a, const void *b, void *output,
                      const micronets_selection *shape);

/* Copies words, for a layer that reads them many times from flash that is slow.
 *
 * copy: [out] `count` words; they must not overlap those of the flash. words: [in] `count` of them. Returns `copy`. */
const uint32_t *micronets_copy_words(uint32_t *copy, const uint32_t *words, int32_t count);

/* Clamps codes of int16 to lowest .. highest. input: [in] `count` codes. output: [out] `count` codes. */
void micronets_clamp_s16(const int16_t *input, int16_t *output, int32_t count, int32_t lowest, int32_t highest);

/* Kernels of TFLM's signal library, micronets_signal_...: from samples of sound to bands without noise, in integers.
 * micronets.quantized.signal computes the same in numpy. Complex numbers are words, the real part in the low half;
 * numbers of 64 bits are two words, the low one first. */

/* Samples times a window, shifted to the right and saturated.
 *
 * input: [in] [rows, size]. output: [out] the same; it may lie exactly over the input. window: [in] [size].
 * rows, size: each at least 1. shift: 0 .. 31. */
void micronets_signal_window(const int16_t *input, int16_t *output, const int16_t *window, int32_t rows, int32_t size,
                             int32_t shift);

/* Samples scaled up by so many bits that the largest magnitude still has 16.
 *
 * input: [in] [count]. output: [out] the same; it may lie exactly over the input. bits: [out] how many bits that are.
 * count: at least 1. */
void micronets_signal_scale(const int16_t *input, int16_t *output, int32_t *bits, int32_t count);

/* The Fourier transform of real samples that are filled up with zeros to 2 * points of them, divided by their number.
 *
 * input: [in] [rows, size], of which each row begins at a multiple of 4 bytes if size is even. output: [out]
 *   [rows, points + 1] complex numbers, which must not overlap the input. twiddles: [in] [3 points / 4], or one word,
 *   exp(-2 pi i k / points). split: [in] [points / 2], exp(-pi i ((k + 1) / points + 1 / 2)). rows: at least 1.
 * size: 1 .. 2 * points. points: a power of 2, at least 2. */
void micronets_signal_rfft(const int16_t *input, uint32_t *output, const uint32_t *twiddles, const uint32_t *split,
                           int32_t rows, int32_t size, int32_t points);

/* Squared magnitudes of complex numbers.
 *
 * input: [in] [count]. output: [out] [count], 0 before `start` and from `end` on; it may lie exactly over the input.
 * 0 <= start <= end <= count. */
void micronets_signal_energy(const uint32_t *input, uint32_t *output, int32_t count, int32_t start, int32_t end);

/* Weighted sums of energies for each band, modulo 2^64. What bins of an interval weigh in the band where they rise is
 * `rising`, in the next one `falling`; the first interval rises to a band that is dropped.
 *
 * input: [in] energies. output: [out] [bands] numbers of 64 bits, which must not overlap the input.
 * rising, falling: [in] weights. starts, weight_starts, widths: [in] [bands + 1], the first bin and the first weight of
 *   each interval and how many it has; none where that is below 1. bands: at least 1. */
void micronets_signal_bands(const uint32_t *input, uint32_t *output, const int16_t *rising, const int16_t *falling,
                            const int16_t *starts, const int16_t *weight_starts, const int16_t *widths, int32_t bands);

/* Square roots, rounded to nearest and then shifted to the right.
 *
 * input: [in] [count] numbers of 64 bits. bits: [in] how far they are shifted, of which five bits count. output: [out]
 *   [count]; it may begin where the input begins, or below. count: at least 1. */
void micronets_signal_roots(const uint32_t *input, const int32_t *bits, uint32_t *output, int32_t count);

/* How the noise of bands is estimated. */
typedef struct {
    uint32_t fresh[2];     /* the share of the newest value, in bands of even and of odd numbers */
    uint32_t kept[2];      /* the share of the last estimate */
    uint32_t least;        /* the share of a band that always remains */
    uint8_t estimate_bits; /* fractional bits of an estimate, 0 .. 31 */
    uint8_t share_bits;    /* fractional bits of the shares, 0 .. 63 */
    uint16_t clamps;       /* 1: an estimate is held to its band */
} micronets_smoothing;

MICRONETS_AGREE_SIZE(micronets_smoothing, MICRONETS_SMOOTHING_BYTES);

/* Bands less their noise, and the estimates of the noise.
 *
 * input: [in] [count]. output: [out] [count]; it may lie exactly over the input. noise: [out] [count], the estimates.
 * arena: [in] the arena of the network, at whose start the address of its state is. offset: where the estimates are
 *   kept in the state, in bytes: a multiple of 4. smoothing: [in] how they are made. count: at least 1. */
void micronets_signal_subtract(const uint32_t *input, uint32_t *output, uint32_t *noise, const int8_t *arena,
                               int32_t offset, const micronets_smoothing *smoothing, int32_t count);

/* Bands times the gains that follow from their noise, less 1; small ones are squared.
 *
 * input, noise: [in] [count]. output: [out] [count]; it may lie exactly over either. gains: [in] [33][3], for noise of
 *   0, 1, ... bits the coefficients of a parabola. shift: 0 .. 63. count: at least 1. */
void micronets_signal_gain(const uint32_t *input, const uint32_t *noise, uint32_t *output, const int16_t *gains,
                           int32_t shift, int32_t count);

/* Natural logarithms of bands, at most 32767; 0 for 0 and 1.
 *
 * input: [in] [count]. output: [out] [count]; it may begin where the input begins, or below. logarithms: [in] [129], by
 *   how much log2(1 + i / 128) is larger than i / 128, 16 fractional bits. shift: by how much bands are shifted to the
 *   left before, 0 .. 31. scale: what logarithms are multiplied with. count: at least 1. */
void micronets_signal_log(const uint32_t *input, int16_t *output, const uint16_t *logarithms, int32_t shift,
                          int32_t scale, int32_t count);

#ifdef __cplusplus
}
#endif

#endif
