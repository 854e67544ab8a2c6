#include "micronets_kernels.h"

void micronets_select(const void *condition, const void *a, const void *b, void *output,
                      const micronets_selection *shape)
{
    const micronets_selection *n = shape;
    uint8_t *to = (uint8_t *)output;
    for (int32_t i = 0; i < n->size[0]; i++) {
        for (int32_t j = 0; j < n->size[1]; j++) {
            for (int32_t k = 0; k < n->size[2]; k++) {
                const uint8_t *truth =
                    (const uint8_t *)condition + i * n->condition[0] + j * n->condition[1] + k * n->condition[2];
                const int32_t x = i * n->a[0] + j * n->a[1] + k * n->a[2];
                const int32_t y = i * n->b[0] + j * n->b[1] + k * n->b[2];
                for (int32_t m = 0; m < n->size[3]; m++, truth += n->condition[3]) {
                    const uint8_t *from = *truth ? (const uint8_t *)a + (x + m * n->a[3]) * n->bytes
                                                 : (const uint8_t *)b + (y + m * n->b[3]) * n->bytes;
                    for (int32_t byte = 0; byte < n->bytes; byte++) {
                        *to++ = from[byte];
                    }
                }
            }
        }
    }
}
