#include "micronets_conv_c4_edge.h"
#include "micronets_conv_c4_im2col.h"
#include "micronets_taps.h"

/* Writes the padding, as a pair, in the place of `count` values, a multiple of four. Returns the address of the next
 * pair. */
MICRONETS_APART uint32_t *fill_pairs(uint32_t *column, uint32_t pair, int32_t count)
{
    for (; count > 0; count -= 4, column += 4) {
        column[0] = pair;
        column[2] = pair;
    }
    return column;
}

void micronets_conv_c4_edge(const int8_t *input, uint32_t *column, int32_t top, int32_t left,
                            const micronets_window *window)
{
    const int32_t c = window->in_c, width = window->kernel_w, step = window->dilation_w;
    const uint32_t pad = micronets_pack2(window->pad_value, window->pad_value);
    const int32_t first = micronets_first_tap(left, step);
    const int32_t end = micronets_end_tap(left, step, width, window->in_w, first);
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        if (y < 0 || y >= window->in_h || first >= end) {
            column = fill_pairs(column, pad, width * c);
            continue;
        }
        const int8_t *x = input + (y * window->in_w + left + first * step) * c;
        column = fill_pairs(column, pad, first * c);
        if (step == 1) {
            column = micronets_im2col_quads(x, column, (end - first) * c);
        } else {
            for (int32_t kx = first; kx < end; kx++) {
                column = micronets_im2col_quads(x, column, c);
                x += step * c;
            }
        }
        column = fill_pairs(column, pad, (width - end) * c);
    }
}
