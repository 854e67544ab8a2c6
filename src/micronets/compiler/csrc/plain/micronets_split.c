#include "micronets_bytes.h"
#include "micronets_kernels.h"

void micronets_split(const int8_t *input, int8_t *arena, const int32_t *parts, int32_t count, int32_t rows)
{
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t p = 0; p < count; p++) {
            const int32_t offset = parts[2 * p], bytes = parts[2 * p + 1];
            micronets_copy_forward(arena + offset + row * bytes, input, bytes);
            input += bytes;
        }
    }
}
