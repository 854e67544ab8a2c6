#include "micronets_bands.h"
#include "micronets_kernels.h"

/* Returns the square root of a number of at least 2^48, rounded to nearest, bit by bit. */
static uint32_t long_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit; bit >>= 2) {
        const int32_t set = value >= root + bit;
        value -= set ? root + bit : 0;
        root = (root >> 1) + (set ? bit : 0);
    }
    return (uint32_t)root + (value > root && root != 0xFFFFFFFFu);
}

void micronets_signal_roots(const uint32_t *input, const int32_t *bits, uint32_t *output, int32_t count)
{
    const int32_t down = *bits & 31;
    for (int32_t i = 0; i < count; i++) {
        const uint64_t value = input[2 * i] | (uint64_t)input[2 * i + 1] << 32;
        output[i] = (value >> 48 ? long_root(value) : root_of_48(value)) >> down;
    }
}
