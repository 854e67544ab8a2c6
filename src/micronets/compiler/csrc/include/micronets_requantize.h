/* Fixed-point rescaling, rounded as in TensorFlow Lite Micro: once at the high half of the product, once at the
 * shift. */
#ifndef MICRONETS_REQUANTIZE_H
#define MICRONETS_REQUANTIZE_H

#include "micronets_kernels.h"
#include "micronets_words.h"

/* Returns value * multiplier / 2^31, rounded to nearest, halves upwards.
 *
 * value: any. multiplier: 0 .. 2^31 - 1. */
MICRONETS_INLINE int32_t micronets_high(int32_t value, int32_t multiplier)
{
#if MICRONETS_NARROW_PRODUCTS
    /* The value plus 2^31 and the multiplier are split into 16-bit halves; no sum exceeds 32 bits. */
    const uint32_t raised = (uint32_t)value ^ 0x80000000u, factor = (uint32_t)multiplier;
    const uint32_t low = raised & 0xffffu, high = raised >> 16, small = factor & 0xffffu, large = factor >> 16;
    const uint32_t middle = high * small + (low * small >> 16);
    const uint32_t rest = (low * large + (middle & 0xffffu) + 0x4000u) >> 15;
    return (int32_t)(2 * (high * large + (middle >> 16)) + rest - factor);
#else
    return (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << 30)) >> 31);
#endif
}

/* Returns value * multiplier * 2^(shift - 31), rounded at the product and at the shift.
 *
 * value: any. multiplier: 0 or 2^30 .. 2^31 - 1. shift: -31 .. 31; a shift to the left wraps at 32 bits. */
MICRONETS_INLINE int32_t micronets_multiply(int32_t value, int32_t multiplier, int32_t shift)
{
    /* The left shift is masked, not conditional: compilers would otherwise duplicate the code that follows. */
    const int32_t shifted = (int32_t)((uint32_t)value << (shift & ~(shift >> 31)));
    int32_t high = micronets_high(shifted, multiplier);
    if (shift < 0) { /* halves away from zero; high is within +-(2^31 - 1), so that neither sum overflows */
        high = (((high + (high >> 31)) >> ~shift) + 1) >> 1;
    }
    return high;
}

/* Returns `value` clamped to lowest .. highest; if lowest is above highest, it returns highest. */
MICRONETS_INLINE int32_t micronets_clamp(int32_t value, int32_t lowest, int32_t highest)
{
    const int32_t raised = value < lowest ? lowest : value;
    return raised > highest ? highest : raised;
}

/* Returns a limit of a clamp as a code in each of four bytes.
 *
 * requant: [in] gives the output's zero point. limit: relative to that. */
MICRONETS_INLINE uint32_t micronets_limit4(const micronets_requant *requant, int32_t limit)
{
    return MICRONETS_REPEAT4(limit + requant->zero_point);
}

/* The scale of one output channel: the bias is added to a sum, and the result is multiplied by
 * multiplier * 2^(shift - 31). */
typedef struct {
    int32_t bias, multiplier, shift;
} micronets_scale;

/* Returns the scale of an output channel.
 *
 * requant: [in] packed or plain tables. channel: the channel, at least 0. */
MICRONETS_INLINE micronets_scale micronets_scale_of(const micronets_requant *requant, int32_t channel)
{
    const int32_t k = channel * requant->per_channel, word = requant->bias[channel],
                  multiplier = requant->multiplier[k];
    micronets_scale scale = {word, multiplier, 0};
    if (requant->shift_count > 0) {
        scale.shift = requant->multiplier[requant->shift_count + k];
    } else {
        scale.bias = word >> 8;
        scale.multiplier = (int32_t)((uint32_t)multiplier >> 1);
        scale.shift = -(word & 255);
    }
    return scale;
}

/* Returns the code of a sum of products, -128 .. 127.
 *
 * sum: the sum without its bias; the two together wrap at 32 bits. requant: [in] packed or plain tables. channel: the
 * output channel of the sum, at least 0. */
MICRONETS_INLINE int8_t micronets_requantize(int32_t sum, const micronets_requant *requant, int32_t channel)
{
    const micronets_scale scale = micronets_scale_of(requant, channel);
    const int32_t total = (int32_t)((uint32_t)sum + (uint32_t)scale.bias);
    const int32_t value = micronets_multiply(total, scale.multiplier, scale.shift);
    return (int8_t)(micronets_clamp(value, requant->lowest, requant->highest) + requant->zero_point);
}

/* Returns the code of 256 times a sum of products and its bias with a straight table, -128 .. 127.
 *
 * total: the sum and bias. multiplier: the channel's. shift: the last shift. */
MICRONETS_INLINE int8_t micronets_straight_code_of(int32_t total, int32_t multiplier, int32_t shift)
{
    const int32_t high = (int32_t)((int64_t)total * multiplier >> 32);
    return (int8_t)micronets_clamp(high >> shift, -128, 127);
}

/* Returns the code of a convolution's sum of products with a straight table, -128 .. 127.
 *
 * sum: the sum without its bias. channel: [in] the channel's bias and multiplier. shift: the last shift. */
MICRONETS_INLINE int8_t micronets_straight_code(int32_t sum, const int32_t *channel, int32_t shift)
{
    return micronets_straight_code_of((int32_t)(256u * (uint32_t)sum + (uint32_t)channel[0]), channel[1], shift);
}

#endif
