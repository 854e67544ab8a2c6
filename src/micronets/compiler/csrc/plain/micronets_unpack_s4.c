#include "micronets_kernels.h"

void micronets_unpack_s4(const uint8_t *input, int8_t *output, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t nibble = (input[i >> 1] >> ((i & 1) * 4)) & 15;
        output[i] = (int8_t)((nibble ^ 8) - 8);
    }
}
