#include "micronets_kernels.h"

void micronets_update_box_at(const int8_t *input, const int8_t *box, int8_t *output, int32_t bytes,
                             const micronets_copy_params *params, const int32_t *places, const int32_t *limits,
                             int32_t dimensions)
{
    micronets_copy_params moved = *params;
    for (int32_t d = 0; d < dimensions; d++) {
        const int32_t place = places[d + 1], last = limits[2 * d];
        moved.start += (place < 0 ? 0 : place < last ? place : last) * limits[2 * d + 1];
    }
    micronets_update_box(input, box, output, bytes, &moved);
}
