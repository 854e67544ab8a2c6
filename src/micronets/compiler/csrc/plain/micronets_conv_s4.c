#include "micronets_kernels.h"

void micronets_conv_s4(const int8_t *input, int8_t *output, const uint8_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant)
{
    const int32_t size = window->kernel_h * window->kernel_w * window->in_c, pairs = (size + 1) / 2;
    uint32_t *const words = scratch, *const columns = scratch + 2 * pairs;
    micronets_window part = *window;
    micronets_requant scales = *requant;
    for (int32_t f = 0; f < window->out_c; f += 4) {
        part.filters = (uint16_t)(window->out_c - f < 4 ? window->out_c - f : 4);
        micronets_unpack_weights_s4(weights, words, pairs);
        if (window->in_c % 4 == 0) {
            micronets_conv_c4(input, output + f, words, columns, &part, &scales);
        } else {
            micronets_conv(input, output + f, words, columns, &part, &scales);
        }
        weights += 4 * pairs;
        scales.bias += 4;
        scales.multiplier += 4;
    }
}
