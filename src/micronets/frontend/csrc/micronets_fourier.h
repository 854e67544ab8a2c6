/* The integer Fourier transform and logarithm that the front ends share. The operations are in the same order as in
 * micronets.frontend.fourier, so that every bit is equal. The functions are static; source files that compute spectra
 * include this header. */
#ifndef MICRONETS_FOURIER_H
#define MICRONETS_FOURIER_H

#include <stdint.h>

#include "micronets_bits.h"

#define LOG_BITS 15    /* fractional bits of a logarithm to base 2 */
#define POWER_SHIFT 10 /* right shift of squared magnitudes before they are weighted or summed */

/* log2(1 + i / 64), LOG_BITS fractional bits. */
static const uint16_t logarithms[65] = {0,     733,   1455,  2166,  2866,  3556,  4236,  4907,  5568,  6220,  6863,
                                        7498,  8124,  8742,  9352,  9954,  10549, 11136, 11716, 12289, 12855, 13415,
                                        13968, 14514, 15055, 15589, 16117, 16639, 17156, 17667, 18173, 18673, 19168,
                                        19658, 20143, 20623, 21098, 21568, 22034, 22495, 22952, 23404, 23852, 24296,
                                        24736, 25172, 25604, 26031, 26455, 26876, 27292, 27705, 28114, 28520, 28922,
                                        29321, 29717, 30109, 30498, 30884, 31267, 31647, 32024, 32397, 32768};

#if MICRONETS_DSP_ASSEMBLY

/* Returns the upper 32 bits of the 48-bit product value * (low half of `pair`). */
MICRONETS_INLINE int32_t by_low(int32_t value, uint32_t pair)
{
    int32_t r;
    __asm__("smulwb %0, %1, %2" : "=r"(r) : "r"(value), "r"(pair));
    return r;
}

/* Returns the upper 32 bits of the 48-bit product value * (high half of `pair`). */
MICRONETS_INLINE int32_t by_high(int32_t value, uint32_t pair)
{
    int32_t r;
    __asm__("smulwt %0, %1, %2" : "=r"(r) : "r"(value), "r"(pair));
    return r;
}

/* Returns sum + by_high(value, pair). */
MICRONETS_INLINE int32_t add_by_high(int32_t value, uint32_t pair, int32_t sum)
{
    int32_t r;
    __asm__("smlawt %0, %1, %2, %3" : "=r"(r) : "r"(value), "r"(pair), "r"(sum));
    return r;
}

/* Returns the 32 bits of `value` in reverse order. */
MICRONETS_INLINE uint32_t reversed(uint32_t value)
{
    uint32_t r;
    __asm__("rbit %0, %1" : "=r"(r) : "r"(value));
    return r;
}

#else

/* Returns the upper 32 bits of the 48-bit product value * (low half of `pair`). */
MICRONETS_INLINE int32_t by_low(int32_t value, uint32_t pair)
{
    return (int32_t)(((int64_t)value * (int16_t)(pair & 0xFFFFu)) >> 16);
}

/* Returns the upper 32 bits of the 48-bit product value * (high half of `pair`). */
MICRONETS_INLINE int32_t by_high(int32_t value, uint32_t pair)
{
    return (int32_t)(((int64_t)value * (int16_t)(pair >> 16)) >> 16);
}

/* Returns sum + by_high(value, pair). */
MICRONETS_INLINE int32_t add_by_high(int32_t value, uint32_t pair, int32_t sum)
{
    return sum + by_high(value, pair);
}

/* Returns the 32 bits of `value` in reverse order. */
MICRONETS_INLINE uint32_t reversed(uint32_t value)
{
    value = ((value >> 1) & 0x55555555u) | ((value & 0x55555555u) << 1);
    value = ((value >> 2) & 0x33333333u) | ((value & 0x33333333u) << 2);
    value = ((value >> 4) & 0x0F0F0F0Fu) | ((value & 0x0F0F0F0Fu) << 4);
    value = ((value >> 8) & 0x00FF00FFu) | ((value & 0x00FF00FFu) << 8);
    return (value >> 16) | (value << 16);
}

