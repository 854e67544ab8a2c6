#include "micronets_conv_any_products.h"
#include "micronets_requantize.h"
#include "micronets_taps.h"

void micronets_conv_any(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        int32_t groups, int32_t weight_zero, const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c / groups; /* channels that a filter reads */
    const int32_t x_row = n.dilation_h * n.in_w * n.in_c, w_row = n.kernel_w * c, pitch = n.kernel_h * w_row;
    const int32_t group = n.filters / groups; /* filters that read the same channels */
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            /* Taps of a row of the window are adjacent unless they are dilated, or channels lie between. */
            const int32_t together = n.dilation_w == 1 && groups == 1,
                          runs = together ? (kx1 > kx0 ? 1 : 0) : kx1 - kx0;
            const int32_t count = together ? (kx1 - kx0) * c : c;
            const int32_t x_first = (top * n.in_w + left + kx0 * n.dilation_w) * n.in_c;
            for (int32_t f = 0, filters; f < n.filters; f += filters) {
                const int32_t index = f / group, rest = (index + 1) * group - f;
                filters = rest < 4 ? rest : 4;
                int32_t sums[4] = {0, 0, 0, 0};
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    const int8_t *w = weights + f * pitch + ky * w_row + kx0 * c;
                    for (int32_t run = 0; run < runs; run++) {
                        const int8_t *x = input + x_first + ky * x_row + run * n.dilation_w * n.in_c + index * c;
                        micronets_conv_any_products(x, n.pad_value, w + run * c, weight_zero, pitch, count, filters,
                                                    sums);
                    }
                }
                for (int32_t k = 0; k < filters; k++) {
                    output[f + k] = micronets_requantize(sums[k], requant, f + k);
                }
            }
            output += n.out_c;
        }
    }
}
