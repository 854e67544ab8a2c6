#include "micronets_columns.h"
#include "micronets_dsp.h"

/* The low byte of each, sign-extended. */
MICRONETS_INLINE uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

uint32_t *micronets_expand(const int8_t *values, uint32_t *column, int32_t count)
{
#ifdef MICRONETS_DSP
    for (; count >= 16; count -= 16) {
        const uint32_t a = micronets_load4(values), b = micronets_load4(values + 4);
        const uint32_t c = micronets_load4(values + 8), d = micronets_load4(values + 12);
        column[0] = micronets_even(a);
        column[2] = micronets_odd(a);
        column[4] = micronets_even(b);
        column[6] = micronets_odd(b);
        column[8] = micronets_even(c);
        column[10] = micronets_odd(c);
        column[12] = micronets_even(d);
        column[14] = micronets_odd(d);
        values += 16;
        column += 16;
    }
    for (; count >= 4; count -= 4) {
        const uint32_t a = micronets_load4(values);
        column[0] = micronets_even(a);
        column[2] = micronets_odd(a);
        values += 4;
        column += 4;
    }
#else
    for (; count >= 4; count -= 4) {
        column[0] = pair(values[0], values[2]);
        column[2] = pair(values[1], values[3]);
        values += 4;
        column += 4;
    }
#endif
    for (; count > 0; count -= 2) {
        column[0] = pair(values[0], count > 1 ? values[1] : 0);
        values += 2;
        column += 2;
    }
    return column;
}
