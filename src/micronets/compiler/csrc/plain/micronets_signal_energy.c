#include "micronets_kernels.h"
#include "micronets_spectrum.h"

void micronets_signal_energy(const uint32_t *input, uint32_t *output, int32_t count, int32_t start, int32_t end)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = i < start || i >= end ? 0 : complex_square(input[i]);
    }
}
