/* Rows of two tensors combined four codes at a time, with the DSP extension. */
#ifndef MICRONETS_DSP_ROWS_H
#define MICRONETS_DSP_ROWS_H

#include "micronets_dsp.h"
#include "micronets_operands.h"

#if MICRONETS_DSP

/* How the values of an operand are scaled: twice the value is shifted left and multiplied; the upper half of the
 * product, rounded, is shifted right and rounded again. Where the scale has no shift to the right, the upper half is
 * doubled first, so that a shift by 1 rounds nothing. */
typedef struct {
    int32_t left;       /* the first shift, and 1 for twice the value */
    int32_t multiplier; /* 2^30 .. 2^31 - 1 */
    int32_t again;      /* 1 if the scale shifts nothing to the right, else 0 */
    int32_t shift;      /* to the right, 1 .. 31 */
} micronets_dsp_operand;

/* How a sum or product becomes a code. */
typedef struct {
    int32_t multiplier; /* twice the multiplier, reinterpreted as a negative int32 */
    int32_t shift;      /* to the right, 1 .. 31 */
} micronets_dsp_result;

/* Returns whether an operand can be scaled by micronets_dsp_on_grid: values of 9 bits, shifted left by `bits`. */
MICRONETS_INLINE int32_t micronets_dsp_scales(const micronets_add_operand *operand, int32_t bits)
{
    return operand->multiplier != 0 && operand->shift <= 21 - bits;
}

/* Returns how an operand for which micronets_dsp_scales is true is scaled; bits: the shift that it was asked about. */
MICRONETS_INLINE micronets_dsp_operand micronets_dsp_operand_of(const micronets_add_operand *operand, int32_t bits)
{
    const int32_t right = operand->shift < 0 ? -operand->shift : 0, left = operand->shift > 0 ? operand->shift : 0;
    const micronets_dsp_operand scale = {bits + 1 + left, operand->multiplier, right == 0, right == 0 ? 1 : right};
    return scale;
}

/* Returns an operand's value on the grid of the other operand or of the output; value: its code less the zero point. */
MICRONETS_INLINE int32_t micronets_dsp_on_grid(int32_t value, micronets_dsp_operand scale)
{
    const int32_t high = micronets_smmulr((int32_t)((uint32_t)value << scale.left), scale.multiplier);
    const int32_t even = (int32_t)((uint32_t)high << scale.again); /* half of an even number needs no rounding */
    return micronets_shift_add(even + (even >> 31), scale.shift, 0);
}

/* Returns whether a result can be scaled by micronets_dsp_code. */
MICRONETS_INLINE int32_t micronets_dsp_shrinks(const micronets_add_operand *operand)
{
    return operand->multiplier != 0 && operand->shift < 0;
}

/* Returns how a result for which micronets_dsp_shrinks is true is scaled. */
MICRONETS_INLINE micronets_dsp_result micronets_dsp_result_of(const micronets_add_operand *operand)
{
    const micronets_dsp_result scale = {(int32_t)((uint32_t)operand->multiplier << 1), -operand->shift};
    return scale;
}

/* Returns the code of a result, saturated; zero: the output's zero point. */
MICRONETS_INLINE int32_t micronets_dsp_code(int32_t value, micronets_dsp_result scale, int32_t zero)
{
    const int32_t high = micronets_high_plus(value, scale.multiplier);
    return micronets_saturate(micronets_shift_add(high + (high >> 31), scale.shift, zero));
}

/* How a product becomes 2^16 * (output code + 128). */
typedef struct {
    int32_t multiplier; /* twice the multiplier, reinterpreted as a negative int32 */
    int32_t factor;     /* 2^16 / 2^shift */
    int32_t first;      /* 2^16 * (zero point + 128), and half a unit to round */
} micronets_dsp_upper;

/* Returns whether a product of two codes can be scaled by micronets_dsp_upper_code. */
MICRONETS_INLINE int32_t micronets_dsp_fits_upper(const micronets_add_operand *operand)
{
    return operand->multiplier != 0 && operand->shift <= -3 && operand->shift >= -16;
}

/* Returns how a product for which micronets_dsp_fits_upper is true is scaled. */
MICRONETS_INLINE micronets_dsp_upper micronets_dsp_upper_of(const micronets_add_operand *operand)
{
    const int32_t first = (operand->zero_point + 128) * (1 << 16) + (1 << 15);
    const int32_t multiplier = (int32_t)((uint32_t)operand->multiplier << 1);
    const micronets_dsp_upper scale = {multiplier, 1 << (16 + operand->shift), first};
    return scale;
}

/* Returns 2^16 * (output code of a product + 128), not saturated: the upper half of the word holds the code + 128. */
MICRONETS_INLINE int32_t micronets_dsp_upper_code(int32_t value, micronets_dsp_upper scale)
{
    const int32_t high = micronets_high_plus(value, scale.multiplier);
    return (high + (high >> 31)) * scale.factor + scale.first;
}

/* Returns the codes of four products as bytes of a word, saturated. */
MICRONETS_INLINE uint32_t micronets_dsp_products(micronets_pair x_even, micronets_pair x_odd, micronets_pair y_even,
                                                 micronets_pair y_odd, micronets_dsp_upper scale)
{
    const int32_t v0 = micronets_dsp_upper_code(micronets_smulbb(x_even, y_even), scale);
    const int32_t v1 = micronets_dsp_upper_code(micronets_smulbb(x_odd, y_odd), scale);
    const int32_t v2 = micronets_dsp_upper_code(micronets_smultt(x_even, y_even), scale);
    const int32_t v3 = micronets_dsp_upper_code(micronets_smultt(x_odd, y_odd), scale);
    return micronets_saturate4(micronets_upper_halves(v0, v2), micronets_upper_halves(v1, v3));
}

/* Four codes less their zero point, in the order of the codes. */
typedef struct {
    micronets_pair even, odd; /* values 0 and 2, and 1 and 3 */
} micronets_dsp_four;

/* Returns four codes less their zero point; offset: -(zero point) in each half. */
MICRONETS_INLINE micronets_dsp_four micronets_dsp_load(const int8_t *codes, micronets_pair offset)
{
    const uint32_t four = micronets_load4(codes);
    const micronets_dsp_four values = {micronets_even_plus(offset, four), micronets_odd_plus(offset, four)};
    return values;
}

/* Returns the offset of an operand for micronets_dsp_load. */
MICRONETS_INLINE micronets_pair micronets_dsp_offset(const micronets_add_operand *operand)
{
    return micronets_pack2(-operand->zero_point, -operand->zero_point);
}

#endif
#endif
