#include "micronets_kernels.h"

void micronets_unpack_weights_s4(const uint8_t *weights, uint32_t *words, int32_t pairs)
{
    for (int32_t i = 0; i < 2 * pairs; i++) {
        uint32_t word = 0;
        for (int32_t half = 0; half < 32; half += 16) {
            const int32_t byte = (int8_t)*weights++; /* its sign is that of the filter in the upper half */
            const int32_t low = ((byte & 15) ^ 8) - 8, high = byte >> 4;
            word |= ((uint32_t)(low + 256 * high) & 0xffffu) << half;
        }
        words[i] = word;
    }
}
