/* The 16-bit integer Fourier transform of TFLM's audio front end and signal operators: complex numbers in words, and
 * the steps of the transform. micronets.frontend.micro_arithmetic computes the same bits in numpy. The functions are
 * static; source files include this header. */
#ifndef MICRONETS_SPECTRUM_H
#define MICRONETS_SPECTRUM_H

#include <stdint.h>

#include "micronets_target.h"

#define COMPLEX_QUARTER 8191 /* 1 / 4, 15 fractional bits, as a radix-4 stage divides by 4 */
#define COMPLEX_HALF 16383   /* 1 / 2, likewise */

/* A complex number of two int16 in a word, the real part in its low half. */
typedef uint32_t complex16;

#if MICRONETS_DSP_ASSEMBLY

/* Returns sum + (low half of a) * (low half of b). */
MICRONETS_INLINE int32_t complex_low_product(complex16 a, complex16 b, int32_t sum)
{
    int32_t r;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + (high half of a) * (low half of b). */
MICRONETS_INLINE int32_t complex_high_product(complex16 a, complex16 b, int32_t sum)
{
    int32_t r;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + the real part of a * b. */
MICRONETS_INLINE int32_t complex_real_product(complex16 a, complex16 b, int32_t sum)
{
    int32_t r;
    __asm__("smlsd %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + the imaginary part of a * b. */
MICRONETS_INLINE int32_t complex_imag_product(complex16 a, complex16 b, int32_t sum)
{
    int32_t r;
    __asm__("smladx %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns the squared magnitude of a. */
MICRONETS_INLINE uint32_t complex_square(complex16 a)
{
    uint32_t r;
    __asm__("smuad %0, %1, %1" : "=r"(r) : "r"(a));
    return r;
}

/* Returns the pair of real / 2^15 and imag / 2^15, truncated to 16 bits each. */
MICRONETS_INLINE complex16 complex_narrowed(int32_t real, int32_t imag)
{
    complex16 r;
    __asm__("pkhtb %0, %1, %2, asr #15" : "=r"(r) : "r"((uint32_t)imag << 1), "r"(real));
    return r;
}

/* Returns a + b; halves wrap. */
MICRONETS_INLINE complex16 complex_plus(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("sadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns a - b; halves wrap. */
MICRONETS_INLINE complex16 complex_minus(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("ssub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns a + i b; halves wrap. */
MICRONETS_INLINE complex16 complex_plus_i(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("sasx %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns a - i b; halves wrap. */
MICRONETS_INLINE complex16 complex_minus_i(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("ssax %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns (a + b) / 2, rounded down; no sum wraps. */
MICRONETS_INLINE complex16 complex_half_sum(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("shadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns (a - b) / 2, rounded down; no difference wraps. */
MICRONETS_INLINE complex16 complex_half_difference(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("shsub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns the low half of a and the high half of b as a pair. */
MICRONETS_INLINE complex16 complex_low_and_high(complex16 a, complex16 b)
{
    complex16 r;
    __asm__("pkhbt %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

#else

/* Returns the low half of a pair. */
MICRONETS_INLINE int32_t complex_low(complex16 a)
{
    return (int16_t)(a & 0xFFFFu);
}

/* Returns the high half of a pair. */
MICRONETS_INLINE int32_t complex_high(complex16 a)
{
    return (int16_t)(a >> 16);
}

/* Returns the pair of two numbers, truncated to 16 bits each. */
MICRONETS_INLINE complex16 complex_of(int32_t real, int32_t imag)
{
    return ((uint32_t)real & 0xFFFFu) | ((uint32_t)imag << 16);
}

/* Returns sum + (low half of a) * (low half of b). */
MICRONETS_INLINE int32_t complex_low_product(complex16 a, complex16 b, int32_t sum)
{
    return sum + complex_low(a) * complex_low(b);
}

/* Returns sum + (high half of a) * (low half of b). */
MICRONETS_INLINE int32_t complex_high_product(complex16 a, complex16 b, int32_t sum)
{
    return sum + complex_high(a) * complex_low(b);
}

/* Returns sum + the real part of a * b. */
MICRONETS_INLINE int32_t complex_real_product(complex16 a, complex16 b, int32_t sum)
{
    return sum + complex_low(a) * complex_low(b) - complex_high(a) * complex_high(b);
}

/* Returns sum + the imaginary part of a * b. */
MICRONETS_INLINE int32_t complex_imag_product(complex16 a, complex16 b, int32_t sum)
{
    return sum + complex_low(a) * complex_high(b) + complex_high(a) * complex_low(b);
}

/* Returns the squared magnitude of a. */
MICRONETS_INLINE uint32_t complex_square(complex16 a)
{
    return (uint32_t)(complex_low(a) * complex_low(a)) + (uint32_t)(complex_high(a) * complex_high(a));
}

/* Returns the pair of real / 2^15 and imag / 2^15, truncated to 16 bits each. */
MICRONETS_INLINE complex16 complex_narrowed(int32_t real, int32_t imag)
{
    return complex_of(real >> 15, imag >> 15);
}

/* Returns a + b; halves wrap. */
MICRONETS_INLINE complex16 complex_plus(complex16 a, complex16 b)
{
    return complex_of(complex_low(a) + complex_low(b), complex_high(a) + complex_high(b));
}

/* Returns a - b; halves wrap. */
MICRONETS_INLINE complex16 complex_minus(complex16 a, complex16 b)
{
    return complex_of(complex_low(a) - complex_low(b), complex_high(a) - complex_high(b));
}

/* Returns a + i b; halves wrap. */
MICRONETS_INLINE complex16 complex_plus_i(complex16 a, complex16 b)
{
    return complex_of(complex_low(a) - complex_high(b), complex_high(a) + complex_low(b));
}

/* Returns a - i b; halves wrap. */
MICRONETS_INLINE complex16 complex_minus_i(complex16 a, complex16 b)
{
    return complex_of(complex_low(a) + complex_high(b), complex_high(a) - complex_low(b));
}

/* Returns (a + b) / 2, rounded down; no sum wraps. */
MICRONETS_INLINE complex16 complex_half_sum(complex16 a, complex16 b)
{
    return complex_of((complex_low(a) + complex_low(b)) >> 1, (complex_high(a) + complex_high(b)) >> 1);
}

/* Returns (a - b) / 2, rounded down; no difference wraps. */
MICRONETS_INLINE complex16 complex_half_difference(complex16 a, complex16 b)
{
    return complex_of((complex_low(a) - complex_low(b)) >> 1, (complex_high(a) - complex_high(b)) >> 1);
}

/* Returns the low half of a and the high half of b as a pair. */
MICRONETS_INLINE complex16 complex_low_and_high(complex16 a, complex16 b)
{
    return (a & 0xFFFFu) | (b & 0xFFFF0000u);
}

#endif

/* Returns a times a factor with 15 fractional bits, rounded to nearest. */
MICRONETS_INLINE complex16 complex_scaled(complex16 a, int32_t factor)
{
    return complex_narrowed(complex_low_product(a, (complex16)factor, 1 << 14),
                            complex_high_product(a, (complex16)factor, 1 << 14));
}

/* Returns a times b, which has 15 fractional bits, rounded to nearest. */
MICRONETS_INLINE complex16 complex_turned(complex16 a, complex16 b)
{
    return complex_narrowed(complex_real_product(a, b, 1 << 14), complex_imag_product(a, b, 1 << 14));
}

/* Returns a times 2^up, truncated to 16 bits each. */
MICRONETS_INLINE complex16 complex_raised(complex16 a, int32_t up)
{
    return complex_low_and_high(a << up, (a & 0xFFFF0000u) << up);
}

/* Writes the butterfly of four complex numbers, the last three of which have been rotated, `step` words apart. */
MICRONETS_INLINE void complex_butterfly(complex16 *z, int32_t step, complex16 a, complex16 b, complex16 c, complex16 d)
{
    const complex16 sum = complex_plus(a, c), difference = complex_minus(a, c), odd = complex_plus(b, d),
                    rest = complex_minus(b, d);
    z[0] = complex_plus(sum, odd);
    z[step] = complex_minus_i(difference, rest);
    z[2 * step] = complex_minus(sum, odd);
    z[3 * step] = complex_plus_i(difference, rest);
}

/* The radix-4 stages of a Fourier transform, each of which divides by 4.
 *
 * z: [in, out] `points` complex numbers, of which groups of `size` adjacent ones are transformed already.
 * points, size: powers of 2; points is size times a power of 4. twiddles: [in] [3 points / 4]. */
MICRONETS_INLINE void complex_stages(complex16 *z, int32_t points, int32_t size, const uint32_t *twiddles)
{
    for (int32_t step = points / (4 * size); size < points; size *= 4, step /= 4) {
        const uint32_t *a = twiddles, *b = twiddles, *c = twiddles;
        for (int32_t j = 0; j < size; j++, a += step, b += 2 * step, c += 3 * step) {
            const complex16 turn_a = *a, turn_b = *b, turn_c = *c;
            for (complex16 *at = z + j; at < z + points; at += 4 * size) {
                complex_butterfly(at, size, complex_scaled(at[0], COMPLEX_QUARTER),
                                  complex_turned(complex_scaled(at[size], COMPLEX_QUARTER), turn_a),
                                  complex_turned(complex_scaled(at[2 * size], COMPLEX_QUARTER), turn_b),
                                  complex_turned(complex_scaled(at[3 * size], COMPLEX_QUARTER), turn_c));
            }
        }
    }
}

/* Computes two bins of the transform of real numbers from two bins of the transform of complex numbers, whose real
 * parts are the even-numbered real numbers.
 *
 * bin: [in, out] bin k. mirror: [in, out] the bin as far from the end; it may be the same one. turn: exp(-pi i (k /
 *   points + 1 / 2)). */
MICRONETS_INLINE void complex_split(complex16 *bin, complex16 *mirror, uint32_t turn)
{
    const complex16 here = complex_scaled(*bin, COMPLEX_HALF), there = *mirror;
    const complex16 mirrored = complex_scaled(complex_low_and_high(there, complex_minus(0, there)), COMPLEX_HALF);
    const complex16 even = complex_plus(here, mirrored), odd = complex_turned(complex_minus(here, mirrored), turn);
    *bin = complex_half_sum(even, odd);
    *mirror = complex_low_and_high(complex_half_difference(even, odd), complex_half_difference(odd, even));
}

#endif
