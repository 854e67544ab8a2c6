#include "micronets_dsp.h"
#include "micronets_requantize.h"
#include "micronets_taps.h"

/* sums[k] += (x - zero) . (w + k * pitch) over `count` values, for k = 0 .. filters - 1, at most 4. */
MICRONETS_APART void several(const int8_t *x, int32_t zero, const int8_t *w, int32_t pitch, int32_t count, int32_t filters,
                             int32_t *sums)
{
    int32_t i = 0;
#ifdef MICRONETS_DSP
    if (filters == 4) {
        const micronets_pair offset = micronets_twice(-zero);
        const int8_t *w2 = w + 2 * pitch;
        int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
        for (; i + 4 <= count; i += 4) {
            const uint32_t v = micronets_load4(x + i);
            const micronets_pair even = micronets_even_plus(offset, v), odd = micronets_odd_plus(offset, v);
            const uint32_t a = micronets_load4(w + i), b = micronets_load4(w + pitch + i);
            const uint32_t c = micronets_load4(w2 + i), d = micronets_load4(w2 + pitch + i);
            s0 = micronets_both(odd, micronets_odd(a), micronets_both(even, micronets_even(a), s0));
            s1 = micronets_both(odd, micronets_odd(b), micronets_both(even, micronets_even(b), s1));
            s2 = micronets_both(odd, micronets_odd(c), micronets_both(even, micronets_even(c), s2));
            s3 = micronets_both(odd, micronets_odd(d), micronets_both(even, micronets_even(d), s3));
        }
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
    }
#endif
    for (; i < count; i++) {
        for (int32_t k = 0; k < filters; k++) {
            sums[k] += (x[i] - zero) * w[k * pitch + i];
        }
    }
}

void micronets_conv_any(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c, x_row = n.dilation_h * n.in_w * c, w_row = n.kernel_w * c, pitch = n.kernel_h * w_row;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            /* Columns of a window lie together unless they are dilated. */
            const int32_t together = n.dilation_w == 1, runs = together ? (kx1 > kx0 ? 1 : 0) : kx1 - kx0;
            const int32_t count = together ? (kx1 - kx0) * c : c;
            const int32_t x_first = (top * n.in_w + left + kx0 * n.dilation_w) * c;
            for (int32_t f = 0; f < n.filters; f += 4) {
                const int32_t filters = n.filters - f < 4 ? n.filters - f : 4;
                int32_t sums[4] = {0, 0, 0, 0};
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    const int8_t *w = weights + f * pitch + ky * w_row + kx0 * c;
                    for (int32_t run = 0; run < runs; run++) {
                        const int8_t *x = input + x_first + ky * x_row + run * n.dilation_w * c;
                        several(x, n.pad_value, w + run * c, pitch, count, filters, sums);
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
