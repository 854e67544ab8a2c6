/* Instructions of the DSP extension of Cortex-M4, M7 and M33, which compute with two 16-bit values or four bytes at
 * once.
 *
 * For any other processor that is told to use them (MICRONETS_DSP in micronets_target.h) they are written out in C,
 * so that the logic of the kernels is tested everywhere. */
#ifndef MICRONETS_DSP_H
#define MICRONETS_DSP_H

#include <stdint.h>

#include "micronets_target.h"
#include "micronets_words.h"

#if MICRONETS_DSP

/* A pair is two int16, `low` in the low half. Of four bytes, the even ones (0, 2) or the odd ones (1, 3) make a
 * pair. */
typedef uint32_t micronets_pair;

#if MICRONETS_DSP_ASSEMBLY

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

/* Upper half of the product of a and 2^32 + b, rounded to nearest, halves up. */
MICRONETS_INLINE int32_t micronets_high_plus(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smmlar %0, %1, %2, %1" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* addend + value / 2^(low byte of shift), rounded to nearest, halves up; that byte is 1 .. 31.
 * The last bit shifted out is the carry. */
MICRONETS_INLINE int32_t micronets_shift_add(int32_t value, int32_t shift, int32_t addend)
{
    int32_t r;
    __asm__("asrs %0, %1, %2\n\tadc %0, %0, %3" : "=&r"(r) : "r"(value), "r"(shift), "r"(addend) : "cc");
    return r;
}

MICRONETS_INLINE int32_t micronets_saturate(int32_t value)
{
    int32_t r;
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(value));
    return r;
}

/* Of each of four int8: the higher of `a` and `b`. */
MICRONETS_INLINE uint32_t micronets_max4(uint32_t a, uint32_t b)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b));
    return r;
}

/* Of each of four int8: the higher of `a` and `lowest`, but `highest` at most. */
MICRONETS_INLINE uint32_t micronets_clamp4(uint32_t a, uint32_t lowest, uint32_t highest)
{
    uint32_t r, unused;
    __asm__("ssub8 %1, %2, %3\n\tsel %0, %2, %3\n\tssub8 %1, %4, %0\n\tsel %0, %0, %4"
            : "=&r"(r), "=&r"(unused)
            : "r"(a), "r"(lowest), "r"(highest));
    return r;
}

/* Four bytes to any address. */
MICRONETS_INLINE void micronets_store4(int8_t *p, uint32_t bytes)
{
    ((micronets_word *)(void *)p)->bytes = bytes;
}

#else

MICRONETS_INLINE int32_t micronets_high_plus(int32_t a, int32_t b)
{
    return a + (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}

MICRONETS_INLINE int32_t micronets_shift_add(int32_t value, int32_t shift, int32_t addend)
{
    return (((value >> ((shift & 255) - 1)) + 1) >> 1) + addend;
}

MICRONETS_INLINE int32_t micronets_saturate(int32_t value)
{
    return value < -128 ? -128 : value > 127 ? 127 : value;
}

MICRONETS_INLINE uint32_t micronets_clamp4(uint32_t a, uint32_t lowest, uint32_t highest)
{
    uint32_t r = 0;
    for (int32_t k = 0; k < 32; k += 8) {
        const int8_t low = (int8_t)(uint8_t)(lowest >> k), high = (int8_t)(uint8_t)(highest >> k);
        int8_t value = (int8_t)(uint8_t)(a >> k);
        value = value < low ? low : value;
        value = value > high ? high : value;
        r |= (uint32_t)(uint8_t)value << k;
    }
    return r;
}

MICRONETS_INLINE uint32_t micronets_max4(uint32_t a, uint32_t b)
{
    uint32_t r = 0;
    for (int32_t k = 0; k < 32; k += 8) {
        const int8_t x = (int8_t)(uint8_t)(a >> k), y = (int8_t)(uint8_t)(b >> k);
        r |= (uint32_t)(uint8_t)(x > y ? x : y) << k;
    }
    return r;
}

MICRONETS_INLINE void micronets_store4(int8_t *p, uint32_t bytes)
{
    for (int32_t k = 0; k < 4; k++) {
        p[k] = (int8_t)(uint8_t)(bytes >> (8 * k));
    }
}

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

/* The low bytes of four values, the first lowest. */
MICRONETS_INLINE uint32_t micronets_pack4(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return ((uint32_t)a & 0xffu) | ((uint32_t)b & 0xffu) << 8 | ((uint32_t)c & 0xffu) << 16 | (uint32_t)d << 24;
}

#endif
#endif
