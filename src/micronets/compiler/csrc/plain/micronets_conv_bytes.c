#include "micronets_dot_bytes.h"
#include "micronets_window_bytes.h"

void micronets_conv_bytes(const int8_t *input, int8_t *output, const uint8_t *weights, int8_t *scratch,
                          const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window *const n = window;
    const int32_t c = n->in_c, row = n->in_w * c, count = n->kernel_w * c, size = n->kernel_h * count;
    const micronets_dot_rows copied = {scratch, 1, size, 0, size};
    const int32_t direct = count >= MICRONETS_DIRECT_ROW; /* shorter rows cost more one by one than copied to one row */
    /* The greatest top and left of a window that lies inside the map; -1 if taps of a row are dilated. */
    const int32_t bottom = n->in_h - 1 - (n->kernel_h - 1) * n->dilation_h;
    const int32_t right = n->dilation_w == 1 ? n->in_w - n->kernel_w : -1;
    for (int32_t oy = 0; oy < n->out_h; oy++) {
        const int32_t top = oy * n->stride_h - n->pad_top;
        int32_t together = 1;
        for (int32_t ox = 0; ox < n->out_w; ox += together, output += together * n->out_c) {
            const int32_t left = ox * n->stride_w - n->pad_left;
            const int32_t inside = direct && top >= 0 && top <= bottom && left >= 0;
#if MICRONETS_DOT_PIXELS == 2
            /* Two pixels go together where both windows lie inside the map, or both are copied. */
            const int32_t next = left + n->stride_w;
            together = ox + 1 < n->out_w && (direct ? inside && next <= right : 1) ? 2 : 1;
            if (together == 2 && !direct) {
                micronets_window_bytes(input, scratch, top, left, n);
                micronets_window_bytes(input, scratch + size, top, next, n);
                micronets_dot_bytes_pair(&copied, output, n->out_c, weights, n->filters, requant);
                continue;
            }
            if (together == 2) {
                const micronets_dot_rows both = {input + top * row + left * c, n->kernel_h, count, n->dilation_h * row,
                                                 n->stride_w * c};
                micronets_dot_bytes_pair(&both, output, n->out_c, weights, n->filters, requant);
                continue;
            }
#endif
            if (inside && left <= right) {
                const micronets_dot_rows one = {input + top * row + left * c, n->kernel_h, count, n->dilation_h * row,
                                                0};
                micronets_dot_bytes(&one, output, weights, n->filters, requant);
            } else {
                micronets_window_bytes(input, scratch, top, left, n);
                micronets_dot_bytes(&copied, output, weights, n->filters, requant);
            }
        }
    }
}
