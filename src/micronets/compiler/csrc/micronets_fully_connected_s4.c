#include "micronets_dot.h"
#include "micronets_requantize.h"

void micronets_fully_connected_s4(const int8_t *input, int8_t *output, const uint8_t *weights, int8_t *scratch, int32_t inputs,
                                  int32_t units, const micronets_requant *requant)
{
    const int32_t row_bytes = (inputs + 1) / 2;
    for (int32_t f = 0; f < units; f += 4) {
        const int32_t rows = units - f < 4 ? units - f : 4;
        micronets_requant part = *requant;
        part.bias += f;
        part.multiplier += f * part.step;
        part.shift = part.shift ? part.shift + f * part.step : 0;
        for (int32_t k = 0; k < rows; k++) {
            micronets_unpack_s4(weights + (f + k) * row_bytes, scratch + k * inputs, inputs);
        }
        micronets_fully_connected(input, output + f, scratch, inputs, rows, &part);
    }
}
