#include "micronets_operands.h"
#include "micronets_requantize_sums.h"

#if !MICRONETS_DSP_ASSEMBLY && !MICRONETS_MVE

#if MICRONETS_NARROW_PRODUCTS
/* Returns the value of a code on the common scale: micronets_add_scale of difference * 2^20, by two products of 32
 * bits.
 *
 * difference: of the code and its zero point, within +-255. operand: [in] its scale, whose shift is at most 0. */
MICRONETS_INLINE int32_t on_common_grid(int32_t difference, const micronets_add_operand *operand)
{
    const int32_t upper = operand->multiplier >> 16, lower = (uint16_t)operand->multiplier;
    const int32_t high = difference * upper * 32 + ((difference * lower + 1024) >> 11);
    return operand->shift < 0 ? (((high + (high >> 31)) >> ~operand->shift) + 1) >> 1 : high;
}
#endif

#if MICRONETS_NARROW_PRODUCTS
/* Adds codes whose operands' shifts are at most 0 and whose sum's is below 0; for the arguments see micronets_add. */
MICRONETS_APART void add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                         const micronets_add_params *params)
{
    const micronets_add_params n = *params;
    const uint32_t doubled = 2u * (uint32_t)n.sum.multiplier;
    for (const int8_t *const end = a + count; a != end;) {
        const int32_t x = on_common_grid(*a++ - n.a.zero_point, &n.a);
        const int32_t y = on_common_grid(*b++ - n.b.zero_point, &n.b);
        const int32_t value = micronets_scaled(x + y, doubled, -n.sum.shift); /* x + y is within +-2^29 - 1 */
        *output++ = (int8_t)(micronets_clamp(value, n.lowest, n.highest) + n.sum.zero_point);
    }
}
#endif

MICRONETS_SMALL
void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
#if MICRONETS_NARROW_PRODUCTS
    if (n->a.shift <= 0 && n->b.shift <= 0 && n->sum.shift < 0) {
        add(a, b, output, count, n);
        return;
    }
#endif
    for (int32_t i = 0; i < count; i++) {
        output[i] = micronets_add_codes(a[i], b[i], n);
    }
}

#endif
