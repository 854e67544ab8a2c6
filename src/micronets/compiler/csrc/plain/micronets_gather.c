#include "micronets_bytes.h"
#include "micronets_kernels.h"

void micronets_gather(const void *values, const int32_t *places, void *output, int32_t rows, int32_t size,
                      int32_t count, int32_t run)
{
    const int8_t *row = (const int8_t *)values;
    int8_t *to = (int8_t *)output;
    for (; rows > 0; rows--, row += size * run) {
        for (int32_t i = 0; i < count; i++) {
            const int32_t place = places[i] < 0 ? 0 : places[i] < size ? places[i] : size - 1;
            to = micronets_copy_forward(to, row + place * run, run);
        }
    }
}
