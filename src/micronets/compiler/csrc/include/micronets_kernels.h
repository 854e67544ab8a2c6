/* Kernels of micronets: what each computes, on which layouts and ranges.
 *
 * Maps are int8 [height, width, channels], channels together. Arguments come in the order input, output, weights or
 * table, sizes, requantisation. A kernel reads and writes nothing but what it is given and keeps nothing.
 * Outputs are produced from the first byte to the last, those of depthwise convolutions channel by channel.
 * Input and output may overlap where the plan of the arena (model.c) says so: in a depthwise convolution they begin
 * at the same place, else the output begins far enough below the input that nothing is overwritten before its last
 * use.
 *
 * Arithmetic relies on what every compiler of today does: two's complement, and >> of a negative number keeps its sign.
 */
#ifndef MICRONETS_KERNELS_H
#define MICRONETS_KERNELS_H

#include <stdint.h>

#include "micronets_limits.h"
#include "micronets_target.h"

/* Sizes of an operator that slides a window over a map; all at least 1 but the paddings, which are at least 0.
 * Output pixel (y, x) sees the input rows y * stride_h - pad_top + k * dilation_h for k = 0 .. kernel_h - 1, and
 * columns likewise. What lies outside the input does not count. */
typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    int16_t pad_value; /* of a convolution: the input's zero point, -128 .. 127, which padding stands for */
    uint16_t filters;  /* of a convolution: channels of the output to compute, the first of out_c; out_c as a rule */
} micronets_window;

/* From a sum of products to an output code: add bias, multiply by multiplier * 2^(shift - 31), clamp, add zero_point.
 * Where a kernel takes the input codes as they are, -(zero point) * (sum of the weights) is in the bias: all but the
 * depthwise ones and conv_any, which subtract the zero point, so that what lies outside counts nothing.
 *
 * Tables come in two forms. Quick, where shifts is 0: bias[c] is bias * 2^8 - shift, the bias having 24 bits and the
 * shift being -31 .. -1, multiplier[c] is twice the multiplier, its 32 bits as a negative number; every sum with its
 * bias is within +-(2^30 - 1). Else all three are what their names say: a multiplier is 0 or 2^30 .. 2^31 - 1, a
 * shift -31 .. 31. */
typedef struct {
    const int32_t *bias;       /* a channel each; for quick tables up to a multiple of 4 of them */
    const int32_t *multiplier; /* likewise, or one for all */
    int16_t lowest, highest;   /* clamp, relative to the zero point */
    int8_t zero_point;
    int8_t step;     /* 1: a multiplier and shift for each channel; 0: one for all */
    uint16_t shifts; /* 0: quick tables; else how many multipliers there are, as many shifts being behind them */
} micronets_requant;

/* How a depthwise convolution goes through the plane of a channel: line by line. A line is a row of the map or, the
 * other way, a column: the window's sizes with _h then count lines and those with _w are along them. A line is worked
 * through in `phases` interleaved parts, each without dilation; pad_left is then that of a part. */
typedef struct {
    uint16_t turned;     /* 1: a line is a column of the map */
    uint16_t multiplier; /* output channels of an input channel */
    uint16_t phases;
    uint16_t strip, pitch; /* output lines computed together; values of a line in the scratch */
    uint16_t narrow;       /* 1: the clamp allows less than -128 .. 127 */
    uint16_t even,
        odd; /* words of weights for a line of the kernel, see micronets_depthwise.c; 0 for micronets_rows_any */
} micronets_planes;

/* Bytes to the next line of a map, and to the next value of a line. */
typedef struct {
    int32_t in_line, in_step, out_line, out_step;
} micronets_steps;

MICRONETS_INLINE micronets_steps micronets_steps_of(const micronets_window *n, const micronets_planes *planes)
{
    const int32_t in_c = n->in_c, out_c = n->out_c;
    const micronets_steps columns = {in_c, n->in_h * in_c, out_c, n->out_h * out_c};
    const micronets_steps rows = {n->in_w * in_c, in_c, n->out_w * out_c, out_c};
    return planes->turned ? columns : rows;
}

/* Constants of a channel in the order in which the kernels in assembly load them. The sums come doubled: bias and
 * weights are. output = (high(sum * multiplier) + addend) >> shift; addend: half a unit, and the zero point. */
typedef struct {
    int32_t bias, multiplier, addend, shift;
    int32_t step; /* bytes from an output to the next */
    int32_t unused;
    uint32_t weights[]; /* pairs of 16 bits */
} micronets_filter;

