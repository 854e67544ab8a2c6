/* Packing of values into 32-bit words, and unpacking. */
#ifndef MICRONETS_WORDS_H
#define MICRONETS_WORDS_H

#include <stdint.h>

#include "micronets_target.h"

/* Returns a pair: the low 16 bits of `low` in the lower half of a word, those of `high` in its upper half. */
MICRONETS_INLINE uint32_t micronets_pack2(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

/* The low byte of `value` in each of four bytes. */
#define MICRONETS_REPEAT4(value) (((uint32_t)(value) & 255u) * 0x01010101u)

/* Returns the lower half of a word, sign-extended. */
MICRONETS_INLINE int32_t micronets_low_half(uint32_t word)
{
    return (int16_t)(uint16_t)word;
}

/* Returns the upper half of a word, sign-extended. */
MICRONETS_INLINE int32_t micronets_high_half(uint32_t word)
{
    return (int16_t)(uint16_t)(word >> 16);
}

/* Returns the lowest byte of a word, sign-extended. */
MICRONETS_INLINE int32_t micronets_low_byte(uint32_t word)
{
    return (int8_t)(uint8_t)word;
}

#endif
