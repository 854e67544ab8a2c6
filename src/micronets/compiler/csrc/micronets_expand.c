#include "micronets_columns.h"
#include "micronets_dsp.h"

MICRONETS_INLINE uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

uint32_t *micronets_expand(const int8_t *values, int32_t pitch, int32_t rows, uint32_t *column, int32_t count)
{
    for (; rows > 0; rows--) {
        const int8_t *x = values, *const end = x + (count & ~3);
#ifdef MICRONETS_DSP
        for (const int8_t *const most = x + (count & ~15); x != most; x += 16, column += 16) {
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
