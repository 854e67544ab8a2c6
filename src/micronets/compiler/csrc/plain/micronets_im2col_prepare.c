#include "micronets_im2col.h"
#include "micronets_requantize.h"

MICRONETS_SMALL
micronets_im2col_block micronets_im2col_prepare(uint32_t *columns, const uint32_t *weights, int32_t size,
                                                int32_t filters, const micronets_requant *requant)
{
    const uint32_t pairs = (uint32_t)(size + 1) / 2;
    const int32_t lowest = requant->lowest + requant->zero_point, highest = requant->highest + requant->zero_point;
    const int32_t saturates = lowest == -128 && highest == 127;
    const micronets_im2col_block block = {
        .start = micronets_im2col_start(pairs, MICRONETS_IM2COL_STEPS),
        .weights = weights,
        .end = columns + 2 * pairs,
        .bias = requant->bias,
        .multiplier = requant->multiplier,
        .filters = filters,
        .skipped = micronets_im2col_skipped(pairs, MICRONETS_IM2COL_STEPS, MICRONETS_IM2COL_STEP_BYTES),
        .columns = columns,
        .zero_point = requant->zero_point,
        .clamp = requant->per_channel == MICRONETS_STRAIGHT ? MICRONETS_STRAIGHT : saturates,
        .pairs = 0,
        .input = 0,
        .lowest4 = micronets_limit4(requant, requant->lowest),
        .highest4 = micronets_limit4(requant, requant->highest),
        .requant = requant,
    };
    return block;
}
