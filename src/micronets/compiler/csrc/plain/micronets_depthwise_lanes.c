#include "micronets_depthwise_lanes.h"

#include "micronets_requantize.h"
#include "micronets_window_bytes.h"

#if !MICRONETS_MVE

void micronets_depthwise_pixel(const micronets_tap_steps *steps, const int8_t *x, int8_t *output, const int8_t *weights,
                               int32_t channels, const micronets_requant *requant)
{
    const int32_t taps = steps->rows * steps->columns;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t entry = (c & ~7) | (c & 1) << 2 | (c & 7) >> 1;
        const int8_t *w = weights + (c & ~7) * taps + (c & 7), *row = x + c;
        uint32_t sum = 0; /* it wraps at 32 bits */
        for (int32_t ky = 0; ky < steps->rows; ky++, row += steps->row) {
            for (int32_t kx = 0; kx < steps->columns; kx++, w += 8) {
                sum += (uint32_t)(row[kx * steps->column] * *w);
            }
        }
        output[c] = micronets_requantize((int32_t)sum, requant, entry);
    }
}

#endif

void micronets_depthwise_lanes(const int8_t *input, int8_t *output, const int8_t *weights, int8_t *scratch,
                               const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window *const n = window;
    const int32_t c = n->in_c, row = n->in_w * c;
    const micronets_tap_steps direct = {n->kernel_h, n->kernel_w, n->dilation_h * row, n->dilation_w * c};
    const micronets_tap_steps copied = {n->kernel_h, n->kernel_w, n->kernel_w * c, c};
    /* The greatest top and left of a window that lies inside the map. */
    const int32_t bottom = n->in_h - 1 - (n->kernel_h - 1) * n->dilation_h;
    const int32_t right = n->in_w - 1 - (n->kernel_w - 1) * n->dilation_w;
    for (int32_t oy = 0; oy < n->out_h; oy++) {
        const int32_t top = oy * n->stride_h - n->pad_top, inside = top >= 0 && top <= bottom;
        for (int32_t ox = 0; ox < n->out_w; ox++, output += c) {
            const int32_t left = ox * n->stride_w - n->pad_left;
            if (inside && left >= 0 && left <= right) {
                micronets_depthwise_pixel(&direct, input + top * row + left * c, output, weights, c, requant);
            } else {
                micronets_window_bytes(input, scratch, top, left, n);
                micronets_depthwise_pixel(&copied, scratch, output, weights, c, requant);
            }
        }
    }
}
