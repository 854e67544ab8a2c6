/* The parts of micronets_conv_winograd: 3 x 3 windows of stride 1 by Winograd's F(4, 3), in exact integers.
 *
 * A tile is four adjacent outputs of a row. For each of the three rows under their windows, six products replace twelve
 * (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for Convolutional
 * Neural Networks, 2016):
 *
 *   v = B d    of the six inputs d of a row under a tile; |v| <= 10 * 128
 *   u = G w    of the three weights w of a row, times 24, so that G has the rows (6, 0, 0), (-4, -4, -4), (-4, 4, -4),
 *              (1, 2, 4), (1, -2, 4), (0, 0, 24) and u is an integer; |u| <= 24 * 128
 *   m[k]       the sum of u[k] * v[k] over the three rows and all channels, k = 0 .. 5
 *   A m        24 times the four sums of products
 *
 * All arithmetic is modulo 2^32, where multiplying by the inverse of 3 divides by 3: 24 times a sum becomes 8 times the
 * sum, and a shift by 3 gives the exact sum if it is within +-(2^28 - 1). */
#ifndef MICRONETS_WINOGRAD_H
#define MICRONETS_WINOGRAD_H

#include <stddef.h>

#include "micronets_kernels.h"
#include "micronets_offsets.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The outputs of a tile, the inputs of a row under it, and the tiles that are computed together. */
#define MICRONETS_TILE 4
#define MICRONETS_TILE_INPUTS 6
#define MICRONETS_TILES 2

/* Words of transformed inputs for a channel and two tiles: six values, three rows, two tiles, two channels a word. */
#define MICRONETS_WINOGRAD_WORDS 18

/* The inverse of 3 modulo 2^32. */
#define MICRONETS_THIRD 0xaaaaaaabu

/* The record of a layer. The assembly reads the fields at the offsets of micronets_offsets.h. */
typedef struct {
    const uint32_t *weights;          /* u of all filters, see micronets_winograd_multiply */
    const int32_t *bias;              /* packed table of biases and shifts */
    const int32_t *multiplier;        /* packed table of multipliers, one for each channel */
    int32_t filters;                  /* number of filters to compute, at least 1 */
    int32_t bytes;                    /* bytes of the transformed inputs of one product m[k]: 12 for each channel */
    int32_t pitch;                    /* bytes between the codes of adjacent pixels */
    int32_t zero_point;               /* zero point of the output */
    int32_t saturates;                /* 1: saturation to -128 .. 127 is the clamp; 0: by the limits below */
    uint32_t lowest4, highest4;       /* limits of the clamp, as a code in each of four bytes */
    int32_t turn;                     /* 0 .. 2: the row of the windows that is first in the ring of three rows */
    const micronets_requant *requant; /* the layer's requantisation */
} micronets_winograd_block;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(winograd_offsets, MICRONETS_WINOGRAD_OFFSETS_AGREE);
#endif

/* Transforms the six inputs of a row under a tile: v = B d for each channel.
 *
 * x: [in] six pixels of `channels` codes, aligned to 4 bytes.
 * channels: a multiple of four.
 * v: [out] pairs of two channels, (0, 2) and then (1, 3) of every four. Adjacent pairs are 6 words apart, with the
 *   words of the other tile and the other rows in between; v[k] and v[k + 1] of a pair are 3 * channels words apart. */
void micronets_winograd_transform(const int8_t *x, int32_t channels, uint32_t *v);

/* Computes the outputs of two tiles for all filters from the transformed inputs under them.
 *
 * block: [in] the layer's record.
 * v: [in] words [6, pairs of channels, 3 rows, 2 tiles]; the rows are a ring, in which the window's row `turn` is
 *   first. They are multiplied by u: words [filters / 4, 6, pairs of channels, 3 rows, 4 filters], with filters padded
 *   to a multiple of four.
 * output: [out] codes of the first pixel.
 * pixels: the number of pixels from the first one to the end of the row, at least 1; at most eight are written. */
void micronets_winograd_multiply(const micronets_winograd_block *block, const uint32_t *v, int8_t *output,
                                 int32_t pixels);

#ifdef __cplusplus
}
#endif

#endif
