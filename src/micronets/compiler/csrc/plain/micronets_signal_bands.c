#include "micronets_kernels.h"

/* Returns an energy times a weight, which may be negative, modulo 2^64. */
MICRONETS_INLINE uint64_t weighted(uint32_t energy, int32_t weight)
{
    const uint64_t product = (uint64_t)energy * (uint32_t)weight;
    return weight < 0 ? product - ((uint64_t)energy << 32) : product;
}

void micronets_signal_bands(const uint32_t *input, uint32_t *output, const int16_t *rising, const int16_t *falling,
                            const int16_t *starts, const int16_t *weight_starts, const int16_t *widths, int32_t bands)
{
    uint64_t next = 0; /* what the bins of the last interval give to the next band */
    for (int32_t k = 0; k <= bands; k++) {
        const uint32_t *energy = input + starts[k];
        const int16_t *up = rising + weight_starts[k], *down = falling + weight_starts[k];
        uint64_t sum = next;
        next = 0;
        for (int32_t i = 0; i < widths[k]; i++) {
            sum += weighted(energy[i], up[i]);
            next += weighted(energy[i], down[i]);
        }
        if (k > 0) {
            *output++ = (uint32_t)sum;
            *output++ = (uint32_t)(sum >> 32);
        }
    }
}
