/* Instructions of the DSP extension of Cortex-M4, M7 and M33, which compute with two 16-bit values or four bytes
 * at once.
 *
 * For any other processor that is told to use them (MICRONETS_DSP in micronets_target.h) they are written out in C,
 * so that the logic of the kernels is tested everywhere. */
#ifndef MICRONETS_DSP_H
#define MICRONETS_DSP_H

#include <stdint.h>

#include "micronets_target.h"
#include "micronets_words.h"

#if MICRONETS_DSP

/* Two int16 in one word, called the low half and the high half. Of four int8 in a word, the even ones (0 and 2) or the
 * odd ones (1 and 3) can be widened to a pair. */
typedef uint32_t micronets_pair;

#if MICRONETS_DSP_ASSEMBLY

typedef struct __attribute__((packed, may_alias)) {
    uint32_t bytes;
} micronets_word;

/* Returns the four bytes at p, which need not be aligned; the first is the lowest byte of the word. */
MICRONETS_INLINE uint32_t micronets_load4(const int8_t *p)
{
    return ((const micronets_word *)(const void *)p)->bytes;
}

typedef struct __attribute__((packed, may_alias)) {
    uint16_t bytes;
} micronets_half_word;

/* Copies two bytes, which need not be aligned. */
MICRONETS_INLINE void micronets_copy2(int8_t *target, const int8_t *source)
{
    ((micronets_half_word *)(void *)target)->bytes = ((const micronets_half_word *)(const void *)source)->bytes;
}

/* Returns bytes 0 and 2, each sign-extended to 16 bits. */
MICRONETS_INLINE micronets_pair micronets_even(uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(bytes));
    return r;
}

/* Returns bytes 1 and 3, each sign-extended to 16 bits. */
MICRONETS_INLINE micronets_pair micronets_odd(uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(bytes));
    return r;
}

/* Returns bytes 0 and 2 as a pair of numbers 0 .. 255. */
MICRONETS_INLINE micronets_pair micronets_even_bytes(uint32_t bytes)
{
    micronets_pair r;
    __asm__("uxtb16 %0, %1" : "=r"(r) : "r"(bytes));
    return r;
}

/* Returns bytes 1 and 3 as a pair of numbers 0 .. 255. */
MICRONETS_INLINE micronets_pair micronets_odd_bytes(uint32_t bytes)
{
    micronets_pair r;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(r) : "r"(bytes));
    return r;
}

/* Returns bytes 0 and 2, sign-extended, each added to a half of `offset`; halves wrap at 16 bits. */
MICRONETS_INLINE micronets_pair micronets_even_plus(micronets_pair offset, uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(offset), "r"(bytes));
    return r;
}

/* Returns bytes 1 and 3, sign-extended, each added to a half of `offset`; halves wrap at 16 bits. */
MICRONETS_INLINE micronets_pair micronets_odd_plus(micronets_pair offset, uint32_t bytes)
{
    micronets_pair r;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(offset), "r"(bytes));
    return r;
}

