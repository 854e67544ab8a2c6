#include "micronets_requantize.h"
#include "micronets_taps.h"

void micronets_conv_any(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c, x_row = n.dilation_h * n.in_w * c, x_step = n.dilation_w * c;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            for (int32_t f = 0; f < n.filters; f++) {
                int32_t sum = 0;
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    for (int32_t kx = kx0; kx < kx1; kx++) {
                        const int32_t x = (top * n.in_w + left) * c + ky * x_row + kx * x_step;
                        const int32_t w = ((f * n.kernel_h + ky) * n.kernel_w + kx) * c;
                        for (int32_t i = 0; i < c; i++) {
                            sum += (input[x + i] - n.pad_value) * weights[w + i];
                        }
                    }
                }
                output[f] = micronets_requantize(sum, requant, f);
            }
            output += n.out_c;
        }
    }
}
