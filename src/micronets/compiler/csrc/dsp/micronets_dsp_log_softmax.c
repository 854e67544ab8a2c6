#include "micronets_bytes.h"
#include "micronets_dsp_exponentials.h"
#include "micronets_logarithm.h"

#if MICRONETS_DSP

/* Returns how many codes of the output a logarithm lies below 127, saturated to 255; log_sum: the logarithm of the sum
 * of exponentials, plus half a code. difference: the scaled difference, at most 0. */
MICRONETS_INLINE uint32_t below_one(int32_t log_sum, int32_t difference)
{
    return micronets_saturate_byte(((uint32_t)log_sum - (uint32_t)difference) >> 22);
}

/* Writes the logarithms of a row.
 *
 * row: [in] `columns` codes. output: [out] `columns` codes; it may coincide with the row. differences: [in] the scaled
 * differences. top: the largest code of the row in each byte. most: the largest difference of codes, in each byte,
 * whose logarithm is more than the least code. log_sum: see below_one. */
MICRONETS_INLINE void write_row(const int8_t *row, int8_t *output, int32_t columns, const int32_t *differences,
                                uint32_t top, uint32_t most, int32_t log_sum)
{
    const uint32_t first = 0x7f7f7f7fu, least = 0x80808080u;
    for (; columns >= 4; columns -= 4, row += 4, output += 4) {
        const uint32_t d = micronets_minus4(top, micronets_load4(row)), near = micronets_choose_bytes(most, d, d, most);
        const uint32_t a = below_one(log_sum, differences[near & 255u]);
        const uint32_t b = below_one(log_sum, differences[near >> 8 & 255u]);
        const uint32_t c = below_one(log_sum, differences[near >> 16 & 255u]);
        const uint32_t four = a | b << 8 | c << 16 | below_one(log_sum, differences[near >> 24]) << 24;
        micronets_store4(output, micronets_choose_bytes(most, d, four ^ first, least)); /* 127 - k is k ^ 127 */
    }
    for (; columns > 0; columns--) {
        const uint32_t d = (top - (uint32_t)(uint8_t)*row++) & 255u;
        const int32_t code = d > (most & 255u) ? -128 : 127 - (int32_t)below_one(log_sum, differences[d]);
        *output++ = (int8_t)code;
    }
}

void micronets_log_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, const int32_t *differences,
                           int32_t entries, int32_t multiplier, int32_t shift, int32_t rows, int32_t columns)
{
    const uint32_t negligible = MICRONETS_REPEAT4(entries < 256 ? entries : 255);
    for (; rows > 0; rows--, input += columns, output += columns) {
        const uint32_t top = micronets_dsp_top(input, columns);
        const int32_t total = (int32_t)micronets_dsp_total(input, columns, exponentials, top, negligible);
        const int32_t log_sum = micronets_logarithm(total);
        const int32_t least = micronets_multiply(log_sum + INT32_MIN, multiplier, shift);
        const int32_t codes =
            least > -entries ? -least : entries; /* the differences 0 .. codes - 1 are not too large */
        if (codes <= 0) {                        /* a logarithm that is too large for every code of the output */
            (void)micronets_fill(output, -128, columns);
        } else {
            write_row(input, output, columns, differences, top, MICRONETS_REPEAT4(codes - 1), log_sum + (1 << 21));
        }
    }
}

#endif
