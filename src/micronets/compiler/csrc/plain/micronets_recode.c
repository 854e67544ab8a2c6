#include "micronets_requantize.h"
#include "micronets_values.h"

void micronets_recode(const void *input, micronets_type in, void *output, micronets_type out, int32_t count,
                      int32_t multiplier, int32_t shift, int32_t zero_in, int32_t zero_out)
{
    const int32_t lowest = micronets_least(out), highest = micronets_greatest(out);
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = (int32_t)((uint32_t)micronets_load(input, in, i) - (uint32_t)zero_in);
        const int32_t scaled = micronets_multiply(value, multiplier, shift);
        const int32_t code = (int32_t)((uint32_t)scaled + (uint32_t)zero_out);
        micronets_store(output, out, i, micronets_clamp(code, lowest, highest));
    }
}
