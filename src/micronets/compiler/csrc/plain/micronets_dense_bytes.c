#include "micronets_dot_bytes.h"

void micronets_dense_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int32_t pixels, int32_t inputs,
                           int32_t outputs, const micronets_requant *requant)
{
    micronets_dot_rows pixel = {input, 1, inputs, 0, inputs};
#if MICRONETS_DOT_PIXELS == 2
    for (; pixels >= 2; pixels -= 2, pixel.x += 2 * inputs, output += 2 * outputs) {
        micronets_dot_bytes_pair(&pixel, output, outputs, weights, outputs, requant);
    }
#endif
    for (; pixels > 0; pixels--, pixel.x += inputs, output += outputs) {
        micronets_dot_bytes(&pixel, output, weights, outputs, requant);
    }
}
