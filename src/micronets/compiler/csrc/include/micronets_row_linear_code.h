/* One code of a linear combination of two codes, shared by the portable kernel and the one for the DSP extension. */
#ifndef MICRONETS_ROW_LINEAR_CODE_H
#define MICRONETS_ROW_LINEAR_CODE_H

#include "micronets_requantize.h"

/* Returns code * factor / 256, rounded down. code: -128 .. 127. factor: below 2^30 in magnitude. */
MICRONETS_INLINE int32_t micronets_multiple(int32_t code, int32_t factor)
{
    return (int32_t)(((int64_t)code * factor) >> 8);
}

/* Returns the result of micronets_row_linear for the codes a and b, -128 .. 127 each; n: [in] its numbers. */
MICRONETS_INLINE int8_t micronets_linear_code(int32_t a, int32_t b, const micronets_add_params *n)
{
    const int32_t zero = n->sum.zero_point;
    const uint32_t sum = (uint32_t)micronets_multiple(a, n->a.multiplier) +
                         (uint32_t)micronets_multiple(b, n->b.multiplier) + (uint32_t)n->sum.multiplier;
    return (int8_t)micronets_clamp((int32_t)sum >> 16, n->lowest + zero, n->highest + zero);
}

#endif
