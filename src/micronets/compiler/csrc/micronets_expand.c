#include "micronets_columns.h"
#include "micronets_dsp.h"

MICRONETS_INLINE uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

MICRONETS_SMALL
uint32_t *micronets_expand(const int8_t *values, int32_t pitch, int32_t rows, uint32_t *column, int32_t count)
{
    for (; rows > 0; rows--) {
        const int8_t *x = values, *const end = x + (count & ~3);
#ifdef MICRONETS_DSP
        for (; x != end; x += 4, column += 4) {
            const uint32_t a = micronets_load4(x);
            column[0] = micronets_even(a);
            column[2] = micronets_odd(a);
        }
#else
        for (; x != end; x += 4, column += 4) {
            column[0] = pair(x[0], x[2]);
            column[2] = pair(x[1], x[3]);
        }
#endif
        values += pitch;
    }
    const int32_t left = count & 3;
    if (left > 0) {
        const int8_t *const x = values - pitch + (count & ~3);
        column[0] = pair(x[0], left > 1 ? x[1] : 0);
        column += 2;
        if (left == 3) {
            column[0] = pair(x[2], 0);
            column += 2;
        }
    }
    return column;
}
