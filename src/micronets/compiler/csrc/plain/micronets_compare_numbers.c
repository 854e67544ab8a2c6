#include "micronets_relations.h"
#include "micronets_values.h"

/* Returns 1 if `relation` holds between two floats, else 0; no order holds for NaN. */
static uint8_t related(float a, float b, micronets_relation relation)
{
    switch (relation) {
    case MICRONETS_EQUAL:
        return a == b;
    case MICRONETS_NOT_EQUAL:
        return a != b;
    case MICRONETS_GREATER:
        return a > b;
    default: /* MICRONETS_GREATER_OR_EQUAL */
        return a >= b;
    }
}

void micronets_compare_numbers(const void *a, micronets_type type, const void *b, uint8_t *output,
                               const micronets_broadcast *shape, micronets_relation relation)
{
    for (int32_t i = 0; i < shape->size[0]; i++) {
        for (int32_t j = 0; j < shape->size[1]; j++) {
            for (int32_t k = 0; k < shape->size[2]; k++) {
                int32_t x = i * shape->a[0] + j * shape->a[1] + k * shape->a[2];
                int32_t y = i * shape->b[0] + j * shape->b[1] + k * shape->b[2];
                for (int32_t m = 0; m < shape->size[3]; m++, x += shape->a[3], y += shape->b[3]) {
                    *output++ =
                        type == MICRONETS_FLOAT32
                            ? related(((const float *)a)[x], ((const float *)b)[y], relation)
                            : micronets_related(micronets_load(a, type, x), micronets_load(b, type, y), relation);
                }
            }
        }
    }
}
