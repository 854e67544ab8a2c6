#include "micronets_kernels.h"

void micronets_binary_s16(const int16_t *a, const int16_t *b, int16_t *output, const micronets_broadcast *shape,
                          const micronets_operands_s16 *operands, micronets_row_s16 *row)
{
    for (int32_t i = 0; i < shape->size[0]; i++) {
        for (int32_t j = 0; j < shape->size[1]; j++) {
            for (int32_t k = 0; k < shape->size[2]; k++) {
                const int16_t *const x = a + i * shape->a[0] + j * shape->a[1] + k * shape->a[2];
                const int16_t *const y = b + i * shape->b[0] + j * shape->b[1] + k * shape->b[2];
                row(x, shape->a[3], y, shape->b[3], output, shape->size[3], operands);
                output += shape->size[3];
            }
        }
    }
}
