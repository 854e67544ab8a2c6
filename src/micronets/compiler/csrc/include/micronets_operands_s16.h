/* Arithmetic of two int16 operands, shared by all kernels that combine two int16 tensors. */
#ifndef MICRONETS_OPERANDS_S16_H
#define MICRONETS_OPERANDS_S16_H

#include "micronets_requantize.h"

/* Left shift of an operand of a sum or a difference before it is scaled. */
#define MICRONETS_ADD_BITS_S16 15

/* Returns a value times a scale. */
MICRONETS_INLINE int32_t micronets_scaled(int32_t value, const micronets_factor *factor)
{
    return micronets_multiply(value, factor->multiplier, factor->shift);
}

/* Returns an operand of a sum or a difference on the common scale. */
MICRONETS_INLINE int32_t micronets_on_grid_s16(int32_t code, const micronets_factor *factor)
{
    return micronets_scaled(code * (1 << MICRONETS_ADD_BITS_S16), factor);
}

/* Returns a result as a code. */
MICRONETS_INLINE int16_t micronets_result_s16(int32_t value, const micronets_operands_s16 *n)
{
    return (int16_t)micronets_clamp(micronets_scaled(value, &n->result), n->lowest, n->highest);
}

#endif