/* Returns sum + (low half of a) * (low half of b) + (high half of a) * (high half of b); it wraps at 32 bits. */
MICRONETS_INLINE int32_t micronets_smlad(micronets_pair a, micronets_pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + (low half of a) * (low half of b). */
MICRONETS_INLINE int32_t micronets_smlabb(micronets_pair a, micronets_pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + (high half of a) * (high half of b). */
MICRONETS_INLINE int32_t micronets_smlatt(micronets_pair a, micronets_pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns (low half of a) * (low half of b). */
MICRONETS_INLINE int32_t micronets_smulbb(micronets_pair a, micronets_pair b)
{
    int32_t r;
    __asm__("smulbb %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns (high half of a) * (high half of b). */
MICRONETS_INLINE int32_t micronets_smultt(micronets_pair a, micronets_pair b)
{
    int32_t r;
    __asm__("smultt %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns the upper half of the product of a and 2^32 + b, rounded to nearest, halves upwards. */
MICRONETS_INLINE int32_t micronets_high_plus(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smmlar %0, %1, %2, %1" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns the upper half of the product of a and b, rounded to nearest, halves upwards. */
MICRONETS_INLINE int32_t micronets_smmulr(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns addend + value / 2^n, where n is the low byte of `shift`, 1 .. 63. The quotient is rounded to nearest, halves
 * upwards: the last bit that is shifted out is the carry, which the addition adds. */
MICRONETS_INLINE int32_t micronets_shift_add(int32_t value, int32_t shift, int32_t addend)
{
    int32_t r;
    __asm__("asrs %0, %1, %2\n\tadc %0, %0, %3" : "=&r"(r) : "r"(value), "r"(shift), "r"(addend) : "cc");
    return r;
}

/* Returns addend + value / 2^n, where n is the low byte of `shift`, 0 .. 31. The quotient is rounded to nearest, halves
 * away from zero: 1 is taken from a number below 0, which sets the carry; a shift by 0 leaves the carry as it is. */
MICRONETS_INLINE int32_t micronets_round_add(int32_t value, int32_t shift, int32_t addend)
{
    int32_t r;
    __asm__("adds %0, %1, %1, asr #31\n\tasrs %0, %0, %2\n\tadc %0, %0, %3"
            : "=&r"(r)
            : "r"(value), "r"(shift), "r"(addend)
            : "cc");
    return r;
}

/* Returns `value` saturated to -128 .. 127. */
MICRONETS_INLINE int32_t micronets_saturate(int32_t value)
{
    int32_t r;
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(value));
    return r;
}

/* Returns `value` saturated to -32768 .. 32767. */
MICRONETS_INLINE int32_t micronets_saturate16(int32_t value)
{
    int32_t r;
    __asm__("ssat %0, #16, %1" : "=r"(r) : "r"(value));
    return r;
}

/* Returns sum + value * (low half of pair) / 2^16, the product rounded down; it wraps at 32 bits. */
MICRONETS_INLINE int32_t micronets_smlawb(int32_t value, micronets_pair pair, int32_t sum)
{
    int32_t r;
    __asm__("smlawb %0, %1, %2, %3" : "=r"(r) : "r"(value), "r"(pair), "r"(sum));
    return r;
}

/* Returns sum + value * (high half of pair) / 2^16, the product rounded down; it wraps at 32 bits. */
MICRONETS_INLINE int32_t micronets_smlawt(int32_t value, micronets_pair pair, int32_t sum)
{
    int32_t r;
    __asm__("smlawt %0, %1, %2, %3" : "=r"(r) : "r"(value), "r"(pair), "r"(sum));
    return r;
}

/* Returns the upper halves of two words as a pair: that of a as its low half, that of b as its high half. */
MICRONETS_INLINE micronets_pair micronets_upper_halves(int32_t a, int32_t b)
{
    micronets_pair r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(b), "r"(a));
    return r;
}

/* Returns both halves, signed numbers, saturated to 0 .. 255. */
MICRONETS_INLINE micronets_pair micronets_saturate_pair(micronets_pair pair)
{
    micronets_pair r;
    __asm__("usat16 %0, #8, %1" : "=r"(r) : "r"(pair));
    return r;
}

/* Returns the greater one of a and b for each of four int8. */
MICRONETS_INLINE uint32_t micronets_max4(uint32_t a, uint32_t b)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns the smaller one of a and b for each of four int8. */
MICRONETS_INLINE uint32_t micronets_min4(uint32_t a, uint32_t b)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns, for each of four int8, the byte of `yes` where a >= b, else that of `no`. */
MICRONETS_INLINE uint32_t micronets_choose4(uint32_t a, uint32_t b, uint32_t yes, uint32_t no)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %3, %4" : "=&r"(r) : "r"(a), "r"(b), "r"(yes), "r"(no));
    return r;
}

/* Returns `value`, read as a signed number, saturated to 0 .. 255. */
MICRONETS_INLINE uint32_t micronets_saturate_byte(uint32_t value)
{
    uint32_t r;
    __asm__("usat %0, #8, %1" : "=r"(r) : "r"(value));
    return r;
}

/* Returns a - b for each of four bytes; each wraps at 8 bits. */
MICRONETS_INLINE uint32_t micronets_minus4(uint32_t a, uint32_t b)
{
    uint32_t r;
    __asm__("usub8 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns, for each of four unsigned bytes, that of `yes` where a >= b, else that of `no`. */
MICRONETS_INLINE uint32_t micronets_choose_bytes(uint32_t a, uint32_t b, uint32_t yes, uint32_t no)
{
    uint32_t r;
    __asm__("usub8 %0, %1, %2\n\tsel %0, %3, %4" : "=&r"(r) : "r"(a), "r"(b), "r"(yes), "r"(no));
    return r;
}

/* Returns how many bits in front of the first one of `value` are zero; value: above 0. */
MICRONETS_INLINE int32_t micronets_zero_bits(uint32_t value)
{
    int32_t r;
    __asm__("clz %0, %1" : "=r"(r) : "r"(value));
    return r;
}

/* Returns sum + the four unsigned bytes of a word. */
MICRONETS_INLINE uint32_t micronets_plus_bytes(uint32_t sum, uint32_t bytes)
{
    uint32_t r;
    __asm__("usada8 %0, %1, %2, %3" : "=r"(r) : "r"(bytes), "r"(0), "r"(sum));
    return r;
}

/* Returns a clamped to lowest .. highest for each of four int8. */
MICRONETS_INLINE uint32_t micronets_clamp4(uint32_t a, uint32_t lowest, uint32_t highest)
{
    uint32_t r, unused;
    __asm__("ssub8 %1, %2, %3\n\tsel %0, %2, %3\n\tssub8 %1, %4, %0\n\tsel %0, %0, %4"
            : "=&r"(r), "=&r"(unused)
            : "r"(a), "r"(lowest), "r"(highest));
    return r;
}

/* Four words of four bytes. */
typedef struct {
    uint32_t a, b, c, d;
} micronets_block;

/* Returns the columns of a block of four by four bytes, whose rows are its words; the first byte is the lowest. */
MICRONETS_INLINE micronets_block micronets_columns(micronets_block rows)
{
    micronets_block r;
    uint32_t low, high, shifted;
    __asm__("pkhbt %[low], %[a], %[c], lsl #16\n\tpkhtb %[c], %[c], %[a], asr #16\n\t"
            "pkhbt %[high], %[b], %[d], lsl #16\n\tpkhtb %[d], %[d], %[b], asr #16\n\t"
            "uadd8 %[a], %[even], %[even]\n\t" /* bytes 0 and 2 carry: sel takes them of its first operand */
            "lsl %[shifted], %[high], #8\n\tsel %[a], %[low], %[shifted]\n\t"
            "lsr %[low], %[low], #8\n\tsel %[b], %[low], %[high]\n\t"
            "lsl %[shifted], %[d], #8\n\tlsr %[low], %[c], #8\n\t"
            "sel %[c], %[c], %[shifted]\n\tsel %[d], %[low], %[d]"
            : [a] "=&r"(r.a), [b] "=&r"(r.b), [c] "=&r"(r.c), [d] "=&r"(r.d), [low] "=&r"(low), [high] "=&r"(high),
              [shifted] "=&r"(shifted)
            : "0"(rows.a), "1"(rows.b), "2"(rows.c), "3"(rows.d), [even] "r"(0x00ff00ffu));
    return r;
}

/* Writes four bytes to p, which need not be aligned; the lowest byte of the word comes first. */
MICRONETS_INLINE void micronets_store4(int8_t *p, uint32_t bytes)
{
    ((micronets_word *)(void *)p)->bytes = bytes;
}

#else

/* What the functions of the other branch compute, in portable C. */

MICRONETS_INLINE int32_t micronets_high_plus(int32_t a, int32_t b)
{
    return a + (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}

MICRONETS_INLINE int32_t micronets_smmulr(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}

MICRONETS_INLINE int32_t micronets_shift_add(int32_t value, int32_t shift, int32_t addend)
{
    return (int32_t)((((int64_t)value >> ((shift & 255) - 1)) + 1) >> 1) + addend;
}

MICRONETS_INLINE int32_t micronets_round_add(int32_t value, int32_t shift, int32_t addend)
{
    return (shift & 255) == 0 ? value + addend : micronets_shift_add(value + (value >> 31), shift, addend);
}

MICRONETS_INLINE int32_t micronets_saturate(int32_t value)
{
    return value < -128 ? -128 : value > 127 ? 127 : value;
}

MICRONETS_INLINE int32_t micronets_saturate16(int32_t value)
{
    return value < -32768 ? -32768 : value > 32767 ? 32767 : value;
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

MICRONETS_INLINE int32_t micronets_smlawb(int32_t value, micronets_pair pair, int32_t sum)
{
    const int64_t product = (int64_t)value * (int16_t)(uint16_t)pair;
    return (int32_t)((uint32_t)sum + (uint32_t)(int32_t)(product >> 16));
}

MICRONETS_INLINE int32_t micronets_smlawt(int32_t value, micronets_pair pair, int32_t sum)
{
    return micronets_smlawb(value, pair >> 16, sum);
}

MICRONETS_INLINE micronets_pair micronets_upper_halves(int32_t a, int32_t b)
{
    return (uint32_t)a >> 16 | ((uint32_t)b & 0xffff0000u);
}

MICRONETS_INLINE micronets_pair micronets_saturate_pair(micronets_pair pair)
{
    const int32_t low = micronets_low_half(pair), high = micronets_high_half(pair);
    return micronets_pack2(low < 0 ? 0 : low > 255 ? 255 : low, high < 0 ? 0 : high > 255 ? 255 : high);
}

MICRONETS_INLINE uint32_t micronets_choose4(uint32_t a, uint32_t b, uint32_t yes, uint32_t no)
{
    uint32_t r = 0;
    for (int32_t k = 0; k < 32; k += 8) {
        r |= ((int8_t)(uint8_t)(a >> k) >= (int8_t)(uint8_t)(b >> k) ? yes : no) & 255u << k;
    }
    return r;
}

MICRONETS_INLINE uint32_t micronets_saturate_byte(uint32_t value)
{
    return value > INT32_MAX ? 0 : value > 255u ? 255u : value;
}

MICRONETS_INLINE uint32_t micronets_minus4(uint32_t a, uint32_t b)
{
    return ((a | 0x80808080u) - (b & 0x7f7f7f7fu)) ^ ((a ^ ~b) & 0x80808080u);
}

MICRONETS_INLINE uint32_t micronets_choose_bytes(uint32_t a, uint32_t b, uint32_t yes, uint32_t no)
{
    return micronets_choose4(a ^ 0x80808080u, b ^ 0x80808080u, yes, no);
}

MICRONETS_INLINE int32_t micronets_zero_bits(uint32_t value)
{
    int32_t zeros = 0;
    for (; value < 0x80000000u; value *= 2u) {
        zeros++;
    }
    return zeros;
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

typedef struct {
    uint32_t a, b, c, d;
} micronets_block;

MICRONETS_INLINE micronets_block micronets_columns(micronets_block rows)
{
    uint32_t r[4];
    for (int32_t k = 0; k < 4; k++) {
        const int32_t n = 8 * k;
        r[k] = (rows.a >> n & 255) | (rows.b >> n & 255) << 8 | (rows.c >> n & 255) << 16 | (rows.d >> n & 255) << 24;
    }
    const micronets_block columns = {r[0], r[1], r[2], r[3]};
    return columns;
}

MICRONETS_INLINE void micronets_copy2(int8_t *target, const int8_t *source)
{
    target[0] = source[0];
    target[1] = source[1];
}

MICRONETS_INLINE uint32_t micronets_min4(uint32_t a, uint32_t b)
{
    return ~micronets_max4(~a, ~b);
}

MICRONETS_INLINE uint32_t micronets_plus_bytes(uint32_t sum, uint32_t bytes)
{
    return sum + (bytes & 255) + (bytes >> 8 & 255) + (bytes >> 16 & 255) + (bytes >> 24);
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

MICRONETS_INLINE micronets_pair micronets_even_bytes(uint32_t bytes)
{
    return bytes & 0x00ff00ffu;
}

MICRONETS_INLINE micronets_pair micronets_odd_bytes(uint32_t bytes)
{
    return bytes >> 8 & 0x00ff00ffu;
}

MICRONETS_INLINE int32_t micronets_smlabb(micronets_pair a, micronets_pair b, int32_t sum)
{
    return (int32_t)((uint32_t)sum + (uint32_t)((int16_t)(uint16_t)a * (int16_t)(uint16_t)b));
}

MICRONETS_INLINE int32_t micronets_smlatt(micronets_pair a, micronets_pair b, int32_t sum)
{
    return micronets_smlabb(a >> 16, b >> 16, sum);
}

MICRONETS_INLINE int32_t micronets_smulbb(micronets_pair a, micronets_pair b)
{
    return micronets_smlabb(a, b, 0);
}

MICRONETS_INLINE int32_t micronets_smultt(micronets_pair a, micronets_pair b)
{
    return micronets_smlatt(a, b, 0);
}

MICRONETS_INLINE int32_t micronets_smlad(micronets_pair a, micronets_pair b, int32_t sum)
{
    return micronets_smlatt(a, b, micronets_smlabb(a, b, sum));
}

#endif

/* Returns a word of the low bytes of four values, that of the first value lowest. */
MICRONETS_INLINE uint32_t micronets_pack4(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return ((uint32_t)a & 0xffu) | ((uint32_t)b & 0xffu) << 8 | ((uint32_t)c & 0xffu) << 16 | (uint32_t)d << 24;
}

/* Returns four codes as bytes of a word, that of the first value lowest; a, b, c, d: the codes plus 128, 0 .. 255. */
MICRONETS_INLINE uint32_t micronets_codes4(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return (a | b << 8 | c << 16 | d << 24) ^ 0x80808080u;
}

/* Returns four codes, saturated to -128 .. 127, as bytes of a word.
 *
 * even, odd: the codes 0 and 2, and 1 and 3, plus 128 each, as pairs. */
MICRONETS_INLINE uint32_t micronets_saturate4(micronets_pair even, micronets_pair odd)
{
    return (micronets_saturate_pair(even) | micronets_saturate_pair(odd) << 8) ^ 0x80808080u;
}

/* Clamps `count` codes, a multiple of four, to lowest .. highest. */
MICRONETS_INLINE void micronets_clamp_quads(int8_t *codes, int32_t count, int32_t lowest, int32_t highest)
{
    const uint32_t lowest4 = MICRONETS_REPEAT4(lowest), highest4 = MICRONETS_REPEAT4(highest);
    for (int32_t i = 0; i < count; i += 4) {
        micronets_store4(codes + i, micronets_clamp4(micronets_load4(codes + i), lowest4, highest4));
    }
}

#endif
#endif
