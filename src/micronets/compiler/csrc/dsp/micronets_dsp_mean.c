#include "micronets_dsp_sums.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

MICRONETS_SMALL
void micronets_mean(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels,
                    const micronets_requant *requant)
{
    const int32_t step = channels;
    while (channels > 0) {
        int32_t sums[MICRONETS_SUMS];
        const int32_t now = channels < MICRONETS_SUMS ? channels : MICRONETS_SUMS;
        int32_t c = 0;
        for (; c + 4 <= now; c += 4) {
            micronets_dsp_sum_columns(input + c, step, pixels, sums + c);
        }
        for (; c < now; c++) {
            int32_t sum = 0;
            for (int32_t p = 0; p < pixels; p++) {
                sum += input[c + p * step];
            }
            sums[c] = sum;
        }
        micronets_dsp_fill_up(sums, now);
        output = micronets_dsp_mean_codes(sums, now, requant, output);
        input += now;
        channels -= now;
    }
}

#endif
