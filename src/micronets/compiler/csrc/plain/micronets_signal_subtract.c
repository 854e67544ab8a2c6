#include "micronets_kernels.h"
#include "micronets_state.h"

void micronets_signal_subtract(const uint32_t *input, uint32_t *output, uint32_t *noise, const int8_t *arena,
                               int32_t offset, const micronets_smoothing *smoothing, int32_t count)
{
    const micronets_smoothing s = *smoothing;
    uint32_t *kept = (uint32_t *)(void *)(micronets_state_of(arena) + offset);
    for (int32_t i = 0; i < count; i++, kept++) {
        const uint32_t value = input[i], fine = value << s.estimate_bits;
        const uint64_t sum = (uint64_t)fine * s.fresh[i & 1] + (uint64_t)*kept * s.kept[i & 1];
        const uint32_t estimate = (uint32_t)(sum >> s.share_bits), held = estimate < fine ? estimate : fine;
        const uint32_t least = (uint32_t)(((uint64_t)value * s.least) >> s.share_bits);
        const uint32_t left = (fine - held) >> s.estimate_bits;
        *kept = s.clamps ? held : estimate;
        noise[i] = *kept;
        output[i] = left > least ? left : least;
    }
}
