#include "micronets_dot.h"
#include "micronets_requantize.h"

/* Sums of products of the window whose first pixel is (top, left) with 1 or 4 filters. */
static inline void window_sums(const int8_t *input, const int8_t *weights, const micronets_window *n, int32_t top, int32_t left,
                               int32_t filters, int32_t *sums)
{
    const int32_t c = n->in_c, row = n->kernel_w * c, pitch = n->kernel_h * row;
    const int32_t run = n->dilation_w == 1 ? n->kernel_w : 1; /* columns of a window that lie together */
    for (int32_t ky = 0; ky < n->kernel_h; ky++) {
        const int32_t y = top + ky * n->dilation_h;
        for (int32_t kx = 0; kx < n->kernel_w; kx += run) {
            const int8_t *w = weights + ky * row + kx * c;
            const int32_t x = left + kx * n->dilation_w;
            if (y < 0 || y >= n->in_h) {
                micronets_dot_constant(n->pad_value, w, pitch, run * c, filters, sums);
                continue;
            }
            const int32_t first = micronets_clamp(-x, 0, run);
            const int32_t end = micronets_clamp(n->in_w - x, first, run);
            if (first > 0) {
                micronets_dot_constant(n->pad_value, w, pitch, first * c, filters, sums);
            }
            if (end > first) {
                micronets_dot(input + (y * n->in_w + x + first) * c, w + first * c, pitch, (end - first) * c, filters, sums);
            }
            if (end < run) {
                micronets_dot_constant(n->pad_value, w + end * c, pitch, (run - end) * c, filters, sums);
            }
        }
    }
}

void micronets_conv(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                    const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t pitch = n.kernel_h * n.kernel_w * n.in_c;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            int32_t f = 0;
            for (; f + 4 <= n.filters; f += 4) {
                int32_t sums[4] = {0, 0, 0, 0};
                window_sums(input, weights + f * pitch, &n, top, left, 4, sums);
                for (int32_t k = 0; k < 4; k++) {
                    output[f + k] = micronets_requantize(sums[k], requant, f + k);
                }
            }
            for (; f < n.filters; f++) {
                int32_t sum = 0;
                window_sums(input, weights + f * pitch, &n, top, left, 1, &sum);
                output[f] = micronets_requantize(sum, requant, f);
            }
            output += n.out_c;
        }
    }
}
