#include "micronets_state.h"

void micronets_read_state(const int8_t *arena, int32_t offset, int8_t *output, int32_t bytes)
{
    micronets_copy(output, micronets_state_of(arena) + offset, bytes);
}
