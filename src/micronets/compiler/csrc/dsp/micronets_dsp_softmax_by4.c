#include "micronets_dsp_exponentials.h"
#include "micronets_fixed_point.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Returns the code of a probability plus 128, saturated to 255.
 *
 * exponential: of its difference. factor: twice the reciprocal of the sum of exponentials, reinterpreted as a negative
 * int32. shift: right shift, 23 .. 35. */
MICRONETS_INLINE uint32_t code_of(int32_t exponential, int32_t factor, int32_t shift)
{
    return micronets_saturate_byte((uint32_t)micronets_shift_add(micronets_high_plus(exponential, factor), shift, 0));
}

/* Writes the probabilities of a row.
 *
 * row: [in] `columns` codes. output: [out] `columns` codes; it may coincide with the row. exponentials, top, most: see
 * micronets_dsp_total. factor, shift: see code_of. */
MICRONETS_INLINE void write_row(const int8_t *row, int8_t *output, int32_t columns, const int32_t *exponentials,
                                uint32_t top, uint32_t most, int32_t factor, int32_t shift)
{
    for (; columns >= 4; columns -= 4, row += 4, output += 4) {
        const uint32_t d = micronets_dsp_differences(row, top, most);
        const uint32_t a = code_of(exponentials[d & 255u], factor, shift);
        const uint32_t b = code_of(exponentials[d >> 8 & 255u], factor, shift);
        const uint32_t c = code_of(exponentials[d >> 16 & 255u], factor, shift);
        const uint32_t e = code_of(exponentials[d >> 24], factor, shift);
        micronets_store4(output, micronets_codes4(a, b, c, e));
    }
    for (; columns > 0; columns--) {
        const int32_t d = micronets_dsp_difference(*row++, top, most);
        *output++ = (int8_t)(uint8_t)(code_of(exponentials[d], factor, shift) - 128u);
    }
}

void micronets_softmax_by4(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries,
                           int32_t rows, int32_t columns)
{
    const uint32_t most = MICRONETS_REPEAT4(entries < 256 ? entries : 255);
    for (; rows > 0; rows--, input += columns, output += columns) {
        const uint32_t top = micronets_dsp_top(input, columns);
        const uint32_t total = micronets_dsp_total(input, columns, exponentials, top, most);
        const int32_t zeros = micronets_leading_zeros(total);
        const int32_t reciprocal = micronets_one_over_one_plus((int32_t)((total << zeros) - 0x80000000u));
        const int32_t factor = (int32_t)((uint32_t)reciprocal << 1);
        write_row(input, output, columns, exponentials, top, most, factor, 35 - zeros);
    }
}

#endif
