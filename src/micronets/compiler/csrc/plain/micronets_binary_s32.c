#include "micronets_kernels.h"

/* Returns a / b, rounded towards 0; 0 if b is 0. */
static int32_t quotient(int32_t a, int32_t b)
{
    return b == 0 ? 0 : b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;
}

/* Returns the result of an operation on two numbers. */
static int32_t combine(int32_t a, int32_t b, micronets_operation operation)
{
    const uint32_t difference = (uint32_t)a - (uint32_t)b;
    switch (operation) {
    case MICRONETS_SUM:
        return (int32_t)((uint32_t)a + (uint32_t)b);
    case MICRONETS_DIFFERENCE:
        return (int32_t)difference;
    case MICRONETS_PRODUCT:
        return (int32_t)((uint32_t)a * (uint32_t)b);
    case MICRONETS_QUOTIENT:
        return quotient(a, b);
    case MICRONETS_SMALLER:
        return a < b ? a : b;
    case MICRONETS_LARGER:
        return a > b ? a : b;
    case MICRONETS_SQUARED_DIFFERENCE:
        return (int32_t)(difference * difference);
    default: /* a PRELU, of which there is none of int32 */
        return a;
    }
}

void micronets_binary_s32(const int32_t *a, const int32_t *b, int32_t *output, const micronets_broadcast *shape,
                          micronets_operation operation)
{
    for (int32_t i = 0; i < shape->size[0]; i++) {
        for (int32_t j = 0; j < shape->size[1]; j++) {
            for (int32_t k = 0; k < shape->size[2]; k++) {
                const int32_t *x = a + i * shape->a[0] + j * shape->a[1] + k * shape->a[2];
                const int32_t *y = b + i * shape->b[0] + j * shape->b[1] + k * shape->b[2];
                for (int32_t m = 0; m < shape->size[3]; m++, x += shape->a[3], y += shape->b[3]) {
                    *output++ = combine(*x, *y, operation);
                }
            }
        }
    }
}
