/* Lines of 16-bit values, read and written as pairs. */
#ifndef MICRONETS_PAIRS_H
#define MICRONETS_PAIRS_H

#include "micronets_words.h"

/* Returns micronets_pack2(low, high); one instruction, even for compilers that do not find it. */
MICRONETS_INLINE uint32_t micronets_pair_of(int32_t low, int32_t high)
{
#if MICRONETS_DSP_ASSEMBLY
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(low), "r"(high));
    return r;
#else
    return micronets_pack2(low, high);
#endif
}

#if MICRONETS_DSP_ASSEMBLY

typedef struct __attribute__((may_alias)) {
    uint32_t pair;
} micronets_aligned_pair;

/* Returns the pair at p, which is aligned to 4 bytes. */
MICRONETS_INLINE uint32_t micronets_pair_at(const int16_t *p)
{
    return ((const micronets_aligned_pair *)(const void *)p)->pair;
}

/* Writes a pair to p, which is aligned to 4 bytes. */
MICRONETS_INLINE void micronets_store_pair(int16_t *p, uint32_t pair)
{
    ((micronets_aligned_pair *)(void *)p)->pair = pair;
}

#else

/* Returns the pair at p, which need not be aligned here. */
MICRONETS_INLINE uint32_t micronets_pair_at(const int16_t *p)
{
    return micronets_pair_of(p[0], p[1]);
}

/* Writes a pair to p, which need not be aligned here. */
MICRONETS_INLINE void micronets_store_pair(int16_t *p, uint32_t pair)
{
    p[0] = (int16_t)(uint16_t)(pair & 0xffffu);
    p[1] = (int16_t)(uint16_t)(pair >> 16);
}

#endif

#endif
