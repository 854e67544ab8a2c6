#include "micronets_requantize_s16.h"
#include "micronets_taps.h"

void micronets_depthwise_s16(const int16_t *input, int16_t *output, const int8_t *weights,
                             const micronets_window *window, int32_t multiplier, const micronets_requant_s16 *requant)
{
    const micronets_window n = *window;
    const int32_t x_row = n.dilation_h * n.in_w * n.in_c, x_step = n.dilation_w * n.in_c, w_row = n.kernel_w * n.out_c;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            const int32_t x_first = (top * n.in_w + left + kx0 * n.dilation_w) * n.in_c;
            for (int32_t f = 0, c = 0, copy = 0; f < n.out_c; f++) {
                int64_t sum = 0;
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    const int16_t *x = input + x_first + ky * x_row + c;
                    const int8_t *w = weights + ky * w_row + kx0 * n.out_c + f;
                    for (int32_t taps = kx1 - kx0; taps > 0; taps--) {
                        sum += (int32_t)*x * *w;
                        x += x_step;
                        w += n.out_c;
                    }
                }
                output[f] = micronets_requantize_s16(sum, requant, f);
                if (++copy == multiplier) { /* each input channel makes so many output channels */
                    copy = 0;
                    c++;
                }
            }
            output += n.out_c;
        }
    }
}
