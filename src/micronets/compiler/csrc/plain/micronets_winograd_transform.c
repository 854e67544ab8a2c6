#include "micronets_winograd.h"
#include "micronets_words.h"

#if !MICRONETS_DSP_ASSEMBLY

/* Writes v = B d of one channel: v[0 .. 5]. d: [in] six values, `step` bytes apart. */
MICRONETS_INLINE void transform(const int8_t *d, int32_t step, int32_t *v)
{
    const int32_t d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    v[0] = 4 * d0 - 5 * d2 + d4;
    v[1] = d4 - 4 * d2 + (d3 - 4 * d1);
    v[2] = d4 - 4 * d2 - (d3 - 4 * d1);
    v[3] = d4 - d2 + 2 * (d3 - d1);
    v[4] = d4 - d2 - 2 * (d3 - d1);
    v[5] = 4 * d1 - 5 * d3 + d5;
}

void micronets_winograd_transform(const int8_t *x, int32_t channels, uint32_t *v)
{
    for (int32_t c = 0; c < channels; c += 4) {
        for (int32_t odd = 0; odd < 2; odd++, v += 3 * MICRONETS_TILES) {
            int32_t low[MICRONETS_TILE_INPUTS], high[MICRONETS_TILE_INPUTS];
            transform(x + c + odd, channels, low);
            transform(x + c + odd + 2, channels, high);
            for (int32_t k = 0; k < MICRONETS_TILE_INPUTS; k++) {
                v[3 * k * channels] = micronets_pack2(low[k], high[k]);
            }
        }
    }
}

#endif
