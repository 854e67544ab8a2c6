/* The requantisation of sums one by one, for cores that multiply two numbers at a time. */
#ifndef MICRONETS_REQUANTIZE_SUMS_H
#define MICRONETS_REQUANTIZE_SUMS_H

#include "micronets_requantize.h"

/* Returns value * doubled / 2^32, rounded to nearest, halves upwards.
 *
 * value: within +-(2^29 - 1). doubled: twice a multiplier, 2^31 .. 2^32 - 1. */
MICRONETS_INLINE int32_t micronets_high_doubled(int32_t value, uint32_t doubled)
{
#if MICRONETS_NARROW_PRODUCTS
    /* With value = a * 2^14 + b and doubled = c * 2^16 + d, the product over 2^30 is a * c + (b * c + (a * d + (b * d)
     * / 2^14) / 4) / 2^14. Every product and sum fits 32 bits: a is within +-2^15, c and d below 2^16, b below 2^14. */
    const int32_t a = value >> 14, c = (int32_t)(doubled >> 16), d = (uint16_t)doubled;
    const uint32_t b = (uint32_t)value & 0x3fffu;
    const int32_t quarter = (a * d + (int32_t)(b * (uint32_t)d >> 14)) >> 2;
    return (a * c + ((quarter + (int32_t)(b * (uint32_t)c)) >> 14) + 2) >> 2;
#else
    return (int32_t)(((int64_t)value * (int64_t)doubled + ((int64_t)1 << 31)) >> 32);
#endif
}

/* Returns the code of a sum with its bias, relative to the output's zero point, before the clamp.
 *
 * total: within +-(2^29 - 1). doubled: of packed tables, its 32 bits without a sign. right: right shift, 1 .. 31. */
MICRONETS_INLINE int32_t micronets_scaled(int32_t total, uint32_t doubled, int32_t right)
{
    const int32_t high = micronets_high_doubled(total, doubled);
    return (((high + (high >> 31)) >> (right - 1)) + 1) >> 1; /* halves away from zero */
}

/* Writes the codes of sums of adjacent output channels with tables that are not packed.
 *
 * sums: [in] `count` sums, without their biases. output: [out] `count` codes. requant: [in] the tables. channel: that
 * of the first sum. count: at least 1. */
MICRONETS_APART void micronets_requantize_any(const uint32_t *sums, int8_t *output, const micronets_requant *requant,
                                              int32_t channel, int32_t count)
{
    for (int32_t k = 0; k < count; k++) {
        output[k] = micronets_requantize((int32_t)sums[k], requant, channel + k);
    }
}

/* Writes the codes of sums of adjacent output channels.
 *
 * sums: [in] `count` sums, without their biases, which wrap at 32 bits; with packed tables, a sum plus its bias is
 * within +-(2^29 - 1). output: [out] `count` codes. requant: [in] packed or plain tables. channel: that of the first
 * sum. count: at least 1. */
MICRONETS_INLINE void micronets_requantize_sums(const uint32_t *sums, int8_t *output, const micronets_requant *requant,
                                                int32_t channel, int32_t count)
{
    if (requant->shift_count > 0) {
        micronets_requantize_any(sums, output, requant, channel, count);
        return;
    }
    const int32_t lowest = requant->lowest, highest = requant->highest, zero = requant->zero_point;
    const int32_t *bias = requant->bias + channel, *multiplier = requant->multiplier;
    const int32_t step = requant->per_channel;
    multiplier += channel * step;
    for (const uint32_t *const end = sums + count; sums != end; multiplier += step) {
        const int32_t word = *bias++, total = (int32_t)(*sums++ + (uint32_t)(word >> 8));
        const int32_t value = micronets_scaled(total, (uint32_t)*multiplier, (uint8_t)word);
        *output++ = (int8_t)(micronets_clamp(value, lowest, highest) + zero);
    }
}

#endif