#endif

/* Stores real + i * imag at z and z + 1, multiplied by a cosine minus i times a sine, and halved. */
MICRONETS_INLINE void store_turned(int32_t *z, int32_t real, int32_t imag, uint32_t pair)
{
    z[0] = add_by_high(imag, pair, by_low(real, pair));
    z[1] = by_low(imag, pair) - by_high(real, pair);
}

/* A radix-4 butterfly of complex numbers `quarter` words apart; a, b and c rotate its second, third and fourth
 * output. */
MICRONETS_INLINE void butterfly(int32_t *z, int32_t quarter, uint32_t a, uint32_t b, uint32_t c)
{
    int32_t *const z1 = z + quarter, *const z2 = z1 + quarter, *const z3 = z2 + quarter;
    const int32_t r0 = z[0] >> 1, i0 = z[1] >> 1, r1 = z1[0] >> 1, i1 = z1[1] >> 1;
    const int32_t sum_r = r0 + (z2[0] >> 1), sum_i = i0 + (z2[1] >> 1);
    const int32_t dif_r = r0 - (z2[0] >> 1), dif_i = i0 - (z2[1] >> 1);
    const int32_t sum2_r = r1 + (z3[0] >> 1), sum2_i = i1 + (z3[1] >> 1);
    const int32_t dif2_r = r1 - (z3[0] >> 1), dif2_i = i1 - (z3[1] >> 1);
    z[0] = (sum_r + sum2_r) >> 1;
    z[1] = (sum_i + sum2_i) >> 1;
    /* The second and third outputs are exchanged so that the bins end up in bit-reversed order. */
    store_turned(z1, sum_r - sum2_r, sum_i - sum2_i, b);
    store_turned(z2, dif_r + dif2_i, dif_i - dif2_r, a);
    store_turned(z3, dif_r - dif2_i, dif_i + dif2_r, c);
}

/* The butterflies of the first stage if the upper half of the numbers is 0; the results are those of `butterfly`. */
static void butterflies_of_half(int32_t *z, int32_t points, const uint32_t *twiddles)
{
    const uint32_t *b = twiddles, *c = twiddles;
    int32_t *const end = z + points / 2;
    for (; z < end; z += 2, b += 2, c += 3) {
        int32_t *const z1 = z + points / 2, *const z2 = z1 + points / 2, *const z3 = z2 + points / 2;
        const int32_t r0 = z[0] >> 1, i0 = z[1] >> 1, r1 = z1[0] >> 1, i1 = z1[1] >> 1;
        z[0] = (r0 + r1) >> 1;
        z[1] = (i0 + i1) >> 1;
        store_turned(z1, r0 - r1, i0 - i1, *b);
        store_turned(z2, r0 + i1, i0 - r1, *twiddles++);
        store_turned(z3, r0 - i1, i0 + r1, *c);
    }
}

/* The butterflies of the last radix-4 stage, whose outputs are halved and not rotated. */
static void last_butterflies(int32_t *z, int32_t points)
{
    for (int32_t *const end = z + 2 * points; z < end; z += 8) {
        const int32_t r0 = z[0] >> 1, i0 = z[1] >> 1, r1 = z[2] >> 1, i1 = z[3] >> 1;
        const int32_t sum_r = r0 + (z[4] >> 1), sum_i = i0 + (z[5] >> 1);
        const int32_t dif_r = r0 - (z[4] >> 1), dif_i = i0 - (z[5] >> 1);
        const int32_t sum2_r = r1 + (z[6] >> 1), sum2_i = i1 + (z[7] >> 1);
        const int32_t dif2_r = r1 - (z[6] >> 1), dif2_i = i1 - (z[7] >> 1);
        z[0] = (sum_r + sum2_r) >> 1;
        z[1] = (sum_i + sum2_i) >> 1;
        z[2] = (sum_r - sum2_r) >> 1;
        z[3] = (sum_i - sum2_i) >> 1;
        z[4] = (dif_r + dif2_i) >> 1;
        z[5] = (dif_i - dif2_r) >> 1;
        z[6] = (dif_r - dif2_i) >> 1;
        z[7] = (dif_i + dif2_r) >> 1;
    }
}

