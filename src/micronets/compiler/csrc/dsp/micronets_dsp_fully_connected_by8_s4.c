#include "micronets_dot_by4_s4.h"
#include "micronets_dsp_fully_connected_by8_rows_s4.h"
#include "micronets_loops.h"
#include "micronets_requantize_block.h"

#if MICRONETS_DSP_ASSEMBLY

void micronets_fully_connected_by8_s4(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                      int32_t units, const micronets_requant *requant)
{
    const int32_t one = requant->multiplier[0], eight[8] = {one, one, one, one, one, one, one, one};
    const micronets_limits limits = micronets_limits_of(requant);
    const int32_t odd = inputs / 8 & (MICRONETS_BY8_STEPS - 1),
                  needs_clamp = limits.lowest != 0x80808080u || limits.highest != 0x7f7f7f7fu;
    micronets_fully_connected_by8_rows_s4(
        MICRONETS_ROUNDS((inputs / 8 + odd) / MICRONETS_BY8_STEPS),
        odd > 0 ? (MICRONETS_BY8_STEPS - odd) * MICRONETS_BY8_S4_STEP_BYTES : 0, input, weights, requant->bias,
        requant->per_channel ? requant->multiplier : eight, requant->per_channel ? 0 : -32, requant->zero_point, output,
        output + units, needs_clamp, limits.lowest, limits.highest, -micronets_eightfold_sum(input, inputs));
}

#endif
