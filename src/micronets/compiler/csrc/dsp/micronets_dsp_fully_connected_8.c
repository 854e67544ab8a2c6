#include "micronets_dsp_fully_connected_eights.h"
#include "micronets_loops.h"
#include "micronets_requantize_block.h"

#if MICRONETS_DSP_ASSEMBLY

void micronets_fully_connected_8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                 int32_t units, const micronets_requant *requant)
{
    const int32_t one = requant->multiplier[0], eight[8] = {one, one, one, one, one, one, one, one};
    const micronets_limits limits = micronets_limits_of(requant);
    const int32_t odd = inputs / 8 & (MICRONETS_EIGHTS_STEPS - 1),
                  narrow = limits.lowest != 0x80808080u || limits.highest != 0x7f7f7f7fu;
    micronets_fully_connected_eights(
        input + inputs, odd > 0 ? (MICRONETS_EIGHTS_STEPS - odd) * MICRONETS_EIGHTS_STEP_BYTES : 0, input, weights,
        requant->bias, requant->step ? requant->multiplier : eight, requant->step ? 0 : -32, requant->zero_point,
        output, output + units, narrow, limits.lowest, limits.highest);
}

#endif
