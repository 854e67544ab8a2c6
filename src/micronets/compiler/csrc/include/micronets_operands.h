/* Arithmetic of two operands on a common grid, which all kernels that combine two tensors of int8 share. */
#ifndef MICRONETS_OPERANDS_H
#define MICRONETS_OPERANDS_H

#include "micronets_requantize.h"

/* Returns the value of an operand on the common scale, or that of the sum on the output's scale.
 * value: within +-2^30. operand: [in] the scale. */
static inline int32_t micronets_add_scale(int32_t value, const micronets_add_operand *operand)
{
    return micronets_multiply(value, operand->multiplier, operand->shift);
}

/* Returns the code of the sum of the codes a and b, -128 .. 127 each; n: [in] the scales. */
MICRONETS_INLINE int8_t micronets_add_codes(int32_t a, int32_t b, const micronets_add_params *n)
{
    const int32_t x = micronets_add_scale((a - n->a.zero_point) * (1 << 20), &n->a);
    const int32_t y = micronets_add_scale((b - n->b.zero_point) * (1 << 20), &n->b);
    return (int8_t)(micronets_clamp(micronets_add_scale(x + y, &n->sum), n->lowest, n->highest) + n->sum.zero_point);
}

#define MICRONETS_SUB_BITS 20   /* additional bits of the common scale of a difference */
#define MICRONETS_SQUARE_BITS 7 /* additional bits of the common scale of a squared difference */

/* Returns the code of the difference of the codes a and b, -128 .. 127 each; n: [in] the scales. */
MICRONETS_INLINE int8_t micronets_sub_codes(int32_t a, int32_t b, const micronets_add_params *n)
{
    const int32_t x = micronets_add_scale((a - n->a.zero_point) * (1 << MICRONETS_SUB_BITS), &n->a);
    const int32_t y = micronets_add_scale((b - n->b.zero_point) * (1 << MICRONETS_SUB_BITS), &n->b);
    const int32_t value = micronets_add_scale(x - y, &n->sum);
    return (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
}

/* Returns the code of the product of the codes a and b, -128 .. 127 each; n: [in] the scales. */
MICRONETS_INLINE int8_t micronets_mul_codes(int32_t a, int32_t b, const micronets_add_params *n)
{
    const int32_t value = micronets_add_scale((a - n->a.zero_point) * (b - n->b.zero_point), &n->sum);
    return (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
}

/* Returns the code of the squared difference of the codes a and b, -128 .. 127 each; n: [in] the scales. */
MICRONETS_INLINE int8_t micronets_squared_difference_codes(int32_t a, int32_t b, const micronets_add_params *n)
{
    const int32_t x = micronets_add_scale((a - n->a.zero_point) * (1 << MICRONETS_SQUARE_BITS), &n->a);
    const int32_t y = micronets_add_scale((b - n->b.zero_point) * (1 << MICRONETS_SQUARE_BITS), &n->b);
    const int32_t value = micronets_add_scale((x - y) * (x - y), &n->sum);
    return (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
}

/* Returns the output code of a, -128 .. 127, if its value is at least 0, else that of its product with b; n: [in] the
 * scales of a and of the product. */
MICRONETS_INLINE int8_t micronets_prelu_codes(int32_t a, int32_t b, const micronets_add_params *n)
{
    const int32_t x = a - n->a.zero_point;
    const int32_t value =
        x >= 0 ? micronets_add_scale(x, &n->a) : micronets_add_scale(x * (b - n->b.zero_point), &n->sum);
    return (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
}

#endif
