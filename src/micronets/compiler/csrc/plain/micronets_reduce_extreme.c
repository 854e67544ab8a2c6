#include "micronets_reduction.h"

void micronets_reduce_extreme(const int8_t *input, int8_t *output, const micronets_reduction *dimensions, int32_t flip)
{
    const int32_t *gone = dimensions->gone, *step = dimensions->gone_step;
    const int32_t count = micronets_reduction_count(dimensions);
    for (int32_t index = 0; index < count; index++) {
        const int8_t *start = micronets_reduction_start(input, dimensions, index);
        int32_t largest = INT8_MIN;
        for (int32_t i = 0; i < gone[0]; i++) {
            for (int32_t j = 0; j < gone[1]; j++) {
                const int8_t *value = start + i * step[0] + j * step[1];
                for (int32_t k = gone[2]; k > 0; k--) {
                    const int32_t flipped = *value ^ flip;
                    largest = flipped > largest ? flipped : largest;
                    value += step[2];
                }
            }
        }
        output[index] = (int8_t)(largest ^ flip);
    }
}
