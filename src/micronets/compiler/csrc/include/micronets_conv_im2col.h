/* The im2col of micronets_conv: two windows of any size become columns. */
#ifndef MICRONETS_CONV_IM2COL_H
#define MICRONETS_CONV_IM2COL_H

#include <stdint.h>

#include "micronets_target.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Widens the values of two windows to 16 bits and writes them as the two interleaved columns of
 * micronets_im2col.h.
 *
 * A window is `rows` rows of `count` values. If `count` is odd, the last values of every two rows come first, as a
 * pair; if one row is left, the other half of its pair is arbitrary, as its weight is 0. Then follow, for each row, the
 * pairs (0, 2) and (1, 3) of every four values, and one pair if two or three values are left.
 *
 * x, y: [in] first values of the windows. pitch_x, pitch_y: bytes between adjacent rows of a window. columns: [out]
 * words, two for each pair of values. rows, count: at least 1. */
void micronets_conv_im2col(const int8_t *x, int32_t pitch_x, const int8_t *y, int32_t pitch_y, uint32_t *columns,
                           int32_t rows, int32_t count);

#ifdef __cplusplus
}
#endif

#endif
