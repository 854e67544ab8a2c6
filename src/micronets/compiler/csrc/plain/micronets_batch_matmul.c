#include "micronets_conv_any_products.h"
#include "micronets_requantize.h"

void micronets_batch_matmul(const int8_t *a, const int8_t *b, int8_t *output, const int32_t *starts, int32_t count,
                            const micronets_matrices *matrices, const micronets_requant *requant)
{
    const micronets_matrices n = *matrices;
    for (int32_t m = 0; m < count; m++) {
        for (int32_t i = 0; i < n.rows; i++) {
            const int8_t *row = a + starts[2 * m] + i * n.a_row;
            for (int32_t j = 0; j < n.columns; j += 4) {
                const int8_t *column = b + starts[2 * m + 1] + j * n.b_column;
                const int32_t columns = n.columns - j < 4 ? n.columns - j : 4;
                int32_t sums[4] = {0, 0, 0, 0};
                if (n.a_step == 1 && n.b_step == 1) {
                    micronets_conv_any_products(row, n.a_zero, column, n.b_zero, n.b_column, n.depth, columns, sums);
                } else {
                    for (int32_t k = 0; k < n.depth; k++) {
                        const int32_t x = row[k * n.a_step] - n.a_zero;
                        for (int32_t c = 0; c < columns; c++) {
                            sums[c] += x * (column[k * n.b_step + c * n.b_column] - n.b_zero);
                        }
                    }
                }
                for (int32_t c = 0; c < columns; c++) {
                    *output++ = micronets_requantize(sums[c], requant, 0);
                }
            }
        }
    }
}
