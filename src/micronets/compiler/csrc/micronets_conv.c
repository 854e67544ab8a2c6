#include "micronets_dot.h"
#include "micronets_requantize_block.h"
#include "micronets_taps.h"

/* Windows of at most this many bytes whose rows are short are gathered first: a short row is not worth a loop of its own. */
#define GATHERED 160
#define SHORT_ROW 32

/* The window whose first tap is at (top, left), rows together, `pad_value` for what lies outside. */
MICRONETS_APART void gather(const int8_t *input, int8_t *target, int32_t top, int32_t left, const micronets_window *window)
{
    const int32_t c = window->in_c;
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        for (int32_t kx = 0; kx < window->kernel_w; kx++) {
            const int32_t x = left + kx * window->dilation_w;
            const int8_t *const end = target + c;
            if (y >= 0 && y < window->in_h && x >= 0 && x < window->in_w) {
                const int8_t *source = input + (y * window->in_w + x) * c;
                while (target < end) {
                    *target++ = *source++;
                }
            }
            while (target < end) {
                *target++ = (int8_t)window->pad_value;
            }
        }
    }
}

/* All filters of one gathered window. */
MICRONETS_APART void pixel(const int8_t *x, int8_t *output, const int8_t *w, int32_t size, const micronets_window *window,
                           const micronets_requant *requant)
{
    const int32_t zero = window->pad_value, filters = window->filters;
    int32_t f = 0;
    for (; f + 4 <= filters; f += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        micronets_dot_4(x, zero, w, size, size, sums);
        micronets_requantize_block(sums[0], sums[1], sums[2], sums[3], output + f, requant, f);
        w += 4 * size;
    }
    for (; f < filters; f++) {
        int32_t sum = 0;
        micronets_dot_1(x, zero, w, size, &sum);
        output[f] = micronets_requantize(sum, requant, f);
        w += size;
    }
}

void micronets_conv(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                    const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c, row = n.kernel_w * c, pitch = n.kernel_h * row;
    const int32_t zero = n.pad_value;
    const int gathers = row <= SHORT_ROW && pitch <= GATHERED && n.filters >= 8;
    int8_t gathered[GATHERED];
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            if (gathers) {
                gather(input, gathered, top, left, window);
                pixel(gathered, output, weights, pitch, window, requant);
                output += n.out_c;
                continue;
            }
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            /* Columns of a window lie together unless they are dilated; rows are n.in_w pixels apart. */
            const int32_t runs = n.dilation_w == 1 ? (kx1 > kx0 ? 1 : 0) : kx1 - kx0;
            const int32_t count = n.dilation_w == 1 ? (kx1 - kx0) * c : c;
            const int32_t x_row = n.dilation_h * n.in_w * c;
            const int32_t x_start = ((top + ky0 * n.dilation_h) * n.in_w + left + kx0 * n.dilation_w) * c;
            const int8_t *w = weights + ky0 * row + kx0 * c;
            int32_t f = 0;
            for (; f + 4 <= n.filters; f += 4) {
                int32_t sums[4] = {0, 0, 0, 0};
                int32_t x_at = x_start, w_at = f * pitch;
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    for (int32_t k = 0; k < runs; k++) {
                        micronets_dot_4(input + x_at + k * n.dilation_w * c, zero, w + w_at + k * c, pitch, count, sums);
                    }
                    x_at += x_row;
                    w_at += row;
                }
                micronets_requantize_block(sums[0], sums[1], sums[2], sums[3], output + f, requant, f);
            }
            for (; f < n.filters; f++) {
                int32_t sum = 0, x_at = x_start, w_at = f * pitch;
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    for (int32_t k = 0; k < runs; k++) {
                        micronets_dot_1(input + x_at + k * n.dilation_w * c, zero, w + w_at + k * c, count, &sum);
                    }
                    x_at += x_row;
                    w_at += row;
                }
                output[f] = micronets_requantize(sum, requant, f);
            }
            output += n.out_c;
        }
    }
}
