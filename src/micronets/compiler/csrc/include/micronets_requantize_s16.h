/* The requantisation of sums of products of int16 codes and int8 weights to int16 codes. */
#ifndef MICRONETS_REQUANTIZE_S16_H
#define MICRONETS_REQUANTIZE_S16_H

#include "micronets_requantize.h"

/* Returns the bias of an output channel.
 *
 * requant: [in] gives it. channel: the channel, at least 0. */
MICRONETS_INLINE int64_t micronets_bias_s16(const micronets_requant_s16 *requant, int32_t channel)
{
    const int32_t low = requant->bias[channel];
    return requant->bias_high ? (int64_t)requant->bias_high[channel] * 4294967296 + (uint32_t)low : low;
}

/* Returns the code of a sum of products, -32768 .. 32767.
 *
 * sum: the sum without its bias; the two together have less than 48 bits, or wrap at 32. requant: [in] bias, scale and
 * limits. channel: the output channel of the sum, at least 0. */
MICRONETS_INLINE int16_t micronets_requantize_s16(int64_t sum, const micronets_requant_s16 *requant, int32_t channel)
{
    const int32_t k = requant->scales > 1 ? channel : 0;
    const int32_t multiplier = requant->multiplier[k], shift = requant->multiplier[requant->scales + k];
    const int64_t total = requant->bias ? sum + micronets_bias_s16(requant, channel) : sum;
    int32_t value;
    if (requant->long_sums) {
        const int64_t twice = (total * multiplier) >> (shift - 1); /* its last bit decides the rounding */
        value = (int32_t)((uint32_t)(uint64_t)(twice >> 1) + ((uint32_t)(uint64_t)twice & 1u));
    } else {
        value = micronets_multiply((int32_t)(uint32_t)(uint64_t)total, multiplier, shift);
    }
    return (int16_t)micronets_clamp(value, requant->lowest, requant->highest);
}

#endif
