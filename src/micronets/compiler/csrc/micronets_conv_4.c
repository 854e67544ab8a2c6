#include "micronets_windows.h"

/* `count` times the padding, as pairs. */
MICRONETS_INLINE uint32_t *fill(uint32_t *column, uint32_t pair, int32_t count)
{
    for (; count > 0; count -= 2) {
        *column = pair;
        column += 2;
    }
    return column;
}

/* The column of the window whose first tap is at (top, left). */
MICRONETS_APART void expand(const int8_t *input, int8_t *bytes, uint32_t *column, int32_t top, int32_t left,
                            const micronets_window *window)
{
    (void)bytes;
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
            column = micronets_expand(x, 0, 1, column, (end - first) * c);
        } else {
            for (int32_t kx = first; kx < end; kx++) {
                column = micronets_expand(x, 0, 1, column, c);
                x += step * c;
            }
        }
        column = fill(column, pad, (width - end) * c);
    }
}

/* The same for a window inside the map. */
MICRONETS_INLINE void expand_inside(const int8_t *x, int8_t *bytes, uint32_t *column, int32_t rows, int32_t pitch,
                                    int32_t count)
{
    (void)bytes;
    micronets_expand(x, pitch, rows, column, count);
}

void micronets_conv_4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                      const micronets_window *window, const micronets_requant *requant)
{
    micronets_windows(input, output, weights, scratch, window, requant, expand_inside, expand);
}
