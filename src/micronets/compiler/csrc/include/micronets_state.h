/* The state of a network: the variables that it keeps from one inference to the next, in a block that the caller
 * provides. */
#ifndef MICRONETS_STATE_H
#define MICRONETS_STATE_H

#include "micronets_bytes.h"

/* The start of the arena while a network with variables runs. */
typedef struct {
    int8_t *state; /* the block of the variables */
} micronets_state_slot;

/* Stores the address of the state for the functions below; arena: [out] the arena, aligned to 16 bytes. */
MICRONETS_INLINE void micronets_keep_state(int8_t *arena, int8_t *state)
{
    ((micronets_state_slot *)(void *)arena)->state = state;
}

/* Returns the address of the state; arena: [in] the arena of a running network. */
MICRONETS_INLINE int8_t *micronets_state_of(const int8_t *arena)
{
    return ((const micronets_state_slot *)(const void *)arena)->state;
}

#ifdef __cplusplus
extern "C" {
#endif

/* Copies a variable to a tensor.
 *
 * - arena: in, the arena of a running network.
 * - offset: offset of the variable in the state, in bytes.
 * - output: out, `bytes` bytes.
 * - bytes: at least 1. */
void micronets_read_state(const int8_t *arena, int32_t offset, int8_t *output, int32_t bytes);

/* Copies a tensor to a variable.
 *
 * - arena: in, the arena of a running network.
 * - offset: offset of the variable in the state, in bytes.
 * - input: in, `bytes` bytes.
 * - bytes: at least 1. */
void micronets_assign_state(const int8_t *arena, int32_t offset, const int8_t *input, int32_t bytes);

#ifdef __cplusplus
}
#endif

#endif
