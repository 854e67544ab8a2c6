/* Bilinear interpolation of a pixel. */
#ifndef MICRONETS_BILINEAR_H
#define MICRONETS_BILINEAR_H

#include <stdint.h>

#include "micronets_target.h"

/* Writes `count` channels of a pixel that is interpolated between four pixels.
 *
 * upper, lower: [in] the rows of the four pixels. output: [out] the channels. below: the weight of the lower row, where
 * 1024 represents 1. column: [in] the offsets of the left and the right pixel within a row in bytes, and the weight of
 * the right one.
 */
MICRONETS_INLINE void micronets_bilinear_pixel(const int8_t *upper, const int8_t *lower, int8_t *output, int32_t below,
                                               const int32_t *column, int32_t count)
{
    const int32_t above = 1024 - below, after = column[2], before = 1024 - after;
    const int32_t of_a = above * before, of_b = above * after, of_c = below * before, of_d = below * after;
    const int8_t *a = upper + column[0], *b = upper + column[1], *c = lower + column[0], *d = lower + column[1];
    for (; count > 0; count--) {
        const int32_t sum = *a++ * of_a + *b++ * of_b + *c++ * of_c + *d++ * of_d;
        *output++ = (int8_t)((sum + (1 << 19) + (sum >> 31)) >> 20); /* halves are rounded away from 0 */
    }
}

#endif
