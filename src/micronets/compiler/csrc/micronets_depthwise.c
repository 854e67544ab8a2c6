#include "micronets_requantize.h"

/* Sums over the window of `block` channels from channel c on; block is 1 or 4. */
static inline void channel_sums(const int8_t *input, const int8_t *weights, const micronets_window *n, int32_t top,
                                int32_t left, int32_t c, int32_t block, int32_t *sums)
{
    for (int32_t ky = 0; ky < n->kernel_h; ky++) {
        const int32_t y = top + ky * n->dilation_h;
        for (int32_t kx = 0; kx < n->kernel_w; kx++) {
            const int32_t x = left + kx * n->dilation_w;
            const int8_t *w = weights + (ky * n->kernel_w + kx) * n->out_c + c;
            if (y < 0 || y >= n->in_h || x < 0 || x >= n->in_w) {
                for (int32_t k = 0; k < block; k++) {
                    sums[k] += n->pad_value * w[k];
                }
                continue;
            }
            const int8_t *v = input + (y * n->in_w + x) * n->in_c + c;
            for (int32_t k = 0; k < block; k++) {
                sums[k] += v[k] * w[k];
            }
        }
    }
}

void micronets_depthwise(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                         const micronets_requant *requant)
{
    const micronets_window n = *window;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            int32_t c = 0;
            for (; c + 4 <= n.out_c; c += 4) {
                int32_t sums[4] = {0, 0, 0, 0};
                channel_sums(input, weights, &n, top, left, c, 4, sums);
                for (int32_t k = 0; k < 4; k++) {
                    output[c + k] = micronets_requantize(sums[k], requant, c + k);
                }
            }
            for (; c < n.out_c; c++) {
                int32_t sum = 0;
                channel_sums(input, weights, &n, top, left, c, 1, &sum);
                output[c] = micronets_requantize(sum, requant, c);
            }
            output += n.out_c;
        }
    }
}
