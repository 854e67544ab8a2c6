/* The values under a window of a convolution, copied consecutively. */
#ifndef MICRONETS_WINDOW_BYTES_H
#define MICRONETS_WINDOW_BYTES_H

#include "micronets_bytes.h"
#include "micronets_taps.h"

/* Copies a window, padding included.
 *
 * input: [in] the map. bytes: [out] the window, [kernel_h, kernel_w, in_c]. top, left: position of its first tap in the
 * map, in pixels; negative in the padding. window: [in] its sizes. */
MICRONETS_APART void micronets_window_bytes(const int8_t *input, int8_t *bytes, int32_t top, int32_t left,
                                            const micronets_window *window)
{
    const int32_t c = window->in_c, width = window->kernel_w, step = window->dilation_w, value = window->pad_value;
    const int32_t first = micronets_first_tap(left, step);
    const int32_t end = micronets_end_tap(left, step, width, window->in_w, first);
    const int32_t together = step == 1 && end > first ? end - first : 1; /* taps copied at once */
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        if (y < 0 || y >= window->in_h) {
            bytes = micronets_fill(bytes, value, width * c);
            continue;
        }
        bytes = micronets_fill(bytes, value, (first < width ? first : width) * c);
        for (int32_t kx = first; kx < end; kx += together) {
            bytes = micronets_copy(bytes, input + (y * window->in_w + left + kx * step) * c, together * c);
        }
        bytes = micronets_fill(bytes, value, (width - end) * c);
    }
}

#endif
