#include "micronets_dsp.h"
#include "micronets_windows.h"

/* `count` bytes, by words where there are enough: the last word may take some of the one before it along. */
MICRONETS_INLINE int8_t *copy(int8_t *target, const int8_t *source, int32_t count)
{
    int8_t *const end = target + count;
#ifdef MICRONETS_DSP
    if (count >= 4) {
        const int8_t *const last = source + count - 4;
        for (; source < last; source += 4, target += 4) {
            micronets_store4(target, micronets_load4(source));
        }
        micronets_store4(end - 4, micronets_load4(last));
        return end;
    }
#endif
    while (target < end) {
        *target++ = *source++;
    }
    return end;
}

/* `count` times the padding. */
MICRONETS_INLINE int8_t *pad(int8_t *target, int32_t value, int32_t count)
{
    for (; count > 0; count--) {
        *target++ = (int8_t)value;
    }
    return target;
}

/* The same for any number of channels: first its bytes, then their pairs. */
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
            target = pad(target, value, width * c);
        } else {
            target = pad(target, value, before);
            if (step == 1) {
                target = copy(target, x, inside);
            } else {
                for (int32_t kx = 0; kx < end - first; kx++) {
                    target = copy(target, x + kx * step * c, c);
                }
            }
            target = pad(target, value, behind);
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
