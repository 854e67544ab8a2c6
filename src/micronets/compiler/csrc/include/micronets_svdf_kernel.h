/* The SVDF kernels. A file defines MICRONETS_SVDF, the name of the function, MICRONETS_AGED_SUM, the name of a helper
 * function, MICRONETS_KEPT, the type of the kept products, and MICRONETS_WORD_PRODUCTS, which adds the products of two
 * words, and includes this header, which undefines them. */
#include "micronets_dsp.h"
#include "micronets_kernels.h"
#include "micronets_requantize.h"
#include "micronets_state.h"

/* The limits of the type. */
#define MICRONETS_KEPT_HIGHEST ((1 << (8 * (int32_t)sizeof(MICRONETS_KEPT) - 1)) - 1)
#define MICRONETS_KEPT_LOWEST (-MICRONETS_KEPT_HIGHEST - 1)

/* Shifts the products of a filter by one, appends the newest, and returns their sum weighted by age.
 *
 * kept: [in, out] `memory` products, the oldest first. ages: [in] their weights. newest: the product that is added. */
MICRONETS_INLINE uint32_t MICRONETS_AGED_SUM(MICRONETS_KEPT *kept, const MICRONETS_KEPT *ages, int32_t memory,
                                             MICRONETS_KEPT newest)
{
    const int32_t size = (int32_t)sizeof(MICRONETS_KEPT);
#if MICRONETS_DSP
    if (memory * size % 4 == 0) { /* whole words: each takes the first product of the next one */
        int8_t *word = (int8_t *)kept, *const last = word + (memory * size - 4);
        const int8_t *weights = (const int8_t *)ages;
        uint32_t here = micronets_load4(word);
        int32_t sum = 0;
        while (word != last) {
            const uint32_t next = micronets_load4(word + 4);
            here = here >> (8 * size) | next << (32 - 8 * size);
            micronets_store4(word, here);
            sum = MICRONETS_WORD_PRODUCTS(here, micronets_load4(weights), sum);
            word += 4;
            weights += 4;
            here = next;
        }
        here = here >> (8 * size) | (uint32_t)newest << (32 - 8 * size);
        micronets_store4(word, here);
        return (uint32_t)MICRONETS_WORD_PRODUCTS(here, micronets_load4(weights), sum);
    }
#endif
    const MICRONETS_KEPT *const end = ages + (memory - 1);
    uint32_t sum = (uint32_t)(newest * *end);
    for (; ages != end; kept++, ages++) {
        const int32_t product = kept[1];
        *kept = (MICRONETS_KEPT)product;
        sum += (uint32_t)(product * *ages);
    }
    *kept = newest;
    (void)size;
    return sum;
}

void MICRONETS_SVDF(const int8_t *input, int8_t *output, const int8_t *arena, int32_t offset, int16_t *products,
                    const micronets_svdf *svdf)
{
    const micronets_svdf n = *svdf;
    const MICRONETS_KEPT *ages = (const MICRONETS_KEPT *)n.ages;
    MICRONETS_KEPT *kept = (MICRONETS_KEPT *)(void *)(micronets_state_of(arena) + offset);
    micronets_dense_s16(input, products, &n.features);
    for (int32_t unit = 0; unit * n.rank < n.features.outputs; unit++) {
        uint32_t sum = (uint32_t)n.bias[unit];
        for (int32_t k = 0; k < n.rank; k++, kept += n.memory, ages += n.memory) {
            const int32_t product = micronets_clamp(*products++, MICRONETS_KEPT_LOWEST, MICRONETS_KEPT_HIGHEST);
            sum += MICRONETS_AGED_SUM(kept, ages, n.memory, (MICRONETS_KEPT)(product + n.kept_zero));
        }
        const int32_t value = micronets_multiply((int32_t)sum, n.multiplier, n.shift);
        output[unit] = (int8_t)(micronets_clamp(value, -128 - n.zero_point, 127 - n.zero_point) + n.zero_point);
    }
}

#undef MICRONETS_SVDF
#undef MICRONETS_AGED_SUM
#undef MICRONETS_KEPT
#undef MICRONETS_KEPT_HIGHEST
#undef MICRONETS_KEPT_LOWEST
#undef MICRONETS_WORD_PRODUCTS
