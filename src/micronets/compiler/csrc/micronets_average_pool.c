#include "micronets_dsp.h"
#include "micronets_requantize.h"

/* Writes a mean, rounded to nearest, halves away from zero; returns where the next goes. */
MICRONETS_SMALL
MICRONETS_APART int8_t *put(int8_t *output, int32_t sum, int32_t count, int32_t lowest, int32_t highest)
{
    const int32_t half = count / 2, value = (sum + (sum < 0 ? -half : half)) / count;
    *output = (int8_t)micronets_clamp(value, lowest, highest);
    return output + 1;
}

/* Of a window along an axis: what is inside the map. */
typedef struct {
    int32_t first, end;
} span;

MICRONETS_SMALL
MICRONETS_APART span inside(int32_t at, int32_t kernel, int32_t size)
{
    const span r = {at < 0 ? 0 : at, at + kernel < size ? at + kernel : size};
    return r;
}

MICRONETS_SMALL
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest)
{
    const micronets_window *const n = window;
    const int32_t channels = n->in_c, row = n->in_w * channels;
    for (int32_t oy = 0; oy < n->out_h; oy++) {
        const span y = inside(oy * n->stride_h - n->pad_top, n->kernel_h, n->in_h);
        for (int32_t ox = 0; ox < n->out_w; ox++) {
            const span x = inside(ox * n->stride_w - n->pad_left, n->kernel_w, n->in_w);
            const int32_t count = (y.end - y.first) * (x.end - x.first);
            int32_t lines = y.end - y.first, width = (x.end - x.first) * channels;
            if (width == row) { /* one long line */
                width *= lines;
                lines = 1;
            }
            const int8_t *first = input + y.first * row + x.first * channels;
            int32_t c = channels;
#ifdef MICRONETS_DSP
            for (; c >= 4 && count < 256; c -= 4, first += 4) { /* sums of 16 bits */
                const int8_t *line = first;
                micronets_pair even = 0, odd = 0;
                for (int32_t k = lines; k > 0; k--, line += row) {
                    const int8_t *v = line, *const end = line + width;
                    do {
                        const uint32_t four = micronets_load4(v);
                        even = micronets_even_plus(even, four);
                        odd = micronets_odd_plus(odd, four);
                        v += channels;
                    } while (v != end);
                }
                for (int32_t k = 0; k < 2; k++, even >>= 16, odd >>= 16) {
                    output = put(output, (int16_t)(uint16_t)even, count, lowest, highest);
                    output = put(output, (int16_t)(uint16_t)odd, count, lowest, highest);
                }
            }
#endif
            for (; c > 0; c--, first++) {
                const int8_t *line = first;
                int32_t sum = 0;
                for (int32_t k = lines; k > 0; k--, line += row) {
                    for (const int8_t *v = line, *const end = line + width; v != end; v += channels) {
                        sum += *v;
                    }
                }
                output = put(output, sum, count, lowest, highest);
            }
        }
    }
}
