#include "micronets_dot_bytes.h"

void micronets_dense_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant)
{
    micronets_dot_rows pixel = {input, 1, inputs, 0};
    for (int32_t k = 0; k < pixels; k++, pixel.x += inputs, output += outputs) {
        micronets_dot_bytes(&pixel, output, weights, outputs, requant);
    }
}
