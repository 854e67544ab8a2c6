/* Arithmetic of two operands, four values at a time, by Arm's vector extension. */
#ifndef MICRONETS_MVE_OPERANDS_H
#define MICRONETS_MVE_OPERANDS_H

#include "micronets_mve_requantize.h"
#include "micronets_operands.h"

#if MICRONETS_MVE

/* Returns micronets_add_scale of four values. */
MICRONETS_INLINE int32x4_t micronets_add_scale4(int32x4_t values, const micronets_add_operand *operand)
{
    return micronets_multiply4(values, vdupq_n_s32(operand->multiplier), vdupq_n_s32(operand->shift));
}

/* Writes four results on the output's scale as codes. */
MICRONETS_INLINE void micronets_store_codes4(int8_t *output, int32x4_t values, const micronets_add_params *n)
{
    const int32x4_t raised = vmaxq_s32(values, vdupq_n_s32(n->lowest));
    vstrbq_s32(output, vaddq_n_s32(vminq_s32(raised, vdupq_n_s32(n->highest)), n->sum.zero_point));
}

#endif

#endif
