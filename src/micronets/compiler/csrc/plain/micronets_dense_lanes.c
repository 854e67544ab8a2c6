#include "micronets_dot_lanes.h"

void micronets_dense_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant)
{
    for (; pixels >= 2; pixels -= 2, input += 2 * inputs, output += 2 * outputs) {
        micronets_dot_lanes_pair(input, input + inputs, output, weights, inputs, outputs, requant);
    }
    if (pixels > 0) {
        micronets_dot_lanes(input, output, weights, inputs, outputs, requant);
    }
}
