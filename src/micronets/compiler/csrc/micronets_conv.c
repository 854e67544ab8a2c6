#include "micronets_columns.h"
#include "micronets_dsp.h"
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
    const micronets_window n = *window;
    const int32_t c = n.in_c, count = n.kernel_w * c, size = n.kernel_h * count, pixels = n.out_h * n.out_w;
    const micronets_block block = micronets_prepare(scratch, weights, size, n.filters, requant);
    int8_t *const bytes = (int8_t *)(void *)(scratch + (size + 1) / 2 * 2);
    /* The last window that is inside, in both directions, and from where on its words would not be. */
    const int32_t bottom = n.in_h - 1 - (n.kernel_h - 1) * n.dilation_h, right = n.dilation_w == 1 ? n.in_w - n.kernel_w : -1;
    const int32_t row = n.in_w * c, pitch = n.dilation_h * row, words = (count + 3) & ~3, whole = c % 4 == 0;
    const int32_t safe = (bottom + 1) * row - words;
    int32_t top = -n.pad_top, left = -n.pad_left;
    const int32_t turn = left + n.out_w * n.stride_w;
    for (int32_t p = 0; p < pixels; p += 2) {
        for (int32_t k = 0; k < 2; k++) {
            const int32_t at = top * row + left * c;
            const int32_t inside = top >= 0 && top <= bottom && left >= 0 && left <= right && at <= safe;
            if (inside && whole) {
                micronets_expand(input + at, pitch, n.kernel_h, scratch + k, count);
            } else if (inside) {
                gather_inside(input + at, bytes, scratch + k, n.kernel_h, pitch, count);
            } else if (whole) {
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
        micronets_columns(&block, output, p + 1 < pixels ? n.out_c : 0);
        output += 2 * n.out_c;
    }
}
