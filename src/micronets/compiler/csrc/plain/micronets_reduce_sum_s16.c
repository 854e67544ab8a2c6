#include "micronets_requantize.h"

void micronets_reduce_sum_s16(const int16_t *input, int16_t *output, const micronets_reduction *dimensions,
                              int32_t multiplier, int32_t shift)
{
    const micronets_reduction n = *dimensions;
    for (int32_t a = 0; a < n.kept[0]; a++) {
        for (int32_t b = 0; b < n.kept[1]; b++) {
            for (int32_t c = 0; c < n.kept[2]; c++) {
                const int16_t *const start = input + a * n.kept_step[0] + b * n.kept_step[1] + c * n.kept_step[2];
                int32_t sum = 0;
                for (int32_t i = 0; i < n.gone[0]; i++) {
                    for (int32_t j = 0; j < n.gone[1]; j++) {
                        for (int32_t k = 0; k < n.gone[2]; k++) {
                            sum += start[i * n.gone_step[0] + j * n.gone_step[1] + k * n.gone_step[2]];
                        }
                    }
                }
                *output++ = (int16_t)micronets_clamp(micronets_multiply(sum, multiplier, shift), -32768, 32767);
            }
        }
    }
}