/* Fourier transform of `points` complex numbers in place, divided by `points`; the bins are in bit-reversed order.
 *
 * - z: in and out, [points] pairs of real and imaginary part.
 * - points: the number of points, a power of 2.
 * - twiddles: in, [3 * points / 4] words, each a cosine and a sine.
 * - half: whether the upper half of the numbers counts as 0; it then need not be initialised. */
static void transform(int32_t *z, int32_t points, const uint32_t *twiddles, int32_t half)
{
    int32_t n = points, step = 1;
    if (half) {
        butterflies_of_half(z, points, twiddles);
        n /= 4;
        step *= 4;
    }
    for (; n > 4; n /= 4, step *= 4) {
        const uint32_t *a = twiddles, *b = twiddles, *c = twiddles;
        for (int32_t j = 0; j < n / 4; j++) {
            const uint32_t turn_a = *a, turn_b = *b, turn_c = *c;
            for (int32_t *at = z + 2 * j; at < z + 2 * points; at += 2 * n) {
                butterfly(at, n / 2, turn_a, turn_b, turn_c);
            }
            a += step;
            b += 2 * step;
            c += 3 * step;
        }
    }
    if (n == 4) {
        last_butterflies(z, points);
        return;
    }
    for (int32_t *const end = z + 2 * points; z < end; z += 4) {
        const int32_t r = z[0] >> 1, i = z[1] >> 1, r1 = z[2] >> 1, i1 = z[3] >> 1;
        z[0] = r + r1;
        z[1] = i + i1;
        z[2] = r - r1;
        z[3] = i - i1;
    }
}

/* Returns log2 of a positive number, LOG_BITS fractional bits. */
static int32_t log_2(uint64_t value)
{
    const uint32_t high = (uint32_t)(value >> 32);
    const int32_t exponent = (high ? 32 + bit_length(high) : bit_length((uint32_t)value)) - 1;
    const uint32_t mantissa = (uint32_t)(exponent > 31 ? value >> (exponent - 31) : value << (31 - exponent));
    const uint16_t *const line = logarithms + ((mantissa >> 25) & 63u);
    const uint32_t rest = (mantissa >> 9) & 0xFFFFu;
    return exponent * (1 << LOG_BITS) + line[0] + (int32_t)(((uint32_t)(line[1] - line[0]) * rest) >> 16);
}

/* Returns the squared magnitude of bin k of the real transform.
 *
 * - z: the transform of `points` complex numbers, whose real parts are the even samples and whose imaginary parts are
 *     the odd ones.
 * - shift: 32 - log2 of `points`.
 * - turn: cosine and sine of pi k / points. */
MICRONETS_INLINE uint64_t power_of_bin(const int32_t *z, int32_t points, uint32_t k, int32_t shift, uint32_t turn)
{
    const uint32_t mask = (uint32_t)points - 1u;
    const int32_t *const a = z + 2 * (reversed(k & mask) >> shift);
    const int32_t *const b = z + 2 * (reversed((0u - k) & mask) >> shift);
    const int32_t ar = a[0] >> 1, ai = a[1] >> 1;
    const int32_t odd_r = ar - (b[0] >> 1), odd_i = ai + (b[1] >> 1);
    const int32_t x = ar + (b[0] >> 1) + 2 * (by_low(odd_i, turn) - by_high(odd_r, turn));
    const int32_t y = ai - (b[1] >> 1) - 2 * add_by_high(odd_i, turn, by_low(odd_r, turn));
    return (uint64_t)((int64_t)x * x) + (uint64_t)((int64_t)y * y);
}

#endif
