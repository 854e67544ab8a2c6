#include "micronets_conv_any_products.h"
#include "micronets_requantize.h"

/* Adds to sums[k] the products of filter k at the output pixel (oy, ox), for k = 0 .. filters - 1.
 *
 * input, window: [in] the arguments of micronets_transpose_conv. w: [in] weights of the first filter. filters: 1 .. 4.
 * sums: [in, out] one for each filter. */
static void add_taps(const int8_t *input, const int8_t *w, const micronets_window *window, int32_t oy, int32_t ox,
                     int32_t filters, int32_t *sums)
{
    const int32_t c = window->in_c, w_row = window->kernel_w * c, pitch = window->kernel_h * w_row;
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = oy + window->pad_top - ky; /* the input row times the stride */
        if (y < 0 || y % window->stride_h != 0 || y / window->stride_h >= window->in_h) {
            continue;
        }
        for (int32_t kx = 0; kx < window->kernel_w; kx++) {
            const int32_t x = ox + window->pad_left - kx;
            if (x < 0 || x % window->stride_w != 0 || x / window->stride_w >= window->in_w) {
                continue;
            }
            const int32_t pixel = y / window->stride_h * window->in_w + x / window->stride_w;
            micronets_conv_any_products(input + pixel * c, window->pad_value, w + ky * w_row + kx * c, 0, pitch, c,
                                        filters, sums);
        }
    }
}

void micronets_transpose_conv(const int8_t *input, int8_t *output, const int8_t *weights,
                              const micronets_window *window, const micronets_requant *requant)
{
    const int32_t size = window->kernel_h * window->kernel_w * window->in_c;
    for (int32_t oy = 0; oy < window->out_h; oy++) {
        for (int32_t ox = 0; ox < window->out_w; ox++) {
            for (int32_t f = 0; f < window->filters; f += 4) {
                const int32_t filters = window->filters - f < 4 ? window->filters - f : 4;
                int32_t sums[4] = {0, 0, 0, 0};
                add_taps(input, weights + f * size, window, oy, ox, filters, sums);
                for (int32_t k = 0; k < filters; k++) {
                    output[f + k] = micronets_requantize(sums[k], requant, f + k);
                }
            }
            output += window->out_c;
        }
    }
}
