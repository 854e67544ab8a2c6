#include "micronets_conv_im2col.h"
#include "micronets_words.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_conv_im2col(const int8_t *x, int32_t pitch_x, const int8_t *y, int32_t pitch_y, uint32_t *columns,
                           int32_t rows, int32_t count)
{
    for (int32_t k = 0; k < rows && count % 2; k += 2, columns += 2) {
        const int8_t *u = x + k * pitch_x + count - 1, *v = y + k * pitch_y + count - 1;
        columns[0] = micronets_pack2(u[0], k + 1 < rows ? u[pitch_x] : 0);
        columns[1] = micronets_pack2(v[0], k + 1 < rows ? v[pitch_y] : 0);
    }
    for (int32_t k = 0; k < rows; k++) {
        const int8_t *u = x + k * pitch_x, *v = y + k * pitch_y;
        int32_t left = count;
        for (; left >= 4; left -= 4, u += 4, v += 4, columns += 4) {
            columns[0] = micronets_pack2(u[0], u[2]);
            columns[1] = micronets_pack2(v[0], v[2]);
            columns[2] = micronets_pack2(u[1], u[3]);
            columns[3] = micronets_pack2(v[1], v[3]);
        }
        if (left > 1) {
            columns[0] = micronets_pack2(u[0], u[1]);
            columns[1] = micronets_pack2(v[0], v[1]);
            columns += 2;
        }
    }
}

#endif
