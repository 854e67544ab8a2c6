#include "micronets_columns.h"
#include "micronets_dsp.h"

MICRONETS_INLINE uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

MICRONETS_SMALL
void micronets_expand(const int8_t *x, uint32_t *column, int32_t count)
{
    const int32_t left = count & 3;
    for (const int8_t *const end = x + count - left; x != end; x += 4, column += 4) {
#ifdef MICRONETS_DSP
        const uint32_t a = micronets_load4(x);
        column[0] = micronets_even(a);
        column[2] = micronets_odd(a);
#else
        column[0] = pair(x[0], x[2]);
        column[2] = pair(x[1], x[3]);
#endif
    }
    if (left > 0) {
        column[0] = pair(x[0], left > 1 ? x[1] : 0);
    }
    if (left == 3) {
        column[2] = pair(x[2], 0);
    }
}
