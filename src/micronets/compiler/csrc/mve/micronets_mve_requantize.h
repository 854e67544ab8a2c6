/* The requantisation of four sums at a time by Arm's vector extension, with the rounding of micronets_requantize.h. */
#ifndef MICRONETS_MVE_REQUANTIZE_H
#define MICRONETS_MVE_REQUANTIZE_H

#include "micronets_requantize.h"

#if MICRONETS_MVE

#include <arm_mve.h>

/* The scales of four output channels: the bias is added to a sum, and the result is multiplied by multiplier *
 * 2^(shift - 31), where the shift is -31 .. -1. */
typedef struct {
    int32x4_t bias, multiplier, shift;
} micronets_scales;

/* Returns scales that were loaded from packed tables.
 *
 * word: of the table of biases. multiplier: of the table of multipliers. */
MICRONETS_INLINE micronets_scales micronets_unpack_scales(int32x4_t word, int32x4_t multiplier)
{
    const micronets_scales scales = {vshrq_n_s32(word, 8),
                                     vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(multiplier), 1)),
                                     vnegq_s32(vandq_s32(word, vdupq_n_s32(255)))};
    return scales;
}

/* Returns the scales of four neighbouring output channels, of which tables hold as many as a multiple of four.
 *
 * requant: [in] packed tables. channel: the first one, a multiple of four. */
MICRONETS_INLINE micronets_scales micronets_scales_of(const micronets_requant *requant, int32_t channel)
{
    const int32_t *const multiplier = requant->multiplier;
    return micronets_unpack_scales(vldrwq_s32(requant->bias + channel),
                                   requant->per_channel ? vldrwq_s32(multiplier + channel) : vdupq_n_s32(*multiplier));
}

/* Returns the codes of four sums without their biases, relative to the output's zero point, before they are clamped.
 *
 * sums: each with its bias is within 32 bits. scales: of their channels. */
MICRONETS_INLINE int32x4_t micronets_scale4(int32x4_t sums, micronets_scales scales)
{
    /* The product is rounded as micronets_high rounds it. The shift would round halves upwards: negative numbers are
     * made smaller by one before. */
    const int32x4_t high = vqrdmulhq_s32(vaddq_s32(sums, scales.bias), scales.multiplier);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), scales.shift);
}

/* Returns the codes of four sums without their biases; lowest, highest: the limits of the clamp, relative to the
 * output's zero point. */
MICRONETS_INLINE int32x4_t micronets_requantize4(int32x4_t sums, micronets_scales scales, int32x4_t lowest,
                                                 int32x4_t highest, int32_t zero_point)
{
    const int32x4_t value = micronets_scale4(sums, scales);
    return vaddq_n_s32(vminq_s32(vmaxq_s32(value, lowest), highest), zero_point);
}

/* Returns values times multiplier * 2^(shift - 31), rounded as micronets_multiply rounds, with shifts of -31 .. 31. */
MICRONETS_INLINE int32x4_t micronets_multiply4(int32x4_t values, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t none = vdupq_n_s32(0), right = vminq_s32(shift, none);
    const int32x4_t high = vqrdmulhq_s32(vshlq_s32(values, vmaxq_s32(shift, none)), multiplier);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
}

/* Returns the codes of four sums without their biases, by packed or plain tables.
 *
 * sums: each with its bias wraps at 32 bits. channel: that of the first, a multiple of four. some: the channels that
 * there are, of four. */
MICRONETS_INLINE int32x4_t micronets_requantize4_any(int32x4_t sums, const micronets_requant *requant, int32_t channel,
                                                     mve_pred16_t some)
{
    const int32x4_t lowest = vdupq_n_s32(requant->lowest), highest = vdupq_n_s32(requant->highest);
    if (requant->shift_count == 0) {
        return micronets_requantize4(sums, micronets_scales_of(requant, channel), lowest, highest, requant->zero_point);
    }
    const int32_t k = channel * requant->per_channel;
    const int32_t *const multiplier = requant->multiplier + k, *const shift = multiplier + requant->shift_count;
    const int32x4_t total = vaddq_s32(sums, vldrwq_z_s32(requant->bias + channel, some));
    const int32x4_t value = requant->per_channel
                                ? micronets_multiply4(total, vldrwq_z_s32(multiplier, some), vldrwq_z_s32(shift, some))
                                : micronets_multiply4(total, vdupq_n_s32(*multiplier), vdupq_n_s32(*shift));
    return vaddq_n_s32(vminq_s32(vmaxq_s32(value, lowest), highest), requant->zero_point);
}

#endif

#endif
