#include "micronets_conv_c4_im2col.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_conv_c4_im2col(const int8_t *x, const int8_t *y, int32_t pitch, uint32_t *columns, int32_t rows,
                              int32_t count)
{
    for (int32_t k = 0; k < rows; k++, columns += count) {
        micronets_im2col_quads(x + k * pitch, columns, count);
        micronets_im2col_quads(y + k * pitch, columns + 1, count);
    }
}

#endif
