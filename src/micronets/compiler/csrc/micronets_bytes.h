/* Bytes of a window. */
#ifndef MICRONETS_BYTES_H
#define MICRONETS_BYTES_H

#include "micronets_dsp.h"

/* `count` bytes, by words where there are enough: the last word may take some of the one before it along. */
MICRONETS_INLINE int8_t *micronets_copy(int8_t *target, const int8_t *source, int32_t count)
{
    int8_t *const end = target + count;
#ifdef MICRONETS_DSP
    if (count >= 4) {
        const int8_t *const last = source + count - 4;
        for (; source < last; source += 4, target += 4) {
            micronets_store4(target, micronets_load4(source));
        }
        micronets_store4(end - 4, micronets_load4(last));
        return end;
    }
#endif
    while (target < end) {
        *target++ = *source++;
    }
    return end;
}

/* `count` times the padding. */
MICRONETS_INLINE int8_t *micronets_fill(int8_t *target, int32_t value, int32_t count)
{
    for (; count > 0; count--) {
        *target++ = (int8_t)value;
    }
    return target;
}

#endif
