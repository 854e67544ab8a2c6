#include "micronets_kernels.h"
#include "micronets_target.h"

#if !MICRONETS_DSP

void micronets_clamp_codes(const int8_t *input, int8_t *output, int32_t count, int32_t flip, int32_t lowest,
                           int32_t highest)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t code = input[i] ^ flip, raised = code < lowest ? lowest : code;
        output[i] = (int8_t)(raised > highest ? highest : raised);
    }
}

#endif
