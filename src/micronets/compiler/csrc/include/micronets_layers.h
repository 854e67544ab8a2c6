/* Layers as records in flash, and what runs a record: a quarter of the bytes of a call with all its arguments.
 * input, output, scratch, a, b: bytes from the start of the arena. */
#ifndef MICRONETS_LAYERS_H
#define MICRONETS_LAYERS_H

#include "micronets_kernels.h"

/* Runs a layer; sizes: a record of the type that the function expects. */
typedef void micronets_runner(int8_t *arena, const void *sizes);

typedef struct {
    int32_t input, output, scratch;
    const void *weights;
    micronets_requant requant;
} micronets_weighted;

typedef struct {
    micronets_weighted own;
    micronets_window window;
} micronets_windowed;

typedef struct {
    micronets_weighted own;
    int32_t pixels;
    uint16_t inputs, outputs;
} micronets_matrix;

typedef struct {
    micronets_weighted own;
    micronets_window window;
    micronets_planes planes;
    micronets_rows rows;
} micronets_strips;

typedef struct {
    micronets_weighted own;
    micronets_window window;
    micronets_planes planes;
    micronets_fours rows;
} micronets_lines;

typedef struct {
    int32_t a, b, output, count;
    micronets_addition addition;
} micronets_sum;

typedef struct {
    int32_t input, output;
    micronets_padding padding;
} micronets_border;

/* What the compiler takes their sizes to be. */
MICRONETS_AGREE_SIZE(micronets_windowed, MICRONETS_WINDOWED_BYTES);
MICRONETS_AGREE_SIZE(micronets_matrix, MICRONETS_MATRIX_BYTES);
MICRONETS_AGREE_SIZE(micronets_strips, MICRONETS_STRIPS_BYTES);
MICRONETS_AGREE_SIZE(micronets_lines, MICRONETS_LINES_BYTES);
MICRONETS_AGREE_SIZE(micronets_sum, MICRONETS_SUM_BYTES);
MICRONETS_AGREE_SIZE(micronets_border, MICRONETS_BORDER_BYTES);

static inline void micronets_run_conv(int8_t *arena, const void *sizes)
{
    const micronets_windowed *const n = (const micronets_windowed *)sizes;
    const micronets_weighted *const own = &n->own;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + own->scratch);
    micronets_conv(arena + own->input, arena + own->output, (const uint32_t *)own->weights, scratch, &n->window,
                   &own->requant);
}

static inline void micronets_run_conv_4(int8_t *arena, const void *sizes)
{
    const micronets_windowed *const n = (const micronets_windowed *)sizes;
    const micronets_weighted *const own = &n->own;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + own->scratch);
    micronets_conv_4(arena + own->input, arena + own->output, (const uint32_t *)own->weights, scratch, &n->window,
                     &own->requant);
}

static inline void micronets_run_conv_s4(int8_t *arena, const void *sizes)
{
    const micronets_windowed *const n = (const micronets_windowed *)sizes;
    const micronets_weighted *const own = &n->own;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + own->scratch);
    micronets_conv_s4(arena + own->input, arena + own->output, (const uint8_t *)own->weights, scratch, &n->window,
                      &own->requant);
}

static inline void micronets_run_conv_1x1(int8_t *arena, const void *sizes)
{
    const micronets_matrix *const n = (const micronets_matrix *)sizes;
    const micronets_weighted *const own = &n->own;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + own->scratch);
    micronets_conv_1x1(arena + own->input, arena + own->output, (const uint32_t *)own->weights, scratch, n->pixels,
                       n->inputs, n->outputs, &own->requant);
}

static inline void micronets_run_fully_connected(int8_t *arena, const void *sizes)
{
    const micronets_matrix *const n = (const micronets_matrix *)sizes;
    const micronets_weighted *const own = &n->own;
    micronets_fully_connected(arena + own->input, arena + own->output, (const uint32_t *)own->weights, n->inputs,
                              n->outputs, &own->requant);
}

static inline void micronets_run_fully_connected_8(int8_t *arena, const void *sizes)
{
    const micronets_matrix *const n = (const micronets_matrix *)sizes;
    const micronets_weighted *const own = &n->own;
    micronets_fully_connected_8(arena + own->input, arena + own->output, (const uint32_t *)own->weights, n->inputs,
                                n->outputs, &own->requant);
}

static inline void micronets_run_fully_connected_s4(int8_t *arena, const void *sizes)
{
    const micronets_matrix *const n = (const micronets_matrix *)sizes;
    const micronets_weighted *const own = &n->own;
    uint32_t *const scratch = (uint32_t *)(void *)(arena + own->scratch);
    micronets_fully_connected_s4(arena + own->input, arena + own->output, (const uint8_t *)own->weights, scratch,
                                 n->inputs, n->outputs, &own->requant);
}

static inline void micronets_run_depthwise(int8_t *arena, const void *sizes)
{
    const micronets_strips *const n = (const micronets_strips *)sizes;
    const micronets_weighted *const own = &n->own;
    micronets_depthwise(arena + own->input, arena + own->output, (const int8_t *)own->weights, arena + own->scratch,
                        &n->window, &n->planes, &own->requant, n->rows);
}

/* The weights of 4 bits are unpacked to the front of the scratch memory. */
static inline void micronets_run_depthwise_s4(int8_t *arena, const void *sizes)
{
    const micronets_strips *const n = (const micronets_strips *)sizes;
    const micronets_weighted *const own = &n->own;
    const int32_t count = n->window.kernel_h * n->window.kernel_w * n->window.out_c;
    int8_t *const weights = arena + own->scratch;
    micronets_unpack_s4((const uint8_t *)own->weights, weights, count);
    micronets_depthwise(arena + own->input, arena + own->output, weights, weights + (count + 3) / 4 * 4, &n->window,
                        &n->planes, &own->requant, n->rows);
}

static inline void micronets_run_depthwise_4(int8_t *arena, const void *sizes)
{
    const micronets_lines *const n = (const micronets_lines *)sizes;
    const micronets_weighted *const own = &n->own;
    micronets_depthwise_4(arena + own->input, arena + own->output, (const uint32_t *)own->weights, arena + own->scratch,
                          &n->window, &n->planes, &own->requant, n->rows);
}

static inline void micronets_run_add(int8_t *arena, const void *sizes)
{
    const micronets_sum *const n = (const micronets_sum *)sizes;
    micronets_add(arena + n->a, arena + n->b, arena + n->output, n->count, &n->addition);
}

static inline void micronets_run_pad(int8_t *arena, const void *sizes)
{
    const micronets_border *const n = (const micronets_border *)sizes;
    micronets_pad(arena + n->input, arena + n->output, &n->padding);
}

#endif
