#include "micronets_over_root.h"
#include "micronets_fixed_point.h"

micronets_scaled micronets_over_root(int32_t value)
{
    const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27);
    micronets_scaled result = {INT32_MAX, 0};
    if (value <= 1) {
        return result;
    }
    int32_t right = 11;
    for (; value >= (int32_t)1 << 29; value /= 4) {
        right++;
    }
    for (; value < (int32_t)1 << 27; value *= 4) {
        right--;
    }
    const int32_t real = value / 2, half = micronets_shifted(real, 1); /* with three integer bits */
    int32_t x = (int32_t)1 << 28;
    for (int k = 0; k < 5; k++) {
        const int32_t cube = micronets_high_product(micronets_high_product(x, x), x);
        const int32_t step = micronets_high_product(half, micronets_saturated((int64_t)cube * 64));
        x = micronets_saturated(((int64_t)micronets_high_product(three_halves, x) - step) * 8);
    }
    result.multiplier = micronets_high_product(x, 1518500250); /* times the half of the root of 2 */
    result.shift = -right;
    if (right < 0) {
        result.multiplier = (int32_t)((uint32_t)result.multiplier << -right);
        result.shift = 0;
    }
    return result;
}
