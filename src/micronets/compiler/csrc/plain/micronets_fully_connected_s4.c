#include "micronets_dot_by4_s4.h"
#include "micronets_requantize_block.h"

void micronets_fully_connected_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                  int32_t units, const micronets_requant *requant)
{
    const micronets_limits limits = micronets_limits_of(requant);
    const int32_t eightfold = micronets_eightfold_sum(input, inputs);
    for (int32_t f = 0; f < units; f += 4) {
        int32_t sums[4];
        int8_t codes[4];
        const int32_t whole = f + 4 <= units;
        weights = micronets_dot_by4_s4(input, weights, inputs, eightfold, sums);
        micronets_requantize_block(sums[0], sums[1], sums[2], sums[3], whole ? output + f : codes, requant, f, limits);
        for (int32_t k = f; k < units && !whole; k++) {
            output[k] = codes[k - f];
        }
    }
}
