/* Numbers on which the compiler and the kernels must agree. Written by micronets.compiler.limits: change them there. */
#ifndef MICRONETS_LIMITS_H
#define MICRONETS_LIMITS_H

/* Largest strip in which micronets_conv gathers a whole line of windows and not one window at a time. */
#define MICRONETS_STRIP_BYTES 160

/* Words of micronets_channel_constants in front of the packed weights of a channel. */
#define MICRONETS_CHANNEL_WORDS 6

/* Least shift of a requantisation with which the depthwise kernels that multiply pairs of values can work. */
#define MICRONETS_LEAST_SHIFT (-22)

/* What per_channel is where the table of a requantisation is straight, and the last shift then, of convolutions
 * with 8-bit weights; then that of convolutions with 4-bit weights and of depthwise layers. */
#define MICRONETS_STRAIGHT 2
#define MICRONETS_STRAIGHT_SHIFT 10
#define MICRONETS_STRAIGHT_COARSE_SHIFT 8

/* Least values of a window's row for which micronets_conv_bytes reads windows inside the map where they lie. */
#define MICRONETS_DIRECT_ROW 16

/* Most values of a window for which the matrix products can count their rounds, with 8-bit and with 4-bit weights. */
#define MICRONETS_MOST_VALUES 5632
#define MICRONETS_MOST_VALUES_S4 4096

/* Bytes of structs where pointers have 32 bits, as the compiler counts the constants of a network. */
#define MICRONETS_WINDOW_BYTES 32
#define MICRONETS_REQUANT_BYTES 16
#define MICRONETS_ODD_FILTERS_BYTES 28
#define MICRONETS_DEPTHWISE_SCHEDULE_BYTES 16
#define MICRONETS_ADD_PARAMS_BYTES 28
#define MICRONETS_PAD_PARAMS_BYTES 28
#define MICRONETS_REDUCTION_BYTES 48
#define MICRONETS_MATRICES_BYTES 32
#define MICRONETS_MATRIX_BYTES 24
#define MICRONETS_SVDF_BYTES 48
#define MICRONETS_LSTM_BYTES 216
#define MICRONETS_COPY_PARAMS_BYTES 48
#define MICRONETS_TOTAL_BYTES 16
#define MICRONETS_SMOOTHING_BYTES 24
#define MICRONETS_PATCH_BYTES 10
#define MICRONETS_PATCH_RUN_BYTES 4
#define MICRONETS_BROADCAST_BYTES 48
#define MICRONETS_REQUANT_S16_BYTES 20
#define MICRONETS_OPERANDS_S16_BYTES 32
#define MICRONETS_COMPARED_BYTES 24
#define MICRONETS_SELECTION_BYTES 68

/* Does not compile where `condition` is false; `name`: a name of its own for each check. */
#define MICRONETS_AGREE(name, condition) typedef char micronets_agree_##name[(condition) ? 1 : -1]

/* Does not compile where `type` takes other than `bytes` bytes on a machine whose pointers have 32 bits. */
#define MICRONETS_AGREE_SIZE(type, bytes) MICRONETS_AGREE(type, sizeof(void *) != 4 || sizeof(type) == (bytes))

#endif
