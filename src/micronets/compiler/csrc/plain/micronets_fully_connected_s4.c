#include "micronets_kernels.h"

void micronets_fully_connected_s4(const int8_t *input, int8_t *output, const uint8_t *weights, uint32_t *scratch,
                                  int32_t inputs, int32_t units, const micronets_requant *requant)
{
    const int32_t pairs = (inputs + 1) / 2;
    micronets_requant scales = *requant;
    for (int32_t f = 0; f < units; f += 4) {
        micronets_unpack_weights_s4(weights, scratch, pairs);
        micronets_fully_connected(input, output + f, scratch, inputs, units - f < 4 ? units - f : 4, &scales);
        weights += 4 * pairs;
        scales.bias += 4;
        scales.multiplier += 4 * scales.per_channel;
    }
}
