/* The code of a sum of codes, as TensorFlow Lite Micro's ADD_N and CUMSUM make it. */
#ifndef MICRONETS_TOTAL_H
#define MICRONETS_TOTAL_H

#include "micronets_requantize.h"

/* Returns the code of a sum. TFLM gives it 19 fractional bits in 32 bits, where it wraps.
 *
 * total: codes less their zero point, and once more -(the zero point). params: [in] the scales. */
MICRONETS_INLINE int8_t micronets_total_code(int32_t total, const micronets_total *params)
{
    const int32_t fine = (int32_t)((uint32_t)total << 19);
    const int32_t code = micronets_multiply(fine, params->multiplier, params->shift) + params->zero_out;
    return (int8_t)micronets_clamp(code, -128, 127);
}

#endif
