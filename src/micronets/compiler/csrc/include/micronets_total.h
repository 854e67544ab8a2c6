/* The requantisation of sums of codes in TensorFlow Lite Micro's ADD_N and CUMSUM. */
#ifndef MICRONETS_TOTAL_H
#define MICRONETS_TOTAL_H

#include "micronets_requantize.h"

/* Returns the code of a sum. TFLM keeps it with 19 fractional bits in 32 bits, at which it wraps.
 *
 * total: the sum of codes minus their zero point, minus the zero point once more. params: [in] the scales. */
MICRONETS_INLINE int8_t micronets_total_code(int32_t total, const micronets_total *params)
{
    const int32_t fine = (int32_t)((uint32_t)total << 19);
    const int32_t code = micronets_multiply(fine, params->multiplier, params->shift) + params->zero_out;
    return (int8_t)micronets_clamp(code, -128, 127);
}

#endif
