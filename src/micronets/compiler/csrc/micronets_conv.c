#include "micronets_columns.h"
#include "micronets_taps.h"

/* `count` times the padding, as pairs. */
MICRONETS_INLINE uint32_t *fill(uint32_t *column, uint32_t pair, int32_t count)
{
    for (; count > 0; count -= 2) {
        *column = pair;
        column += 2;
    }
    return column;
}

/* The column of the window whose first tap is at (top, left), for pixels of a multiple of four channels. */
MICRONETS_APART void expand(const int8_t *input, uint32_t *column, int32_t top, int32_t left, const micronets_window *window)
{
    const int32_t c = window->in_c, width = window->kernel_w, step = window->dilation_w;
    const uint32_t pad = ((uint32_t)window->pad_value & 0xffffu) | (uint32_t)window->pad_value << 16;
    const int32_t first = micronets_first_tap(left, step);
    const int32_t end = micronets_end_tap(left, step, width, window->in_w, first);
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        if (y < 0 || y >= window->in_h || first >= end) {
            column = fill(column, pad, width * c);
            continue;
        }
        const int8_t *x = input + (y * window->in_w + left + first * step) * c;
        column = fill(column, pad, first * c);
        if (step == 1) {
            column = micronets_expand(x, column, (end - first) * c);
        } else {
            for (int32_t kx = first; kx < end; kx++) {
                column = micronets_expand(x, column, c);
                x += step * c;
            }
        }
        column = fill(column, pad, (width - end) * c);
    }
}

/* The same for any number of channels: first its bytes, then their pairs. */
MICRONETS_APART void gather(const int8_t *input, int8_t *bytes, uint32_t *column, int32_t top, int32_t left,
                            const micronets_window *window)
{
    const int32_t c = window->in_c, step = window->dilation_w;
    int8_t *target = bytes;
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        const int32_t inside = y >= 0 && y < window->in_h;
        for (int32_t kx = 0; kx < window->kernel_w; kx++) {
            const int32_t x = left + kx * step;
            const int8_t *const end = target + c;
            if (inside && x >= 0 && x < window->in_w) {
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
    micronets_expand(bytes, column, (int32_t)(target - bytes));
}

void micronets_conv(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                    const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t pairs = (n.kernel_h * n.kernel_w * n.in_c + 1) / 2, pixels = n.out_h * n.out_w;
    int8_t *const bytes = (int8_t *)(void *)(scratch + 2 * pairs);
    int32_t top = -n.pad_top, left = -n.pad_left;
    const int32_t turn = left + n.out_w * n.stride_w;
    for (int32_t p = 0; p < pixels; p += 2) {
        for (int32_t k = 0; k < 2; k++) {
            if (n.in_c % 4 == 0) {
                expand(input, scratch + k, top, left, window);
            } else {
                gather(input, bytes, scratch + k, top, left, window);
            }
            if (p + k + 1 < pixels) { /* else the last pixel again */
                left += n.stride_w;
                if (left == turn) {
                    left = -n.pad_left;
                    top += n.stride_h;
                }
            }
        }
        micronets_columns(scratch, output, weights, pairs, n.filters, p + 1 < pixels ? n.out_c : 0, requant);
        output += 2 * n.out_c;
    }
}
