#include "micronets_requantize_s16.h"

void micronets_batch_matmul_s16(const int16_t *a, const int16_t *b, int16_t *output, const int32_t *starts,
                                int32_t count, const micronets_matrices *matrices, const micronets_requant_s16 *requant)
{
    const micronets_matrices n = *matrices;
    for (int32_t m = 0; m < count; m++) {
        for (int32_t i = 0; i < n.rows; i++) {
            const int16_t *row = a + starts[2 * m] + i * n.a_row;
            for (int32_t j = 0; j < n.columns; j++) {
                const int16_t *x = row, *y = b + starts[2 * m + 1] + j * n.b_column;
                int64_t sum = 0;
                for (int32_t k = n.depth; k > 0; k--, x += n.a_step, y += n.b_step) {
                    sum += (int32_t)*x * *y;
                }
                *output++ = micronets_requantize_s16(sum, requant, 0);
            }
        }
    }
}
