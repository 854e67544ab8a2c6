#include "micronets_kernels.h"

/* Returns the number in the low half of each byte, 4 bits with a sign, as a byte. */
static uint32_t widen(uint32_t bytes)
{
    return (((bytes & 0x0f0f0f0fu) ^ 0x08080808u) + 0x78787878u) ^ 0x80808080u;
}

void micronets_unpack_s4(const uint32_t *input, uint32_t *output, int32_t words)
{
    for (; words > 1; words -= 2, output += 2) {
        const uint32_t both = *input++;
        output[0] = widen(both);
        output[1] = widen(both >> 4);
    }
    if (words > 0) {
        output[0] = widen(*input);
    }
}
