/* Arithmetic of TFLM's audio front end and signal operators on single frequency bands: square roots, gains and
 * logarithms. micronets.frontend.micro_arithmetic computes the same bits in numpy. The functions are static; source
 * files include this header. */
#ifndef MICRONETS_BANDS_H
#define MICRONETS_BANDS_H

#include <stdint.h>

#include "micronets_bits.h"
#include "micronets_target.h"

#define BAND_RATIO_BITS 12 /* fractional bits of a signal divided by its noise */
#define BAND_OUT_BITS 6    /* fractional bits of the gain control's output */
#define BAND_LOG_BITS 16   /* fractional bits of a logarithm */
#define BAND_LN_2 45426    /* the natural logarithm of 2, BAND_LOG_BITS fractional bits */

/* Returns the square root of a number below 2^48, rounded to nearest; that of a 32-bit number has 16 bits. */
MICRONETS_INLINE uint32_t root_of_48(uint64_t value)
{
    const uint32_t upper = (uint32_t)(value >> 32);
    uint32_t found;
    if (value == 0) {
        return 0;
    }
    if (upper == 0) {
        const int32_t shift = (32 - bit_length((uint32_t)value)) & ~1;
        found = root_of_upper((uint32_t)value << shift) >> (shift / 2);
        return found + (found < 0xFFFFu && (uint32_t)value - found * found > found);
    }
    /* The root of the upper 32 of 48 bits, and a division for 8 bits more (Zimmermann, Karatsuba Square Root, 1999). */
    const int32_t shift = (16 - bit_length(upper)) & ~1;
    const uint64_t whole = value << shift;
    const uint32_t first = root_of_upper((uint32_t)(whole >> 16));
    const uint32_t rest = (((uint32_t)(whole >> 16) - first * first) << 8) | ((uint32_t)(whole >> 8) & 0xFFu);
    const uint32_t digit = rest / (2 * first);
    const int32_t left = (int32_t)(((rest - digit * 2 * first) << 8) | ((uint32_t)whole & 0xFFu));
    found = (first << 8) + digit;
    found = (found - (left < (int32_t)(digit * digit))) >> (shift / 2);
    return found + (value - (uint64_t)found * found > found);
}

/* Returns the gain of a band.
 *
 * gains: [in] [33][3], the coefficients of a parabola for noise estimates of 0, 1, ... bits. noise: the estimate. */
MICRONETS_INLINE uint32_t gain_of(const int16_t *gains, uint32_t noise)
{
    const int32_t bits = bit_length(noise);
    const int16_t *const row = gains + 3 * bits;
    const int32_t place = (int32_t)((bits < 11 ? noise << (11 - bits) : noise >> (bits - 11)) & 0x3FFu);
    const int32_t sum = ((row[2] * place) >> 5) + row[1] * 32;
    return (uint32_t)(row[0] + ((sum * place + (1 << 14)) >> 15));
}

/* Returns the ratio of a signal to its noise minus 1, with BAND_OUT_BITS fractional bits; a small ratio is squared
 * instead. ratio: BAND_RATIO_BITS fractional bits. */
MICRONETS_INLINE uint32_t shrunk_ratio(uint32_t ratio)
{
    return ratio < (2u << BAND_RATIO_BITS) ? (ratio * ratio) >> (2 + 2 * BAND_RATIO_BITS - BAND_OUT_BITS)
                                           : (ratio >> (BAND_RATIO_BITS - BAND_OUT_BITS)) - (1u << BAND_OUT_BITS);
}

/* Returns `scale` times the natural logarithm of a number, rounded to nearest, modulo 2^32; 0 for 0 and 1.
 *
 * logarithms: [in] [129], log2(1 + i / 128) - i / 128, BAND_LOG_BITS fractional bits. */
MICRONETS_INLINE uint32_t logarithm_of(const uint16_t *logarithms, uint32_t value, uint32_t scale)
{
    if (value < 2) {
        return 0;
    }
    const int32_t exponent = bit_length(value) - 1;
    const uint32_t rest = value - (1u << exponent);
    const int32_t part =
        (int32_t)(exponent < BAND_LOG_BITS ? rest << (BAND_LOG_BITS - exponent) : rest >> (exponent - BAND_LOG_BITS));
    const uint16_t *const line = logarithms + (part >> 9);
    const int32_t between = ((line[1] - line[0]) * (part & 511)) >> BAND_LOG_BITS;
    const uint32_t log_2 = (uint32_t)(exponent * (1 << BAND_LOG_BITS) + part + line[0] + between);
    const uint32_t natural = (uint32_t)(((uint64_t)BAND_LN_2 * log_2 + (1u << (BAND_LOG_BITS - 1))) >> BAND_LOG_BITS);
    return (natural * scale + (1u << (BAND_LOG_BITS - 1))) >> BAND_LOG_BITS;
}

#endif
