#include "micronets_state.h"

void micronets_assign_state(const int8_t *arena, int32_t offset, const int8_t *input, int32_t bytes)
{
    micronets_copy(micronets_state_of(arena) + offset, input, bytes);
}
