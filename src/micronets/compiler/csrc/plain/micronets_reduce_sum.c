#include "micronets_requantize.h"

#if !MICRONETS_DSP

/* Returns the sum of the codes that one place of the output reduces. start: [in] the first of them. n: [in] the
 * dimensions. */
static int32_t sum_of(const int8_t *start, const micronets_reduction *n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *value = start + i * n->gone_step[0] + j * n->gone_step[1];
            for (int32_t k = n->gone[2]; k > 0; k--, value += n->gone_step[2]) {
                sum += *value;
            }
        }
    }
    return sum;
}

void micronets_reduce_sum(const int8_t *input, int8_t *output, const micronets_reduction *dimensions,
                          const micronets_requant *requant)
{
    const micronets_reduction *const n = dimensions;
    for (int32_t i = 0; i < n->kept[0]; i++) {
        for (int32_t j = 0; j < n->kept[1]; j++) {
            const int8_t *start = input + i * n->kept_step[0] + j * n->kept_step[1];
            for (int32_t k = n->kept[2]; k > 0; k--, start += n->kept_step[2]) {
                *output++ = micronets_requantize(sum_of(start, n), requant, 0);
            }
        }
    }
}

#endif
