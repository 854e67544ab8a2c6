#include "micronets_kernels.h"

/* Returns the result of an operation on two numbers, not yet clamped. */
static float combine(float a, float b, micronets_operation operation)
{
    switch (operation) {
    case MICRONETS_SUM:
        return a + b;
    case MICRONETS_DIFFERENCE:
        return a - b;
    case MICRONETS_PRODUCT:
        return a * b;
    case MICRONETS_QUOTIENT:
        return a / b;
    case MICRONETS_SMALLER:
        return a < b ? a : b;
    case MICRONETS_LARGER:
        return a > b ? a : b;
    case MICRONETS_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    default: /* MICRONETS_PRELU */
        return a >= 0.0f ? a : a * b;
    }
}

void micronets_binary_f32(const float *a, const float *b, float *output, const micronets_broadcast *shape,
                          micronets_operation operation, float lowest, float highest)
{
    const int32_t clamped = operation <= MICRONETS_QUOTIENT;
    for (int32_t i = 0; i < shape->size[0]; i++) {
        for (int32_t j = 0; j < shape->size[1]; j++) {
            for (int32_t k = 0; k < shape->size[2]; k++) {
                const float *x = a + i * shape->a[0] + j * shape->a[1] + k * shape->a[2];
                const float *y = b + i * shape->b[0] + j * shape->b[1] + k * shape->b[2];
                for (int32_t m = 0; m < shape->size[3]; m++, x += shape->a[3], y += shape->b[3]) {
                    const float value = combine(*x, *y, operation);
                    const float above = value < lowest ? lowest : value;
                    *output++ = !clamped ? value : above > highest ? highest : above;
                }
            }
        }
    }
}
