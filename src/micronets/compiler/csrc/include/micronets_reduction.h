/* How a reduction goes over its input. */
#ifndef MICRONETS_REDUCTION_H
#define MICRONETS_REDUCTION_H

#include "micronets_kernels.h"
#include "micronets_target.h"

/* Returns the first of the input values that output value number `index` is made of. */
MICRONETS_INLINE const int8_t *micronets_reduction_start(const int8_t *input, const micronets_reduction *dimensions,
                                                         int32_t index)
{
    for (int32_t k = 2; k >= 0; k--) {
        const int32_t size = dimensions->kept[k], quotient = index / size;
        input += (index - quotient * size) * dimensions->kept_step[k];
        index = quotient;
    }
    return input;
}

/* Returns how many values the output has. */
MICRONETS_INLINE int32_t micronets_reduction_count(const micronets_reduction *dimensions)
{
    return dimensions->kept[0] * dimensions->kept[1] * dimensions->kept[2];
}

#endif
