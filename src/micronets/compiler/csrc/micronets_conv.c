#include "micronets_bytes.h"
#include "micronets_dsp.h"
#include "micronets_windows.h"

/* The column of the window whose first tap is at (top, left): first its bytes, then their pairs. */
MICRONETS_SMALL
MICRONETS_APART void gather(const int8_t *input, int8_t *bytes, uint32_t *column, int32_t top, int32_t left,
                            const micronets_window *window)
{
    const int32_t c = window->in_c, width = window->kernel_w, step = window->dilation_w, value = window->pad_value;
    const int32_t first = micronets_first_tap(left, step);
    const int32_t end = micronets_end_tap(left, step, width, window->in_w, first);
    const int32_t before = first * c, inside = (end - first) * c, behind = (width - end) * c;
    const int32_t row = window->in_w * c;
    const int8_t *x = input + top * row + (left + first * step) * c;
    int8_t *target = bytes;
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        if (y < 0 || y >= window->in_h || inside <= 0) {
            target = micronets_fill(target, value, width * c);
        } else {
            target = micronets_fill(target, value, before);
            if (step == 1) {
                target = micronets_copy(target, x, inside);
            } else {
                for (int32_t kx = 0; kx < end - first; kx++) {
                    target = micronets_copy(target, x + kx * step * c, c);
                }
            }
            target = micronets_fill(target, value, behind);
        }
        x += window->dilation_h * row;
    }
    micronets_expand(bytes, 0, 1, column, (int32_t)(target - bytes));
}

/* The same for a window inside the map: whole words of every row; what is too much is written over by the next. */
MICRONETS_APART void gather_inside(const int8_t *x, int8_t *bytes, uint32_t *column, int32_t rows, int32_t pitch, int32_t count)
{
    int8_t *target = bytes;
    for (; rows > 0; rows--) {
#ifdef MICRONETS_DSP
        for (int32_t i = 0; i < count; i += 4) {
            micronets_store4(target + i, micronets_load4(x + i));
        }
#else
        for (int32_t i = 0; i < count; i++) {
            target[i] = x[i];
        }
#endif
        target += count;
        x += pitch;
    }
    micronets_expand(bytes, 0, 1, column, (int32_t)(target - bytes));
}

void micronets_conv(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                    const micronets_window *window, const micronets_requant *requant)
{
    micronets_windows(input, output, weights, scratch, window, requant, gather_inside, gather);
}
