/* Copying and filling of runs of bytes: with the DSP extension by unaligned words, and with the vector extension 16
 * bytes at a time. */
#ifndef MICRONETS_BYTES_H
#define MICRONETS_BYTES_H

#include "micronets_dsp.h"

/* Copies `count` bytes and returns the end of the target. Source and target must not overlap: with the DSP extension,
 * the last word is copied together with some bytes of the word before it. */
MICRONETS_INLINE int8_t *micronets_copy(int8_t *target, const int8_t *source, int32_t count)
{
    int8_t *const end = target + count;
#if MICRONETS_MVE
    if (count > 0) { /* bytes after the last one are neither read nor written */
        __asm__ volatile("wlstp.8 lr, %[count], 2f\n"
                         "1:\n\t"
                         "vldrb.8 q0, [%[source]], #16\n\t"
                         "vstrb.8 q0, [%[target]], #16\n\t"
                         "letp lr, 1b\n"
                         "2:"
                         : [source] "+r"(source), [target] "+r"(target)
                         : [count] "r"(count)
                         : "q0", "lr", "memory");
    }
    return end;
#elif MICRONETS_DSP
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

/* Copies `count` bytes and returns the end of the target. The target may overlap the source if it begins below it: once
 * an address has been written, no byte at or below it is read. */
static inline int8_t *micronets_copy_forward(int8_t *target, const int8_t *source, int32_t count)
{
#if MICRONETS_DSP
    for (; count >= 4; count -= 4, source += 4, target += 4) {
        micronets_store4(target, micronets_load4(source));
    }
#endif
    for (; count > 0; count--) {
        *target++ = *source++;
    }
    return target;
}

/* Writes `value` to `count` bytes and returns the end of the target. */
MICRONETS_INLINE int8_t *micronets_fill(int8_t *target, int32_t value, int32_t count)
{
#if MICRONETS_MVE
    int8_t *const end = target + (count > 0 ? count : 0);
    if (count > 0) {
        __asm__ volatile("vdup.8 q0, %[value]\n\t"
                         "wlstp.8 lr, %[count], 2f\n"
                         "1:\n\t"
                         "vstrb.8 q0, [%[target]], #16\n\t"
                         "letp lr, 1b\n"
                         "2:"
                         : [target] "+r"(target)
                         : [count] "r"(count), [value] "r"(value)
                         : "q0", "lr", "memory");
    }
    return end;
#else
    for (; count > 0; count--) {
        *target++ = (int8_t)value;
    }
    return target;
#endif
}

/* Writes `value` to `count` bytes, by words, and returns the end of the target. */
MICRONETS_SMALL
MICRONETS_APART int8_t *micronets_fill_words(int8_t *target, int32_t value, int32_t count)
{
#if MICRONETS_DSP
    const uint32_t four = MICRONETS_REPEAT4(value);
    for (; count >= 16; count -= 16, target += 16) {
        micronets_store4(target, four);
        micronets_store4(target + 4, four);
        micronets_store4(target + 8, four);
        micronets_store4(target + 12, four);
    }
    for (; count >= 4; count -= 4, target += 4) {
        micronets_store4(target, four);
    }
    if (count > 1) { /* not a loop, since compilers replace a loop by a call of memset */
        *target++ = (int8_t)value;
        *target++ = (int8_t)value;
    }
    if (count & 1) {
        *target++ = (int8_t)value;
    }
#else
    for (; count > 0; count--) {
        *target++ = (int8_t)value;
    }
#endif
    return target;
}

#endif
