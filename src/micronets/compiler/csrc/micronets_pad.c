#include "micronets_kernels.h"

void micronets_pad(const int8_t *input, int8_t *output, const micronets_padding *padding)
{
    const micronets_padding n = *padding;
    for (int32_t i = -n.before[0]; i < n.in_shape[0] + n.after[0]; i++) {
        const int row_inside = i >= 0 && i < n.in_shape[0];
        for (int32_t j = -n.before[1]; j < n.in_shape[1] + n.after[1]; j++) {
            const int inside = row_inside && j >= 0 && j < n.in_shape[1];
            for (int32_t k = -n.before[2]; k < n.in_shape[2] + n.after[2]; k++) {
                *output++ = inside && k >= 0 && k < n.in_shape[2] ? *input++ : n.value;
            }
        }
    }
}
