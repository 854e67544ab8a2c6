#include "micronets_over_root.h"
#include "micronets_requantize.h"

#define FRACTION 20 /* bits of a reciprocal root before it is brought to the output's scale */

void micronets_rsqrt_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t value = 32767;
        if (input[i] > 0) {
            const micronets_scaled root = micronets_over_root(input[i]);
            value = micronets_multiply(1, root.multiplier, root.shift + FRACTION);
            value = micronets_multiply(value, multiplier, shift);
        }
        output[i] = (int16_t)micronets_clamp(value, -32768, 32767);
    }
}
