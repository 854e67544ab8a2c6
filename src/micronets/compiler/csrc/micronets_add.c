#include "micronets_requantize.h"

void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_addition *addition)
{
    const micronets_addition n = *addition;
    for (int32_t i = 0; i < count; i++) {
        const int32_t x = micronets_multiply((a[i] - n.a.zero_point) * (1 << 20), n.a.multiplier, n.a.shift);
        const int32_t y = micronets_multiply((b[i] - n.b.zero_point) * (1 << 20), n.b.multiplier, n.b.shift);
        const int32_t value = micronets_multiply(x + y, n.sum.multiplier, n.sum.shift);
        output[i] = (int8_t)(micronets_clamp(value, n.lowest, n.highest) + n.sum.zero_point);
    }
}
