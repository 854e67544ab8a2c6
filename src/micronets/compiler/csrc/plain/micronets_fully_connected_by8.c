#include "micronets_requantize_block.h"
#include "micronets_words.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_fully_connected_by8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                   int32_t units, const micronets_requant *requant)
{
    const micronets_limits limits = micronets_limits_of(requant);
    for (int32_t f = 0; f < units; f += 8) {
        uint32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int32_t i = 0; i < inputs; i += i % 2 ? 3 : 1) { /* the pairs (0, 2), (1, 3), (4, 6), (5, 7), ... */
            for (int32_t k = 0; k < 8; k += 2, weights++) {
                const int32_t a = input[i], b = input[i + 2];
                sums[k] += (uint32_t)(a * micronets_low_byte(*weights) + b * micronets_low_byte(*weights >> 16));
                sums[k + 1] += (uint32_t)(a * micronets_low_half(*weights) + b * micronets_high_half(*weights));
            }
        }
        for (int32_t k = 1; k < 8; k += 2) { /* the product with whole words is sum k - 1 + 256 * sum k */
            sums[k] = (uint32_t)((int32_t)(sums[k] - sums[k - 1]) >> 8);
        }
        for (int32_t k = 0; k < 8; k += 4) {
            micronets_requantize_block((int32_t)sums[k], (int32_t)sums[k + 1], (int32_t)sums[k + 2],
                                       (int32_t)sums[k + 3], output + f + k, requant, f + k, limits);
        }
    }
}

#endif
