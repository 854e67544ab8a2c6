/* The requantisation of four sums at once, with packed tables. */
#ifndef MICRONETS_REQUANTIZE_BLOCK_H
#define MICRONETS_REQUANTIZE_BLOCK_H

#include "micronets_dsp.h"
#include "micronets_requantize.h"

#if MICRONETS_DSP
/* Returns the code of a sum: one rounded product, then one rounded shift, halves away from zero, saturated.
 * bias_shift, multiplier: a channel's words of packed tables. zero: the output's zero point. */
MICRONETS_INLINE int32_t micronets_requantize_packed(int32_t sum, int32_t bias_shift, int32_t multiplier, int32_t zero)
{
    const int32_t high = micronets_high_plus(sum + (bias_shift >> 8), multiplier);
    return micronets_saturate(micronets_shift_add(high + (high >> 31), bias_shift, zero));
}

#endif

/* The limits of a clamp, as a code in each of four bytes. */
typedef struct {
    uint32_t lowest, highest;
} micronets_limits;

/* Returns the limits of a layer's clamp. */
MICRONETS_INLINE micronets_limits micronets_limits_of(const micronets_requant *requant)
{
    const micronets_limits limits = {micronets_limit4(requant, requant->lowest),
                                     micronets_limit4(requant, requant->highest)};
    return limits;
}

/* Writes the codes of the sums of four output channels.
 *
 * s0 .. s3: the sums. output: [out] four codes. requant: [in] packed tables. channel: the first channel, a multiple of
 * four. limits: those of the clamp. */
MICRONETS_INLINE void micronets_requantize_block(int32_t s0, int32_t s1, int32_t s2, int32_t s3, int8_t *output,
                                                 const micronets_requant *requant, int32_t channel,
                                                 micronets_limits limits)
{
#if MICRONETS_DSP
    const int32_t step = requant->per_channel, zero = requant->zero_point;
    const int32_t *bias = requant->bias + channel, *multiplier = requant->multiplier + channel * step;
    s0 = micronets_requantize_packed(s0, bias[0], *multiplier, zero);
    s1 = micronets_requantize_packed(s1, bias[1], multiplier[step], zero);
    multiplier += 2 * step;
    s2 = micronets_requantize_packed(s2, bias[2], *multiplier, zero);
    s3 = micronets_requantize_packed(s3, bias[3], multiplier[step], zero);
    micronets_store4(output, micronets_clamp4(micronets_pack4(s0, s1, s2, s3), limits.lowest, limits.highest));
#else
    const int32_t sums[4] = {s0, s1, s2, s3};
    for (int32_t k = 0; k < 4; k++) {
        output[k] = micronets_requantize(sums[k], requant, channel + k);
    }
    (void)limits;
#endif
}

#endif
