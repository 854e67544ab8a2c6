#include "micronets_dsp.h"
#include "micronets_requantize.h"

#if MICRONETS_DSP && !MICRONETS_MVE

/* Writes the largest codes of a window of 2 x 2, of groups of four channels, and returns the end of the output.
 *
 * first: [in] the first code of the window. output: [out] four codes for each group. groups: how many groups there are.
 * step, row: bytes to the next column and to the next line. lowest4, highest4: limits, in each of four bytes. */
MICRONETS_APART int8_t *largest_of_2x2(const int8_t *first, int8_t *output, int32_t groups, int32_t step, int32_t row,
                                       uint32_t lowest4, uint32_t highest4)
{
    for (; groups > 0; groups--, first += 4, output += 4) {
        const uint32_t a = micronets_load4(first), b = micronets_load4(first + step);
        const uint32_t c = micronets_load4(first + row), d = micronets_load4(first + row + step);
        const uint32_t largest = micronets_max4(micronets_max4(a, b), micronets_max4(c, d));
        micronets_store4(output, micronets_clamp4(largest, lowest4, highest4));
    }
    return output;
}

void micronets_max_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                        int32_t highest)
{
    const micronets_window n = *window;
    const int32_t channels = n.in_c, row = n.in_w * channels;
    const uint32_t lowest4 = MICRONETS_REPEAT4(lowest), highest4 = MICRONETS_REPEAT4(highest);
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t y0 = micronets_clamp(top, 0, n.in_h), y1 = micronets_clamp(top + n.kernel_h, 0, n.in_h);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t x0 = micronets_clamp(left, 0, n.in_w), x1 = micronets_clamp(left + n.kernel_w, 0, n.in_w);
            const int32_t width = (x1 - x0) * channels;
            const int8_t *first = input + y0 * row + x0 * channels;
            int32_t c = 0;
            if (y1 - y0 == 2 && x1 - x0 == 2) {
                output = largest_of_2x2(first, output, channels / 4, channels, row, lowest4, highest4);
                c = channels & ~3;
                first += c;
            }
            for (; c + 4 <= channels; c += 4, first += 4, output += 4) { /* four channels at a time */
                const int8_t *line = first;
                uint32_t best = lowest4;
                for (int32_t y = y0; y < y1; y++, line += row) {
                    for (const int8_t *x = line, *const end = line + width; x != end; x += channels) {
                        best = micronets_max4(best, micronets_load4(x));
                    }
                }
                micronets_store4(output, micronets_clamp4(best, lowest4, highest4));
            }
            for (; c < channels; c++, first++) {
                const int8_t *line = first;
                int32_t best = lowest;
                for (int32_t y = y0; y < y1; y++, line += row) {
                    for (const int8_t *x = line, *const end = line + width; x != end; x += channels) {
                        best = *x > best ? *x : best;
                    }
                }
                *output++ = (int8_t)(best < highest ? best : highest);
            }
        }
    }
}

#endif
