/* Layers as constant records, and the functions that run a layer from its record.
 *
 * A record in flash takes a quarter of the bytes of a call with all its arguments. Fields that say where a tensor
 * lies (input, output, scratch, a, b) are bytes from the start of the arena. The functions `micronets_run_KERNEL`
 * call micronets_KERNEL with what the record holds; micronets_kernels.h describes the arguments. */
#ifndef MICRONETS_LAYERS_H
#define MICRONETS_LAYERS_H

#include "micronets_kernels.h"

/* Runs a layer; arena: [in, out] the memory of all tensors; record: [in] of the type that the function expects. */
typedef void micronets_layer_function(int8_t *arena, const void *record);

/* What the record of every layer with weights begins with. */
typedef struct {
    int32_t input, output; /* tensors */
    int32_t scratch;       /* scratch memory; 0 where the kernel needs none */
    const void *weights;   /* in the order of the kernel */
    micronets_requant requant;
} micronets_weighted_layer;

/* A convolution. */
typedef struct {
    micronets_weighted_layer base;
    micronets_window window;
} micronets_conv_layer;

/* A matrix times every pixel: a convolution of 1 x 1, or a fully connected layer, which has one pixel. */
typedef struct {
    micronets_weighted_layer base;
    int32_t pixels;
    uint16_t inputs, outputs; /* values of a pixel of the input, and of the output */
} micronets_dense_layer;

/* A depthwise convolution, a channel at a time. */
typedef struct {
    micronets_weighted_layer base;
    micronets_window window; /* along the schedule's lines */
    micronets_depthwise_schedule schedule;
    micronets_depthwise_kernel kernel; /* computes a pass */
} micronets_depthwise_layer;

/* A depthwise convolution, four channels at a time. */
typedef struct {
    micronets_weighted_layer base;
    micronets_window window; /* along the schedule's lines */
    micronets_depthwise_schedule schedule;
    micronets_depthwise_by4_kernel kernel; /* computes a pass */
} micronets_depthwise_by4_layer;

/* An addition of two tensors. */
typedef struct {
    int32_t a, b, output; /* tensors */
    int32_t count;        /* values of each */
    micronets_add_params params;
} micronets_add_layer;

/* Two tensors that are combined value by value; either may be a constant. */
typedef struct {
    const int8_t *constant;  /* the operand that is a constant; 0 for none */
    int32_t a, b, output;    /* tensors; 0 for the constant */
    uint16_t base_a, base_b; /* what a and b are counted from: 0 the arena, 1 the constant */
    micronets_broadcast shape;
    micronets_add_params params;
    micronets_row *row; /* combines a row */
} micronets_binary_layer;

/* A border around a tensor. */
typedef struct {
    int32_t input, output; /* tensors */
    micronets_pad_params params;
} micronets_pad_layer;

/* A copy in another order. */
typedef struct {
    int32_t input, output; /* tensors */
    micronets_copy_params params;
} micronets_copy_layer;

/* Several tensors that become one, or one that becomes several. */
typedef struct {
    const int32_t *parts; /* for each of them, where it lies, and the bytes of a row */
    int32_t whole;        /* the tensor that they are parts of */
    int32_t count, rows;  /* how many parts there are, and how many rows each has */
} micronets_parts_layer;

/* The compiler writes these records with sizes of its own (micronets_limits.h): another size does not build. */
MICRONETS_AGREE_SIZE(micronets_conv_layer, MICRONETS_CONV_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_dense_layer, MICRONETS_DENSE_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_depthwise_layer, MICRONETS_DEPTHWISE_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_depthwise_by4_layer, MICRONETS_DEPTHWISE_BY4_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_add_layer, MICRONETS_ADD_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_binary_layer, MICRONETS_BINARY_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_pad_layer, MICRONETS_PAD_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_parts_layer, MICRONETS_PARTS_LAYER_BYTES);
MICRONETS_AGREE_SIZE(micronets_copy_layer, MICRONETS_COPY_LAYER_BYTES);

/* Runs micronets_conv.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_conv_layer. */
static inline void micronets_run_conv(int8_t *arena, const void *record)
{
    const micronets_conv_layer *const n = (const micronets_conv_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + base->scratch);
    micronets_conv(arena + base->input, arena + base->output, (const uint32_t *)base->weights, scratch, &n->window,
                   &base->requant);
}

/* Runs micronets_conv_c4.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_conv_layer. */
static inline void micronets_run_conv_c4(int8_t *arena, const void *record)
{
    const micronets_conv_layer *const n = (const micronets_conv_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + base->scratch);
    micronets_conv_c4(arena + base->input, arena + base->output, (const uint32_t *)base->weights, scratch, &n->window,
                      &base->requant);
}

/* Runs micronets_conv_s4.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_conv_layer. */
static inline void micronets_run_conv_s4(int8_t *arena, const void *record)
{
    const micronets_conv_layer *const n = (const micronets_conv_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + base->scratch);
    micronets_conv_s4(arena + base->input, arena + base->output, (const uint8_t *)base->weights, scratch, &n->window,
                      &base->requant);
}

/* Runs micronets_conv_1x1.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_dense_layer. */
static inline void micronets_run_conv_1x1(int8_t *arena, const void *record)
{
    const micronets_dense_layer *const n = (const micronets_dense_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + base->scratch);
    micronets_conv_1x1(arena + base->input, arena + base->output, (const uint32_t *)base->weights, scratch, n->pixels,
                       n->inputs, n->outputs, &base->requant);
}