/* Lines of a channel, as 16 bits, and what is computed from them. */
typedef struct {
    micronets_filter *filter;
    const int16_t *lines;  /* those under the window of the first output */
    const int8_t *weights; /* [kernel_h, kernel_w], of the channel */
    const micronets_window *window;
    const micronets_planes *planes;
    const micronets_requant *requant;
    int32_t channel;
    int32_t out_line; /* bytes from a line of outputs to the next */
} micronets_strip;

/* Computes `rows` lines of `count` outputs. */
typedef void (*micronets_rows)(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);

/* Scale of one operand: value -> (value - zero_point) * 2^left * multiplier * 2^(shift - 31). */
typedef struct {
    int32_t multiplier;
    int8_t zero_point, shift;
} micronets_operand;

/* output[i] = a[i] + b[i]; the codes of a and b are brought to a common grid with 20 bits to spare, then to the
 * output's. */
typedef struct {
    micronets_operand a, b, sum; /* sum.zero_point: the output's */
    int16_t lowest, highest;     /* clamp, relative to the output's zero point */
} micronets_addition;

/* Zero to three dimensions of padding; those in front are 1 where there are fewer. */
typedef struct {
    int32_t in_shape[3];
    uint16_t before[3], after[3];
    int8_t value;
} micronets_padding;

/* What a layer does in a patch, where layers run together on a few rows at a time and a map between them is a buffer
 * of a few rows: `kept` rows of its output, from row `moved` of the buffer on, go to the front of the buffer, and
 * `rows` are computed behind them from in_h rows of the input, with pad_top rows of padding above. rows 0: nothing. */
typedef struct {
    int16_t moved, kept;
    int16_t rows;
    int16_t in_h, pad_top;
} micronets_band;

/* How many equal patches follow each other; before each, `advance` rows at the front of the input are needed no more. */
typedef struct {
    int16_t times, advance;
} micronets_run;

/* What the compiler takes their sizes to be. */
MICRONETS_AGREE(filter_words, sizeof(micronets_filter) == 4 * MICRONETS_FILTER_WORDS);
MICRONETS_AGREE_SIZE(micronets_window, MICRONETS_WINDOW_BYTES);
MICRONETS_AGREE_SIZE(micronets_requant, MICRONETS_REQUANT_BYTES);
MICRONETS_AGREE_SIZE(micronets_planes, MICRONETS_PLANES_BYTES);
MICRONETS_AGREE_SIZE(micronets_addition, MICRONETS_ADDITION_BYTES);
MICRONETS_AGREE_SIZE(micronets_padding, MICRONETS_PADDING_BYTES);
MICRONETS_AGREE_SIZE(micronets_band, MICRONETS_BAND_BYTES);
MICRONETS_AGREE_SIZE(micronets_run, MICRONETS_RUN_BYTES);

/* Convolution of any window; weights as in micronets_columns.h, in the order of micronets_conv.c; scratch two columns
 * as there, and behind them, where windows reach over the edge of the map, two strips of up to MICRONETS_STRIP_BYTES,
 * or of one window where that is more. Reads the windows of two pixels before it writes them. */
void micronets_conv(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                    const micronets_window *window, const micronets_requant *requant);

/* The same where in_c is a multiple of 4; scratch two columns. */
void micronets_conv_4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                      const micronets_window *window, const micronets_requant *requant);

/* The same for 1 x 1 windows with stride 1: input [pixels, inputs], output [pixels, outputs]; scratch two columns.
 * Reads two pixels before it writes them. */
void micronets_conv_1x1(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch, int32_t pixels,
                        int32_t inputs, int32_t outputs, const micronets_requant *requant);

/* The same as micronets_conv or micronets_conv_4 with weights of 4 bits, two filters of a value to a byte, the first
 * in the low half. scratch: a pair of words for each pair of values, then that of the other. */
void micronets_conv_s4(const int8_t *input, int8_t *output, const uint8_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant);

/* Convolution of any window with any tables and sums of any size: products in parts of a column, each of which has
 * few enough values for the weights' order. scratch: the bytes of a column; 0 where there is one pixel and the input
 * is its column. */
void micronets_conv_wide(const int8_t *input, int8_t *output, const uint32_t *weights, int8_t *scratch,
                         const micronets_window *window, const micronets_requant *requant);

/* Convolution for what the others cannot hold: any weights and tables; weights [out_c, kernel_h, kernel_w, in_c].
 * Slow. */
void micronets_conv_any(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        const micronets_requant *requant);

