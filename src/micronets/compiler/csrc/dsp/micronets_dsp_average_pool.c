#include "micronets_average_pool.h"
#include "micronets_dsp.h"

#if MICRONETS_DSP

/* Returns a mean plus 128, rounded to nearest, halves away from zero. The rounded mean is (2 * sum + count) / (2 *
 * count), rounded down, with a numerator less by 1 if the sum is negative. A numerator that is larger by 256 * count
 * makes the result larger by 128, and not negative.
 *
 * sum: of the codes. offset: 257 * count, where count is 2 .. 255. inverse: 2^31 / count, rounded up. Numerators are
 * below 2^17, so the quotient is exact. */
MICRONETS_INLINE int32_t upper_mean(int32_t sum, int32_t offset, int32_t inverse)
{
    const int32_t numerator = offset + sum * 2 + (sum >> 31);
    return (int32_t)(((int64_t)numerator * inverse) >> 32);
}

/* Returns four means as bytes of a word; even, odd: the sums of the codes 0 and 2, and of 1 and 3, as pairs. */
MICRONETS_INLINE uint32_t four_means(micronets_pair even, micronets_pair odd, int32_t offset, int32_t inverse)
{
    const int32_t a = upper_mean(micronets_low_half(even), offset, inverse);
    const int32_t b = upper_mean(micronets_low_half(odd), offset, inverse);
    const int32_t c = upper_mean(micronets_high_half(even), offset, inverse);
    const int32_t d = upper_mean(micronets_high_half(odd), offset, inverse);
    return ((uint32_t)a | (uint32_t)b << 8 | (uint32_t)c << 16 | (uint32_t)d << 24) ^ 0x80808080u;
}

/* Writes the means of all whole groups of four channels, and returns the end of the output.
 *
 * first: [in] the first code of the window. output: [out] a code for each channel of the groups. lines, row: lines of
 * the window, and bytes from one to the next. width: bytes of a line of the window, with all channels. channels: how
 * many the map has. count: codes of a channel in the window, 2 .. 255. lowest4, highest4: limits, in each of four
 * bytes. */
MICRONETS_APART int8_t *mean_groups(const int8_t *first, int8_t *output, int32_t lines, int32_t row, int32_t width,
                                    int32_t channels, int32_t count, uint32_t lowest4, uint32_t highest4)
{
    const int32_t inverse = (int32_t)((0x7fffffffu + (uint32_t)count) / (uint32_t)count);
    for (int32_t c = channels; c >= 4; c -= 4, first += 4, output += 4) {
        const int8_t *line = first;
        micronets_pair even = 0, odd = 0;
        int32_t k = lines;
        do {
            const int8_t *v = line, *const end = line + width;
            do {
                const uint32_t four = micronets_load4(v);
                even = micronets_even_plus(even, four);
                odd = micronets_odd_plus(odd, four);
                v += channels;
            } while (v != end);
            line += row;
        } while (--k);
        micronets_store4(output, micronets_clamp4(four_means(even, odd, 257 * count, inverse), lowest4, highest4));
    }
    return output;
}

MICRONETS_SMALL
void micronets_average_pool(const int8_t *input, int8_t *output, const micronets_window *window, int32_t lowest,
                            int32_t highest)
{
    const micronets_window *const n = window;
    const int32_t channels = n->in_c, row = n->in_w * channels;
    const uint32_t lowest4 = MICRONETS_REPEAT4(lowest), highest4 = MICRONETS_REPEAT4(highest);
    for (int32_t oy = 0; oy < n->out_h; oy++) {
        const micronets_span y = micronets_span_inside(oy * n->stride_h - n->pad_top, n->kernel_h, n->in_h);
        for (int32_t ox = 0; ox < n->out_w; ox++) {
            const micronets_span x = micronets_span_inside(ox * n->stride_w - n->pad_left, n->kernel_w, n->in_w);
            const int32_t count = (y.end - y.first) * (x.end - x.first);
            int32_t lines = y.end - y.first, width = (x.end - x.first) * channels;
            if (width == row) { /* whole rows of the map are one long line */
                width *= lines;
                lines = 1;
            }
            const int8_t *first = input + y.first * row + x.first * channels;
            int32_t c = channels;
            /* Four channels at a time, two sums in a word, where sums fit 16 bits. */
            if (count > 1 && count < 256) {
                output = mean_groups(first, output, lines, row, width, channels, count, lowest4, highest4);
                first += channels & ~3;
                c = channels & 3;
            }
            for (; c > 0; c--, first++) {
                const int32_t sum = micronets_sum_channel(first, lines, row, width, channels);
                output = micronets_put_mean(output, sum, count, lowest, highest);
            }
        }
    }
}

#endif
