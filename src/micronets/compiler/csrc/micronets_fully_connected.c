#include "micronets_dot.h"
#include "micronets_requantize_block.h"

void micronets_fully_connected(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs, int32_t units,
                               const micronets_requant *requant)
{
    for (int32_t f = 0; f < units; f += 4) {
        int32_t sums[4];
        weights = micronets_dot(input, weights, inputs, sums);
        if (f + 4 <= units) {
            micronets_requantize_block(sums[0], sums[1], sums[2], sums[3], output + f, requant, f);
        } else {
            for (int32_t k = 0; f + k < units; k++) {
                output[f + k] = micronets_requantize(sums[k], requant, f + k);
            }
        }
    }
}
