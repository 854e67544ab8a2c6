#include "micronets_kernels.h"

void micronets_conv_s4(const int8_t *input, int8_t *output, const uint8_t *weights, int8_t *scratch,
                       const micronets_window *window, const micronets_requant *requant)
{
    const int32_t size = window->kernel_h * window->kernel_w * window->in_c;
    const int32_t row_bytes = (size + 1) / 2;
    micronets_window part_window = *window;
    for (int32_t f = 0; f < window->out_c; f += 4) {
        const int32_t filters = window->out_c - f < 4 ? window->out_c - f : 4;
        micronets_requant part = *requant;
        part.bias += f;
        part.multiplier += f * part.step;
        part.shift = part.shift ? part.shift + f * part.step : 0;
        part_window.filters = filters;
        for (int32_t k = 0; k < filters; k++) {
            micronets_unpack_s4(weights + (f + k) * row_bytes, scratch + k * size, size);
        }
        micronets_conv(input, output + f, scratch, &part_window, &part);
    }
}
