#include "micronets_dsp_add_by4.h"
#include "micronets_operands.h"
#include "micronets_words.h"

#if MICRONETS_DSP_ASSEMBLY && !MICRONETS_MVE

/* Returns whether an operand's scale is exactly half that of the common scale: (code - zero point) << 20 is then
 * brought there by << 19. */
static int32_t halved(const micronets_add_operand *operand)
{
    return operand->multiplier == 1 << 30 && operand->shift == 0;
}

/* Adds the first codes, four at a time, where one operand is halved and the scales suit. Returns how many it added. */
static int32_t add_quads(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    const int32_t swapped = !halved(&n->a);
    const micronets_add_operand *const x = swapped ? &n->b : &n->a, *const y = swapped ? &n->a : &n->b;
    const int32_t lowest = n->lowest + n->sum.zero_point, highest = n->highest + n->sum.zero_point;
    count &= ~3;
    if (count == 0 || !halved(x) || y->multiplier == 0 || y->shift > 0 || n->sum.shift >= 0) {
        return 0;
    }
    const micronets_add_by4_constants constants = {
        .codes_a = swapped ? b : a,
        .codes_b = swapped ? a : b,
        .output = output,
        .offset_a = -x->zero_point * (1 << 19),
        .offset_b = -y->zero_point * (1 << 21),
        .multiplier_b = y->multiplier,
        .shift_b = -y->shift,
        .multiplier = (int32_t)((uint32_t)n->sum.multiplier << 1),
        .shift = -n->sum.shift,
        .zero_point = n->sum.zero_point,
        .needs_clamp = lowest > -128 || highest < 127,
        .end = (swapped ? b : a) + count,
        .lowest4 = MICRONETS_REPEAT4(lowest),
        .highest4 = MICRONETS_REPEAT4(highest),
    };
    micronets_add_by4(&constants);
    return count;
}

MICRONETS_SMALL
void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    for (int32_t i = add_quads(a, b, output, count, n); i < count; i++) {
        output[i] = micronets_add_codes(a[i], b[i], n);
    }
}

#endif
