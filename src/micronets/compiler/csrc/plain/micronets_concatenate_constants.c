#include "micronets_copy_rows.h"
#include "micronets_kernels.h"

void micronets_concatenate_constants(const int8_t *arena, const int8_t *constants, int8_t *output, const int32_t *parts,
                                     int32_t count, int32_t rows)
{
    int32_t row_bytes = 0;
    for (int32_t p = 0; p < count; p++) {
        row_bytes += parts[2 * p + 1];
    }
    for (int32_t p = 0; p < count; p++) {
        const int32_t offset = parts[2 * p], bytes = parts[2 * p + 1];
        const int8_t *const part = offset < 0 ? constants + (-1 - offset) : arena + offset;
        micronets_copy_rows(output, row_bytes, part, bytes, rows, bytes);
        output += bytes;
    }
}
