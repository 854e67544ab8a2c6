#include "micronets_dsp.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

void micronets_clamp_codes(const int8_t *input, int8_t *output, int32_t count, int32_t flip, int32_t lowest,
                           int32_t highest)
{
    const uint32_t flip4 = MICRONETS_REPEAT4(flip), low4 = MICRONETS_REPEAT4(lowest);
    const uint32_t high4 = MICRONETS_REPEAT4(highest);
    const int8_t *const words = input + (count & ~15), *const end = input + count;
    for (; input != words; input += 16, output += 16) {
        uint32_t a = micronets_load4(input) ^ flip4, b = micronets_load4(input + 4) ^ flip4;
        uint32_t c = micronets_load4(input + 8) ^ flip4, d = micronets_load4(input + 12) ^ flip4;
        if (lowest > -128) {
            a = micronets_max4(a, low4);
            b = micronets_max4(b, low4);
            c = micronets_max4(c, low4);
            d = micronets_max4(d, low4);
        }
        if (highest < 127) {
            a = micronets_min4(a, high4);
            b = micronets_min4(b, high4);
            c = micronets_min4(c, high4);
            d = micronets_min4(d, high4);
        }
        micronets_store4(output, a);
        micronets_store4(output + 4, b);
        micronets_store4(output + 8, c);
        micronets_store4(output + 12, d);
    }
    while (input != end) {
        const int32_t code = *input++ ^ flip, raised = code < lowest ? lowest : code;
        *output++ = (int8_t)(raised > highest ? highest : raised);
    }
}

#endif
