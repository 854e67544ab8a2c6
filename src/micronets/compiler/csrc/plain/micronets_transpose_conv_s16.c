#include "micronets_requantize_s16.h"

/* Returns the sum of the products of `count` codes and weights. */
static int64_t products(const int16_t *x, const int8_t *w, int32_t count)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

/* Returns the sum of products of one filter at the output pixel (oy, ox).
 *
 * input: [in] the map. w: [in] weights of the filter. n: [in] the window of micronets_transpose_conv_s16. */
static int64_t gathered(const int16_t *input, const int8_t *w, const micronets_window *n, int32_t oy, int32_t ox)
{
    const int32_t c = n->in_c;
    int64_t sum = 0;
    for (int32_t ky = 0; ky < n->kernel_h; ky++) {
        const int32_t y = oy + n->pad_top - ky; /* the input row times the stride */
        if (y < 0 || y % n->stride_h != 0 || y / n->stride_h >= n->in_h) {
            continue;
        }
        for (int32_t kx = 0; kx < n->kernel_w; kx++) {
            const int32_t x = ox + n->pad_left - kx;
            if (x >= 0 && x % n->stride_w == 0 && x / n->stride_w < n->in_w) {
                const int32_t pixel = y / n->stride_h * n->in_w + x / n->stride_w;
                sum += products(input + pixel * c, w + (ky * n->kernel_w + kx) * c, c);
            }
        }
    }
    return sum;
}

void micronets_transpose_conv_s16(const int16_t *input, int16_t *output, const int8_t *weights,
                                  const micronets_window *window, const micronets_requant_s16 *requant)
{
    const int32_t size = window->kernel_h * window->kernel_w * window->in_c;
    for (int32_t oy = 0; oy < window->out_h; oy++) {
        for (int32_t ox = 0; ox < window->out_w; ox++) {
            for (int32_t f = 0; f < window->filters; f++) {
                const int64_t sum = gathered(input, weights + f * size, window, oy, ox);
                *output++ = micronets_requantize_s16(sum, requant, f);
            }
        }
    }
}
