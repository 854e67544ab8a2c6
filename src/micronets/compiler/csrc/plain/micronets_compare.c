#include "micronets_relations.h"
#include "micronets_requantize.h"

#define FRACTION 8 /* bits of a real value behind the point */

void micronets_compare(const void *a, const void *b, uint8_t *output, const micronets_broadcast *shape,
                       const micronets_compared *scales, micronets_relation relation)
{
    const micronets_compared n = *scales;
    for (int32_t i = 0; i < shape->size[0]; i++) {
        for (int32_t j = 0; j < shape->size[1]; j++) {
            for (int32_t k = 0; k < shape->size[2]; k++) {
                const int8_t *x = (const int8_t *)a + i * shape->a[0] + j * shape->a[1] + k * shape->a[2];
                const int8_t *y = (const int8_t *)b + i * shape->b[0] + j * shape->b[1] + k * shape->b[2];
                for (int32_t m = 0; m < shape->size[3]; m++, x += shape->a[3], y += shape->b[3]) {
                    const int32_t first = (*x - n.a_zero) * (1 << FRACTION), second = (*y - n.b_zero) * (1 << FRACTION);
                    *output++ = micronets_related(micronets_multiply(first, n.a_multiplier, n.a_shift),
                                                  micronets_multiply(second, n.b_multiplier, n.b_shift), relation);
                }
            }
        }
    }
}
