#include "micronets_mve_operands.h"

#if MICRONETS_MVE

/* Returns four codes on the common scale. */
MICRONETS_INLINE int32x4_t on_common_grid(const int8_t *codes, const micronets_add_operand *operand)
{
    return micronets_add_scale4(vshlq_n_s32(vsubq_n_s32(vldrbq_s32(codes), operand->zero_point), 20), operand);
}

void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *params)
{
    const micronets_add_params n = *params;
    for (; count >= 4; count -= 4, a += 4, b += 4, output += 4) {
        const int32x4_t sum = vaddq_s32(on_common_grid(a, &n.a), on_common_grid(b, &n.b));
        micronets_store_codes4(output, micronets_add_scale4(sum, &n.sum), &n);
    }
    for (; count > 0; count--) {
        *output++ = micronets_add_codes(*a++, *b++, &n);
    }
}

#endif
