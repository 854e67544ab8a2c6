#include "micronets_requantize.h"

void micronets_depthwise_multiplier(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                                    const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t multiplier = n.out_c / n.in_c;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            for (int32_t c = 0; c < n.out_c; c++) {
                int32_t sum = 0;
                for (int32_t ky = 0; ky < n.kernel_h; ky++) {
                    const int32_t y = oy * n.stride_h - n.pad_top + ky * n.dilation_h;
                    for (int32_t kx = 0; kx < n.kernel_w; kx++) {
                        const int32_t x = ox * n.stride_w - n.pad_left + kx * n.dilation_w;
                        const int inside = y >= 0 && y < n.in_h && x >= 0 && x < n.in_w;
                        if (inside) {
                            const int32_t value = input[(y * n.in_w + x) * n.in_c + c / multiplier];
                            sum += (value - n.pad_value) * weights[(ky * n.kernel_w + kx) * n.out_c + c];
                        }
                    }
                }
                output[c] = micronets_requantize(sum, requant, c);
            }
            output += n.out_c;
        }
    }
}
