#include "micronets_dot.h"
#include "micronets_requantize_block.h"

void micronets_fully_connected(const int8_t *input, int8_t *output, const int8_t *weights, int32_t inputs, int32_t units,
                               const micronets_requant *requant)
{
    int32_t f = 0;
    for (; f + 4 <= units; f += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        micronets_dot_4(input, 0, weights + f * inputs, inputs, inputs, sums);
        micronets_requantize_block(sums[0], sums[1], sums[2], sums[3], output + f, requant, f);
    }
    for (; f < units; f++) {
        int32_t sum = 0;
        micronets_dot_1(input, 0, weights + f * inputs, inputs, &sum);
        output[f] = micronets_requantize(sum, requant, f);
    }
}
