#include "micronets_kernels.h"

/* Returns the sum, the larger or the smaller of two numbers. */
static float joined(float a, float b, micronets_operation operation)
{
    if (operation == MICRONETS_SUM) {
        return a + b;
    }
    return (operation == MICRONETS_LARGER ? a > b : a < b) ? a : b;
}

/* Returns the sum, maximum or minimum of the numbers that one place of the output reduces; start: [in] the first. */
static float reduced(const float *start, const micronets_reduction *n, micronets_operation operation)
{
    float found = operation == MICRONETS_SUM ? 0.0f : *start;
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const float *x = start + i * n->gone_step[0] + j * n->gone_step[1];
            for (int32_t k = 0; k < n->gone[2]; k++, x += n->gone_step[2]) {
                found = joined(found, *x, operation);
            }
        }
    }
    return found;
}

void micronets_reduce_f32(const float *input, float *output, const micronets_reduction *dimensions,
                          micronets_operation operation, float divisor)
{
    const micronets_reduction *const n = dimensions;
    for (int32_t a = 0; a < n->kept[0]; a++) {
        for (int32_t b = 0; b < n->kept[1]; b++) {
            for (int32_t c = 0; c < n->kept[2]; c++) {
                const float *const start = input + a * n->kept_step[0] + b * n->kept_step[1] + c * n->kept_step[2];
                *output++ = reduced(start, n, operation) / divisor;
            }
        }
    }
}
