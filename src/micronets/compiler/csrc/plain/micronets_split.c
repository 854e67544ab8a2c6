#include "micronets_copy_rows.h"
#include "micronets_kernels.h"

void micronets_split(const int8_t *input, int8_t *arena, const int32_t *parts, int32_t count, int32_t rows)
{
    int32_t row_bytes = 0;
    for (int32_t p = 0; p < count; p++) {
        row_bytes += parts[2 * p + 1];
    }
    for (int32_t p = 0; p < count; p++) {
        const int32_t offset = parts[2 * p], bytes = parts[2 * p + 1];
        micronets_copy_rows(arena + offset, bytes, input, row_bytes, rows, bytes);
        input += bytes;
    }
}