/* Runs micronets_fully_connected.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_dense_layer. */
static inline void micronets_run_fully_connected(int8_t *arena, const void *record)
{
    const micronets_dense_layer *const n = (const micronets_dense_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    micronets_fully_connected(arena + base->input, arena + base->output, (const uint32_t *)base->weights, n->inputs,
                              n->outputs, &base->requant);
}

/* Runs micronets_fully_connected_by8.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_dense_layer. */
static inline void micronets_run_fully_connected_by8(int8_t *arena, const void *record)
{
    const micronets_dense_layer *const n = (const micronets_dense_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    micronets_fully_connected_by8(arena + base->input, arena + base->output, (const uint32_t *)base->weights, n->inputs,
                                  n->outputs, &base->requant);
}

/* Runs micronets_fully_connected_s4.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_dense_layer. */
static inline void micronets_run_fully_connected_s4(int8_t *arena, const void *record)
{
    const micronets_dense_layer *const n = (const micronets_dense_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + base->scratch);
    micronets_fully_connected_s4(arena + base->input, arena + base->output, (const uint8_t *)base->weights, scratch,
                                 n->inputs, n->outputs, &base->requant);
}

/* Runs micronets_conv_bytes.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_conv_layer. */
static inline void micronets_run_conv_bytes(int8_t *arena, const void *record)
{
    const micronets_conv_layer *const n = (const micronets_conv_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    micronets_conv_bytes(arena + base->input, arena + base->output, (const uint8_t *)base->weights,
                         arena + base->scratch, &n->window, &base->requant);
}

/* Runs micronets_dense_bytes.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_dense_layer. */
static inline void micronets_run_dense_bytes(int8_t *arena, const void *record)
{
    const micronets_dense_layer *const n = (const micronets_dense_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    micronets_dense_bytes(arena + base->input, arena + base->output, (const uint8_t *)base->weights, n->pixels,
                          n->inputs, n->outputs, &base->requant);
}

/* Runs micronets_depthwise.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_depthwise_layer. */
static inline void micronets_run_depthwise(int8_t *arena, const void *record)
{
    const micronets_depthwise_layer *const n = (const micronets_depthwise_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    micronets_depthwise(arena + base->input, arena + base->output, (const int8_t *)base->weights, arena + base->scratch,
                        &n->window, &n->schedule, &base->requant, n->kernel);
}

/* Runs micronets_depthwise with weights of 4 bits, which are first unpacked to the front of the scratch memory.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_depthwise_layer. */
static inline void micronets_run_depthwise_s4(int8_t *arena, const void *record)
{
    const micronets_depthwise_layer *const n = (const micronets_depthwise_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    const int32_t count = n->window.kernel_h * n->window.kernel_w * n->window.out_c;
    int8_t *const weights = arena + base->scratch;
    micronets_unpack_s4((const uint8_t *)base->weights, weights, count);
    micronets_depthwise(arena + base->input, arena + base->output, weights, weights + (count + 3) / 4 * 4, &n->window,
                        &n->schedule, &base->requant, n->kernel);
}

/* Runs micronets_depthwise_by4.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_depthwise_by4_layer. */
static inline void micronets_run_depthwise_by4(int8_t *arena, const void *record)
{
    const micronets_depthwise_by4_layer *const n = (const micronets_depthwise_by4_layer *)record;
    const micronets_weighted_layer *const base = &n->base;
    micronets_depthwise_by4(arena + base->input, arena + base->output, (const uint32_t *)base->weights,
                            arena + base->scratch, &n->window, &n->schedule, &base->requant, n->kernel);
}

/* Runs micronets_binary.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_binary_layer. */
static inline void micronets_run_binary(int8_t *arena, const void *record)
{
    const micronets_binary_layer *const n = (const micronets_binary_layer *)record;
    const int8_t *const base[] = {arena, n->constant};
    micronets_binary(base[n->base_a] + n->a, base[n->base_b] + n->b, arena + n->output, &n->shape, &n->params, n->row);
}

/* Runs micronets_add.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_add_layer. */
static inline void micronets_run_add(int8_t *arena, const void *record)
{
    const micronets_add_layer *const n = (const micronets_add_layer *)record;
    micronets_add(arena + n->a, arena + n->b, arena + n->output, n->count, &n->params);
}

/* Runs micronets_pad.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_pad_layer. */
static inline void micronets_run_pad(int8_t *arena, const void *record)
{
    const micronets_pad_layer *const n = (const micronets_pad_layer *)record;
    micronets_pad(arena + n->input, arena + n->output, &n->params);
}

/* Runs micronets_concatenate.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_parts_layer. */
static inline void micronets_run_concatenate(int8_t *arena, const void *record)
{
    const micronets_parts_layer *const n = (const micronets_parts_layer *)record;
    micronets_concatenate(arena, arena + n->whole, n->parts, n->count, n->rows);
}

/* Runs micronets_split.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_parts_layer. */
static inline void micronets_run_split(int8_t *arena, const void *record)
{
    const micronets_parts_layer *const n = (const micronets_parts_layer *)record;
    micronets_split(arena + n->whole, arena, n->parts, n->count, n->rows);
}

/* Runs micronets_copy_strided.
 *
 * arena: [in, out] the memory of all tensors. record: [in] a micronets_copy_layer. */
static inline void micronets_run_copy_strided(int8_t *arena, const void *record)
{
    const micronets_copy_layer *const n = (const micronets_copy_layer *)record;
    micronets_copy_strided(arena + n->input, arena + n->output, &n->params);
}

#endif
