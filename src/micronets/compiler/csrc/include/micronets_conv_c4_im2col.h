/* The im2col of micronets_conv_c4, in whose windows each row has a multiple of four values. */
#ifndef MICRONETS_CONV_C4_IM2COL_H
#define MICRONETS_CONV_C4_IM2COL_H

#include "micronets_im2col.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Widens a row's values to 16 bits and writes them to one of two interleaved columns: of every four values the pairs
 * (0, 2) and (1, 3). Returns the address of this column's next pair.
 *
 * x: [in] values. column: [out] every second word. count: number of values, a multiple of four. */
MICRONETS_APART uint32_t *micronets_im2col_quads(const int8_t *x, uint32_t *column, int32_t count)
{
    const int8_t *const end = x + count;
#if MICRONETS_DSP
    for (const int8_t *const most = x + (count & ~15); x != most; x += 16, column += 16) { /* four consecutive loads */
        const uint32_t a = micronets_load4(x), b = micronets_load4(x + 4);
        const uint32_t c = micronets_load4(x + 8), d = micronets_load4(x + 12);
        column[0] = micronets_even(a);
        column[2] = micronets_odd(a);
        column[4] = micronets_even(b);
        column[6] = micronets_odd(b);
        column[8] = micronets_even(c);
        column[10] = micronets_odd(c);
        column[12] = micronets_even(d);
        column[14] = micronets_odd(d);
    }
#endif
    for (; x != end; x += 4, column += 4) {
        micronets_im2col_quad(x, column);
    }
    return column;
}

/* Widens the values of two windows inside the map to 16 bits and writes them as interleaved columns.
 *
 * x, y: [in] first values of the windows. pitch: bytes between adjacent rows of a window. columns: [out] words, two for
 * each pair of values. rows: rows of a window, at least 1. count: values of a row, a multiple of four, at least
 * four. */
void micronets_conv_c4_im2col(const int8_t *x, const int8_t *y, int32_t pitch, uint32_t *columns, int32_t rows,
                              int32_t count);

#ifdef __cplusplus
}
#endif

#endif
