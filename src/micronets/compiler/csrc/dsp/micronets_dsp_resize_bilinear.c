#include "micronets_bilinear.h"
#include "micronets_dsp.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Returns two sums of codes, weighted by numbers whose sum is 256, rounded to codes plus 128 in the upper byte of each
 * half; halves are rounded away from 0. sums: both sums plus 2^15. */
MICRONETS_INLINE uint32_t rounded(uint32_t sums)
{
    return sums + 0x007f007fu + (sums >> 15 & 0x00010001u);
}

/* Writes the channels of a pixel that lies between four pixels, where the weights of rows and columns are multiples of
 * 64. The arguments are those of micronets_bilinear_pixel; there are at least four channels, and the last four are
 * written together, though some of them have been written before.
 *
 * A word holds two codes plus 128, each in a half, and is multiplied as a whole: a sum of such products has a weighted
 * sum in each half, and that of 128 is 2^15. */
MICRONETS_INLINE void pixel_by4(const int8_t *upper, const int8_t *lower, int8_t *output, int32_t below,
                                const int32_t *column, int32_t count)
{
    const uint32_t down = (uint32_t)below / 64u, up = 16u - down, right = (uint32_t)column[2] / 64u, left = 16u - right;
    const uint32_t of_a = up * left, of_b = up * right, of_c = down * left, of_d = down * right;
    const int32_t across = column[1] - column[0];
    upper += column[0];
    lower += column[0];
    for (const int8_t *const last = upper + count - 4;; upper += 4, lower += 4, output += 4) {
        if (upper > last) {
            const int32_t back = (int32_t)(upper - last);
            if (back == 4) {
                return;
            }
            upper -= back;
            lower -= back;
            output -= back;
        }
        const uint32_t flip = 0x80808080u; /* turns codes -128 .. 127 into bytes 0 .. 255 */
        const uint32_t a = micronets_load4(upper) ^ flip, b = micronets_load4(upper + across) ^ flip;
        const uint32_t c = micronets_load4(lower) ^ flip, d = micronets_load4(lower + across) ^ flip;
        const uint32_t even = rounded(micronets_even_bytes(a) * of_a + micronets_even_bytes(b) * of_b +
                                      micronets_even_bytes(c) * of_c + micronets_even_bytes(d) * of_d);
        const uint32_t odd = rounded(micronets_odd_bytes(a) * of_a + micronets_odd_bytes(b) * of_b +
                                     micronets_odd_bytes(c) * of_c + micronets_odd_bytes(d) * of_d);
        micronets_store4(output, ((even >> 8 & 0x00ff00ffu) | (odd & 0xff00ff00u)) ^ 0x80808080u);
    }
}

void micronets_resize_bilinear(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count,
                               const int32_t *columns, int32_t column_count, int32_t channels)
{
    int32_t bits = 0;
    for (int32_t r = 0; r < row_count; r++) {
        bits |= rows[3 * r + 2];
    }
    for (int32_t c = 0; c < column_count; c++) {
        bits |= columns[3 * c + 2];
    }
    const int32_t by4 = channels >= 4 && (bits & 63) == 0;
    for (int32_t r = 0; r < row_count; r++, rows += 3) {
        const int8_t *const upper = input + rows[0], *const lower = input + rows[1];
        for (int32_t c = 0; c < column_count; c++, output += channels) {
            if (by4) {
                pixel_by4(upper, lower, output, rows[2], columns + 3 * c, channels);
            } else {
                micronets_bilinear_pixel(upper, lower, output, rows[2], columns + 3 * c, channels);
            }
        }
    }
}

#endif
