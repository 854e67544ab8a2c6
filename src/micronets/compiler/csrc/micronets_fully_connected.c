#include "micronets_dot.h"
#include "micronets_requantize.h"

void micronets_fully_connected(const int8_t *input, int8_t *output, const int8_t *weights, int32_t inputs, int32_t units,
                               const micronets_requant *requant)
{
    int32_t f = 0;
    for (; f + 4 <= units; f += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        micronets_dot(input, weights + f * inputs, inputs, inputs, 4, sums);
        for (int32_t k = 0; k < 4; k++) {
            output[f + k] = micronets_requantize(sums[k], requant, f + k);
        }
    }
    for (; f < units; f++) {
        int32_t sum = 0;
        micronets_dot(input, weights + f * inputs, inputs, inputs, 1, &sum);
        output[f] = micronets_requantize(sum, requant, f);
    }
}