/* Depthwise convolution: outputs n * c .. n * c + n - 1 are from input channel c, n = multiplier; weights
 * [out_c, kernel_h, kernel_w]. Channel by channel: where the multiplier is 1 the output may lie exactly over the
 * input, if the plan says so. scratch: a micronets_filter with its weights, then the lines under a strip; aligned to
 * 4 bytes. rows: the kernel for a strip. */
void micronets_depthwise(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                         const micronets_window *window, const micronets_planes *planes,
                         const micronets_requant *requant, micronets_rows rows);

/* Lines of outputs of four channels: see micronets_fours.h. */
struct micronets_four;
typedef void (*micronets_fours)(struct micronets_four *four);
void micronets_fours_3x3(struct micronets_four *four);
void micronets_fours_3x3_relu(struct micronets_four *four);
void micronets_fours_any(struct micronets_four *four);

/* The same as micronets_depthwise for multipliers of 1, quick tables with a multiplier for each channel and no
 * dilation along the line, four channels at a time: quicker where lines are short, or outputs apart. weights [out_c /
 * 4, kernel_h, kernel_w], a byte for each of four channels, the first lowest. scratch: the lines under a strip, pitch
 * words each. rows: the kernel for a strip, of 3 x 3 or of any window. */
void micronets_depthwise_4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                           const micronets_window *window, const micronets_planes *planes,
                           const micronets_requant *requant, micronets_fours rows);

/* Strips of any depthwise convolution. */
void micronets_rows_any(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);

/* Strips by pairs, where every doubled sum is within +-(2^31 - 1) and every shift in MICRONETS_LEAST_SHIFT .. -1:
 * strides along the line of 1 and of 2, with windows of any size and of 3 x 3. */
void micronets_rows_pairs(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);
void micronets_rows_pairs_2(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);
void micronets_rows_3x3(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);
void micronets_rows_3x3_2(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);

/* The same where the output's zero point is -128: a sum below zero is clamped, however it is rounded. */
void micronets_rows_3x3_relu(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);
void micronets_rows_3x3_2_relu(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count);

/* Matrix times vector: input [inputs], output [units], weights as in micronets_columns.h. */
void micronets_fully_connected(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                               int32_t units, const micronets_requant *requant);

/* The same for inputs and units that are multiples of 8; weights of eight filters at a time: for each pair of values
 * the two words of the first four, then those of the others. */
void micronets_fully_connected_8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                 int32_t units, const micronets_requant *requant);

/* The same as micronets_fully_connected with weights of 4 bits as those of micronets_conv_s4; scratch: a pair of
 * words for each pair of values. */
void micronets_fully_connected_s4(const int8_t *input, int8_t *output, const uint8_t *weights, uint32_t *scratch,
                                  int32_t inputs, int32_t units, const micronets_requant *requant);

/* Weights of four filters from 4 bits each to words: `pairs` pairs of values, 4 bytes to 2 words. */
void micronets_unpack_weights(const uint8_t *weights, uint32_t *words, int32_t pairs);

/* 4-bit codes -8 .. 7, two to a byte, low half first, to int8. */
void micronets_unpack_s4(const uint8_t *input, int8_t *output, int32_t count);

/* Means over windows, rounded to nearest, halves away from zero; clamped to lowest .. highest. */
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest);

/* Maxima over windows, clamped to lowest .. highest. */
void micronets_max_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                        int32_t highest);

/* Mean over all pixels: input [pixels, channels], output [channels]; the bias (one for all) is -zero_point * pixels. */
void micronets_mean(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels,
                    const micronets_requant *requant);

/* Sum of two tensors of `count` values. */
void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_addition *addition);

/* A tensor of up to three dimensions with a border of `value`. */
void micronets_pad(const int8_t *input, int8_t *output, const micronets_padding *padding);

/* The first part of a patch: what is kept goes to the front of the buffer. */
void micronets_band_move(int8_t *buffer, int32_t row_bytes, const micronets_band *band);

/* Any function of one code: output[i] = table[input[i] + 128]. */
void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count);

/* Softmax of every row: input and output [rows, columns]; output codes have scale 1/256 and zero point -128.
 * exponentials[d]: 2^31 * exp(-d * scale of the input), d = 0 .. entries - 1; differences beyond give probability 0. */
void micronets_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries, int32_t rows,
                       int32_t columns);

/* output = input / scale + zero_point, rounded to nearest, halves away from zero, clamped to lowest .. highest. */
void micronets_quantize(const float *input, int8_t *output, int32_t count, float scale, int32_t zero_point,
                        int32_t lowest, int32_t highest);

/* output = (input - zero_point) * scale. */
void micronets_dequantize(const int8_t *input, float *output, int32_t count, float scale, int32_t zero_point);

#endif
