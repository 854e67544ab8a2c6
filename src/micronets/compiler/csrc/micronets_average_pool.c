#include "micronets_dsp.h"
#include "micronets_requantize.h"

/* Rounded to nearest, halves away from zero. */
MICRONETS_SMALL
MICRONETS_APART int8_t mean(int32_t sum, int32_t count, int32_t lowest, int32_t highest)
{
    const int32_t value = sum < 0 ? -((-sum + count / 2) / count) : (sum + count / 2) / count;
    return (int8_t)micronets_clamp(value, lowest, highest);
}

MICRONETS_SMALL
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest)
{
    const micronets_window n = *window;
    const int32_t channels = n.in_c, row = n.in_w * channels;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t y0 = micronets_clamp(top, 0, n.in_h), y1 = micronets_clamp(top + n.kernel_h, 0, n.in_h);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t x0 = micronets_clamp(left, 0, n.in_w), x1 = micronets_clamp(left + n.kernel_w, 0, n.in_w);
            const int32_t count = (y1 - y0) * (x1 - x0), width = (x1 - x0) * channels;
            const int8_t *first = input + y0 * row + x0 * channels;
            int32_t c = 0;
#ifdef MICRONETS_DSP
            for (; c + 4 <= channels && count < 256; c += 4, first += 4) { /* sums of 16 bits */
                const int8_t *line = first;
                micronets_pair even = 0, odd = 0;
                for (int32_t y = y0; y < y1; y++, line += row) {
                    for (const int8_t *x = line, *const end = line + width; x != end; x += channels) {
                        const uint32_t four = micronets_load4(x);
                        even = micronets_even_plus(even, four);
                        odd = micronets_odd_plus(odd, four);
                    }
                }
                for (int32_t k = 0; k < 2; k++, even >>= 16, odd >>= 16) {
                    *output++ = mean((int16_t)(uint16_t)even, count, lowest, highest);
                    *output++ = mean((int16_t)(uint16_t)odd, count, lowest, highest);
                }
            }
#endif
            for (; c < channels; c++, first++) {
                const int8_t *line = first;
                int32_t sum = 0;
                for (int32_t y = y0; y < y1; y++, line += row) {
                    for (const int8_t *x = line, *const end = line + width; x != end; x += channels) {
                        sum += *x;
                    }
                }
                *output++ = mean(sum, count, lowest, highest);
            }
        }
    }
}
