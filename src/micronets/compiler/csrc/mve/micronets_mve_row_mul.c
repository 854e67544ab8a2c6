#include "micronets_mve_operands.h"

#if MICRONETS_MVE

void micronets_row_mul(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                       const micronets_add_params *params)
{
    const micronets_add_params n = *params;
    for (; count >= 4; count -= 4, a += 4, b += 4, output += 4) {
        const int32x4_t x = vsubq_n_s32(vldrbq_s32(a), n.a.zero_point), y = vsubq_n_s32(vldrbq_s32(b), n.b.zero_point);
        micronets_store_codes4(output, micronets_add_scale4(vmulq_s32(x, y), &n.sum), &n);
    }
    for (; count > 0; count--) {
        *output++ = micronets_mul_codes(*a++, *b++, &n);
    }
}

#endif
