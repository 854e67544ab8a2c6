#include "micronets_im2col.h"

MICRONETS_SMALL
void micronets_im2col_pixel(const int8_t *x, uint32_t *column, int32_t count)
{
    const int32_t left = count & 3;
    for (const int8_t *const end = x + count - left; x != end; x += 4, column += 4) {
        micronets_im2col_quad(x, column);
    }
    if (left > 0) {
        column[0] = micronets_pack2(x[0], left > 1 ? x[1] : 0);
    }
    if (left == 3) {
        column[2] = micronets_pack2(x[2], 0);
    }
}
