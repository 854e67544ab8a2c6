#include "micronets_row_linear_code.h"

#if MICRONETS_MVE

#include <arm_mve.h>

/* Returns four codes times a factor / 256, rounded down: the upper halves of codes * 2^24 times the factor. */
MICRONETS_INLINE int32x4_t multiples(int32x4_t codes, int32x4_t factor)
{
    return vmulhq_s32(vshlq_n_s32(codes, 24), factor);
}

void micronets_row_linear(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                          const micronets_add_params *n)
{
    const int32x4_t of_a = vdupq_n_s32(n->a.multiplier), of_b = vdupq_n_s32(n->b.multiplier);
    const int32_t zero = n->sum.zero_point, added = n->sum.multiplier;
    const int32x4_t lowest = vdupq_n_s32(n->lowest + zero), highest = vdupq_n_s32(n->highest + zero);
    for (; count >= 4; count -= 4, a += 4, b += 4, output += 4) {
        const int32x4_t sum = vaddq_s32(multiples(vldrbq_s32(a), of_a), multiples(vldrbq_s32(b), of_b));
        const int32x4_t codes = vshrq_n_s32(vaddq_n_s32(sum, added), 16);
        vstrbq_s32(output, vminq_s32(vmaxq_s32(codes, lowest), highest));
    }
    for (; count > 0; count--) {
        *output++ = micronets_linear_code(*a++, *b++, n);
    }
}

#endif
