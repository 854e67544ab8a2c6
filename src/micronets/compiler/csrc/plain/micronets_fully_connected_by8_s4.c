#include "micronets_dot_by4_s4.h"
#include "micronets_requantize_block.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_fully_connected_by8_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                      int32_t units, const micronets_requant *requant)
{
    const micronets_limits limits = micronets_limits_of(requant);
    const int32_t eightfold = micronets_eightfold_sum(input, inputs);
    for (int32_t f = 0; f < units; f += 4) {
        uint32_t sums[4] = {0, 0, 0, 0};
        const uint32_t *w = weights + f / 8 * inputs + f / 4 % 2;
        /* The pairs (0, 2), (1, 3), (4, 6), (5, 7), ... */
        for (int32_t i = 0; i < inputs; i += i % 2 ? 3 : 1, w += 2) {
            micronets_add_products_s4(input[i], input[i + 2], *w, sums);
        }
        int32_t found[4];
        micronets_divide_sums_s4(sums, eightfold, found);
        micronets_requantize_block(found[0], found[1], found[2], found[3], output + f, requant, f, limits);
    }
}

#endif
