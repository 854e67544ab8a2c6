/* Sums of exponentials along a row of codes, which softmax and its logarithm share, with the DSP extension. */
#ifndef MICRONETS_DSP_EXPONENTIALS_H
#define MICRONETS_DSP_EXPONENTIALS_H

#include "micronets_dsp_sums.h"

#if MICRONETS_DSP

/* Returns how far four codes lie below the largest of their row, as unsigned bytes.
 *
 * codes: [in] four codes. top: the largest code in each byte. most: the largest difference that is returned, in each
 * byte. */
MICRONETS_INLINE uint32_t micronets_dsp_differences(const int8_t *codes, uint32_t top, uint32_t most)
{
    const uint32_t differences = micronets_minus4(top, micronets_load4(codes));
    return micronets_choose_bytes(differences, most, most, differences);
}

/* Returns how far one code lies below the largest of its row; code, top, most: as for four codes. */
MICRONETS_INLINE int32_t micronets_dsp_difference(int32_t code, uint32_t top, uint32_t most)
{
    const int32_t difference = (int32_t)((top - (uint32_t)code) & 255u), limit = (int32_t)(most & 255u);
    return difference < limit ? difference : limit;
}

/* Returns the largest of `columns` codes in each byte of a word; row: [in] the codes. */
MICRONETS_INLINE uint32_t micronets_dsp_top(const int8_t *row, int32_t columns)
{
    uint32_t largest = micronets_dsp_largest_run(row, columns, 0x80808080u, 0);
    largest = micronets_max4(largest, largest >> 16);
    largest = micronets_max4(largest, largest >> 8);
    return MICRONETS_REPEAT4(largest);
}

/* Returns the sum of the exponentials of a row, with 19 fractional bits.
 *
 * row: [in] `columns` codes. exponentials: [in] of the differences 0 .. the bytes of `most`, times 2^31. top: the
 * largest code of the row in each byte. */
MICRONETS_INLINE uint32_t micronets_dsp_total(const int8_t *row, int32_t columns, const int32_t *exponentials,
                                              uint32_t top, uint32_t most)
{
    int32_t total = 0;
    for (; columns >= 4; columns -= 4, row += 4) {
        const uint32_t d = micronets_dsp_differences(row, top, most);
        total = micronets_shift_add(exponentials[d & 255u], 12, total);
        total = micronets_shift_add(exponentials[d >> 8 & 255u], 12, total);
        total = micronets_shift_add(exponentials[d >> 16 & 255u], 12, total);
        total = micronets_shift_add(exponentials[d >> 24], 12, total);
    }
    for (; columns > 0; columns--) {
        total = micronets_shift_add(exponentials[micronets_dsp_difference(*row++, top, most)], 12, total);
    }
    return (uint32_t)total;
}

#endif
#endif
