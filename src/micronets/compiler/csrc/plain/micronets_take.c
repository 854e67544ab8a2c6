#include "micronets_bytes.h"
#include "micronets_kernels.h"

void micronets_take(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count, const int32_t *columns,
                    int32_t column_count, int32_t run)
{
    for (int32_t r = 0; r < row_count; r++) {
        const int8_t *const line = input + rows[r];
        if (run == 1) {
            for (int32_t c = 0; c < column_count; c++) {
                *output++ = line[columns[c]];
            }
            continue;
        }
        for (int32_t c = 0; c < column_count; c++) {
            output = micronets_copy(output, line + columns[c], run);
        }
    }
}
