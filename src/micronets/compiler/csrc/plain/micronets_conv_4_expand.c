#include "micronets_conv_4_expand.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_conv_4_expand(const int8_t *x, const int8_t *y, int32_t pitch, uint32_t *columns, int32_t rows,
                             int32_t count)
{
    for (int32_t k = 0; k < rows; k++, columns += count) {
        micronets_expand_quads(x + k * pitch, columns, count);
        micronets_expand_quads(y + k * pitch, columns + 1, count);
    }
}

#endif
