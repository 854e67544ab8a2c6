#include "micronets_dot_lanes.h"
#include "micronets_window_bytes.h"

void micronets_conv_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int8_t *scratch,
                          const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window *const n = window;
    const int32_t size = n->kernel_h * n->kernel_w * n->in_c;
    int8_t *const second = scratch + size;
    for (int32_t oy = 0; oy < n->out_h; oy++) {
        const int32_t top = oy * n->stride_h - n->pad_top;
        int32_t left = -n->pad_left, columns = n->out_w;
        for (; columns >= 2; columns -= 2, left += 2 * n->stride_w, output += 2 * n->filters) {
            micronets_window_bytes(input, scratch, top, left, n);
            micronets_window_bytes(input, second, top, left + n->stride_w, n);
            micronets_dot_lanes_pair(scratch, second, output, weights, size, n->filters, requant);
        }
        if (columns > 0) {
            micronets_window_bytes(input, scratch, top, left, n);
            micronets_dot_lanes(scratch, output, weights, size, n->filters, requant);
            output += n->filters;
        }
    }
}
