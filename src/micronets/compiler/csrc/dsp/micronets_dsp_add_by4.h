/* The addition of two tensors in assembly, micronets_dsp_add_by4.S, and the record of constants that it reads. */
#ifndef MICRONETS_DSP_ADD_BY4_H
#define MICRONETS_DSP_ADD_BY4_H

#include <stddef.h>

#include "micronets_kernels.h"
#include "micronets_offsets.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What micronets_add_by4 adds, and its constants. The scale of the operand `a` is half that of the common scale. */
typedef struct {
    const int8_t *codes_a;      /* [in] codes of the operand a */
    const int8_t *codes_b;      /* [in] codes of the operand b */
    int8_t *output;             /* [out] codes of the sum */
    int32_t offset_a, offset_b; /* -(zero point), shifted as the codes are: by 19 bits and by 21 */
    int32_t multiplier_b;       /* multiplier of the operand b, 2^30 .. 2^31 - 1 */
    int32_t shift_b;            /* right shift of the operand b, 0 .. 31 */
    int32_t multiplier;         /* twice the multiplier of the sum; its 32 bits are read as a negative number */
    int32_t shift;              /* right shift of the sum, 1 .. 31 */
    int32_t zero_point;         /* zero point of the sum */
    int32_t needs_clamp;        /* 1 if the clamp is narrower than -128 .. 127, else 0 */
    const int8_t *end;          /* end of codes_a, of which there are a multiple of four, at least four */
    uint32_t lowest4, highest4; /* limits of the clamp, as a code in each of four bytes */
} micronets_add_by4_constants;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(add_offsets, MICRONETS_ADD_BY4_OFFSETS_AGREE);
#endif

/* Adds two tensors, four codes at a time; n: [in] what to add, and its constants. */
void micronets_add_by4(const micronets_add_by4_constants *n);

#ifdef __cplusplus
}
#endif

#endif
