/* Instructions of the DSP extension of Cortex-M4, M7 and M33: two products of 16 bits at once.
 *
 * MICRONETS_DSP chooses the kernels that use them; compilers for such a core choose by themselves (__ARM_FEATURE_DSP).
 * For any other processor that is told to use them they are written out in C, so that their logic is tested everywhere. */
#ifndef MICRONETS_DSP_H
#define MICRONETS_DSP_H

#include "micronets_kernels.h"

#if defined(__ARM_FEATURE_DSP) && !defined(MICRONETS_DSP)
#define MICRONETS_DSP
#endif

#ifdef MICRONETS_DSP

/* A pair is two int16, `low` in the low half. Of four bytes, the even ones (0, 2) or the odd ones (1, 3) make a pair. */
typedef uint32_t micronets_pair;

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)

typedef struct __attribute__((packed, may_alias)) {
    uint32_t bytes;
} micronets_word;

/* Four bytes from any address. */
MICRONETS_INLINE uint32_t micronets_load4(const int8_t *p)
{
    return ((const micronets_word *)(const void *)p)->bytes;
}

MICRONETS_INLINE micronets_pair micronets_even(uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(bytes));
    return r;
}

MICRONETS_INLINE micronets_pair micronets_odd(uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(bytes));
    return r;
}

MICRONETS_INLINE micronets_pair micronets_even_plus(micronets_pair offset, uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(offset), "r"(bytes));
    return r;
}

MICRONETS_INLINE micronets_pair micronets_odd_plus(micronets_pair offset, uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(offset), "r"(bytes));
    return r;
}

/* sum + a.low * b.low + a.high * b.high */
MICRONETS_INLINE int32_t micronets_both(micronets_pair a, micronets_pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* sum + a.low * b.low */
MICRONETS_INLINE int32_t micronets_lows(micronets_pair a, micronets_pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* sum + a.high * b.high */
MICRONETS_INLINE int32_t micronets_highs(micronets_pair a, micronets_pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

#else

MICRONETS_INLINE uint32_t micronets_load4(const int8_t *p)
{
    return (uint32_t)(uint8_t)p[0] | (uint32_t)(uint8_t)p[1] << 8 | (uint32_t)(uint8_t)p[2] << 16 |
           (uint32_t)(uint8_t)p[3] << 24;
}

MICRONETS_INLINE micronets_pair micronets_even_plus(micronets_pair offset, uint32_t bytes)
{
    const uint32_t low = (uint32_t)(int32_t)(int8_t)(uint8_t)bytes + offset;
    const uint32_t high = (uint32_t)(int32_t)(int8_t)(uint8_t)(bytes >> 16) + (offset >> 16);
    return (low & 0xffffu) | high << 16;
}

MICRONETS_INLINE micronets_pair micronets_odd_plus(micronets_pair offset, uint32_t bytes)
{
    return micronets_even_plus(offset, bytes >> 8);
}

MICRONETS_INLINE micronets_pair micronets_even(uint32_t bytes)
{
    return micronets_even_plus(0, bytes);
}

MICRONETS_INLINE micronets_pair micronets_odd(uint32_t bytes)
{
    return micronets_odd_plus(0, bytes);
}

MICRONETS_INLINE int32_t micronets_lows(micronets_pair a, micronets_pair b, int32_t sum)
{
    return sum + (int16_t)(uint16_t)a * (int16_t)(uint16_t)b;
}

MICRONETS_INLINE int32_t micronets_highs(micronets_pair a, micronets_pair b, int32_t sum)
{
    return micronets_lows(a >> 16, b >> 16, sum);
}

MICRONETS_INLINE int32_t micronets_both(micronets_pair a, micronets_pair b, int32_t sum)
{
    return micronets_highs(a, b, micronets_lows(a, b, sum));
}

#endif

/* The same value in both halves. */
MICRONETS_INLINE micronets_pair micronets_twice(int32_t value)
{
    return ((uint32_t)value & 0xffffu) | (uint32_t)value << 16;
}

#endif
#endif
