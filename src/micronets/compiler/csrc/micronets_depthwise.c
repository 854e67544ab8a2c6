#include "micronets_dsp.h"
#include "micronets_requantize_block.h"
#include "micronets_taps.h"

/* One output pixel: the taps of `rows` x `columns` of its window lie inside the input, the first at x and w. */
MICRONETS_APART void pixel(const int8_t *x, int8_t *output, const int8_t *w, int32_t rows, int32_t columns, const micronets_window *window,
                  const micronets_requant *requant)
{
    const int32_t c = window->in_c, step = window->dilation_w * c, zero = window->pad_value;
    /* From behind the last tap of a row to the first of the next. */
    const int32_t x_turn = window->dilation_h * window->in_w * c - columns * step, w_turn = (window->kernel_w - columns) * c;
    int32_t i = 0;
    for (; i + 4 <= c; i += 4) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        const int8_t *v = x + i, *u = w + i;
#ifdef MICRONETS_DSP
        const micronets_pair offset = micronets_twice(-zero);
#endif
        for (int32_t ky = rows; ky > 0; ky--) {
            for (int32_t kx = columns; kx > 0; kx--) {
#ifdef MICRONETS_DSP
                const uint32_t values = micronets_load4(v), weights = micronets_load4(u);
                const micronets_pair even = micronets_even_plus(offset, values), odd = micronets_odd_plus(offset, values);
                const micronets_pair w_even = micronets_even(weights), w_odd = micronets_odd(weights);
                s0 = micronets_lows(even, w_even, s0);
                s1 = micronets_lows(odd, w_odd, s1);
                s2 = micronets_highs(even, w_even, s2);
                s3 = micronets_highs(odd, w_odd, s3);
#else
                s0 += (v[0] - zero) * u[0];
                s1 += (v[1] - zero) * u[1];
                s2 += (v[2] - zero) * u[2];
                s3 += (v[3] - zero) * u[3];
#endif
                v += step;
                u += c;
            }
            v += x_turn;
            u += w_turn;
        }
        micronets_requantize_block(s0, s1, s2, s3, output + i, requant, i);
    }
    for (; i < c; i++) {
        int32_t sum = 0, x_at = i, w_at = i;
        for (int32_t ky = 0; ky < rows; ky++) {
            for (int32_t kx = 0; kx < columns; kx++) {
                sum += (x[x_at] - zero) * w[w_at];
                x_at += step;
                w_at += c;
            }
            x_at += x_turn;
            w_at += w_turn;
        }
        output[i] = micronets_requantize(sum, requant, i);
    }
}

void micronets_depthwise(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                         const micronets_requant *requant)
{
    const micronets_window n = *window;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            const int32_t x = ((top + ky0 * n.dilation_h) * n.in_w + left + kx0 * n.dilation_w) * n.in_c;
            const int32_t w = (ky0 * n.kernel_w + kx0) * n.in_c;
            pixel(input + x, output, weights + w, ky1 - ky0, kx1 - kx0, window, requant);
            output += n.out_c;
        }
    }
}
