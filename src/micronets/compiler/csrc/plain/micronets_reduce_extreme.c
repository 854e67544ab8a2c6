#include "micronets_kernels.h"
#include "micronets_target.h"

#if !MICRONETS_DSP

/* Returns the largest of the flipped codes that one place of the output reduces. start: [in] the first of them. n: [in]
 * the dimensions. flip: 0, or -1, with which the largest flipped code is the smallest code. */
static int32_t largest_of(const int8_t *start, const micronets_reduction *n, int32_t flip)
{
    int32_t largest = INT8_MIN;
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *value = start + i * n->gone_step[0] + j * n->gone_step[1];
            for (int32_t k = n->gone[2]; k > 0; k--, value += n->gone_step[2]) {
                const int32_t flipped = *value ^ flip;
                largest = flipped > largest ? flipped : largest;
            }
        }
    }
    return largest;
}

void micronets_reduce_extreme(const int8_t *input, int8_t *output, const micronets_reduction *dimensions, int32_t flip)
{
    const micronets_reduction *const n = dimensions;
    for (int32_t i = 0; i < n->kept[0]; i++) {
        for (int32_t j = 0; j < n->kept[1]; j++) {
            const int8_t *start = input + i * n->kept_step[0] + j * n->kept_step[1];
            for (int32_t k = n->kept[2]; k > 0; k--, start += n->kept_step[2]) {
                *output++ = (int8_t)(largest_of(start, n, flip) ^ flip);
            }
        }
    }
}

#endif
