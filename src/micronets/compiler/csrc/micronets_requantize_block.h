/* Four sums at once. */
#ifndef MICRONETS_REQUANTIZE_BLOCK_H
#define MICRONETS_REQUANTIZE_BLOCK_H

#include "micronets_requantize.h"

/* output[k] = code of sums[k], sums of the output channels from `channel` on, k = 0 .. 3. */
MICRONETS_INLINE void micronets_requantize_block(const int32_t *sums, int8_t *output, const micronets_requant *requant,
                                                int32_t channel)
{
    const int32_t step = requant->step, lowest = requant->lowest, highest = requant->highest, zero = requant->zero_point;
    const int32_t *bias = requant->bias + channel, *multiplier = requant->multiplier + channel * step;
    const int8_t *shift = requant->shift + channel * step;
    const int8_t *const end = output + 4;
    while (output < end) {
        const int32_t total = (int32_t)((uint32_t)*sums++ + (uint32_t)*bias++);
        const int32_t value = micronets_multiply(total, *multiplier, *shift);
        multiplier += step;
        shift += step;
        *output++ = (int8_t)(micronets_clamp(value, lowest, highest) + zero);
    }
}

#endif
