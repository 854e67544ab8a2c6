#include "micronets_requantize.h"
#include "micronets_winograd.h"

#if !MICRONETS_DSP_ASSEMBLY

/* Returns m[k] of one filter and one tile: the sum of products over three rows and all channels, modulo 2^32.
 *
 * u: [in] the filter's first word. v: [in] the tile's first word. pairs: pairs of channels. turn: see the record. */
MICRONETS_INLINE uint32_t product(const uint32_t *u, const uint32_t *v, int32_t pairs, int32_t turn)
{
    uint32_t sum = 0;
    for (int32_t i = 0; i < pairs; i++, u += 12, v += 3 * MICRONETS_TILES) {
        for (int32_t slot = 0; slot < 3; slot++) {
            const uint32_t a = u[4 * ((slot + turn) % 3)], b = v[MICRONETS_TILES * slot];
            sum += (uint32_t)(micronets_low_half(a) * micronets_low_half(b));
            sum += (uint32_t)(micronets_high_half(a) * micronets_high_half(b));
        }
    }
    return sum;
}

/* Returns a sum of products from 24 times that sum modulo 2^32. */
MICRONETS_INLINE int32_t exact(uint32_t sum24)
{
    const int32_t sum8 = (int32_t)(sum24 * MICRONETS_THIRD);
    return sum8 >> 3;
}

void micronets_winograd_multiply(const micronets_winograd_block *block, const uint32_t *v, int8_t *output,
                                 int32_t pixels)
{
    const int32_t pairs = block->bytes / 24, all = 12 * pairs; /* words of u of four filters for one k */
    for (int32_t f = 0; f < block->filters; f++) {
        const uint32_t *const u = block->weights + f / 4 * MICRONETS_TILE_INPUTS * all + f % 4;
        for (int32_t tile = 0; tile < MICRONETS_TILES && tile * MICRONETS_TILE < pixels; tile++) {
            uint32_t m[MICRONETS_TILE_INPUTS];
            for (int32_t k = 0; k < MICRONETS_TILE_INPUTS; k++) {
                m[k] = product(u + k * all, v + k * block->bytes / 4 + tile, pairs, block->turn);
            }
            const uint32_t a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
            const uint32_t sums[MICRONETS_TILE] = {m[0] + a + c, b + 2 * d, a + 4 * c, b + 8 * d + m[5]};
            for (int32_t x = 0; x < MICRONETS_TILE && tile * MICRONETS_TILE + x < pixels; x++) {
                output[(tile * MICRONETS_TILE + x) * block->pitch + f] =
                    micronets_requantize(exact(sums[x]), block->requant, f);
            }
        }
    }
}

#endif
