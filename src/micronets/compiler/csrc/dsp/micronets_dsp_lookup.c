#include "micronets_kernels.h"
#include "micronets_target.h"

#if MICRONETS_DSP && !MICRONETS_MVE

/* Codes that are looked up together: each takes three instructions, and loads that follow one another a cycle each. */
#define BLOCK 16

void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count)
{
    const int8_t *const zero = table + 128, *const end = input + count, *const blocks = input + count / BLOCK * BLOCK;
#if MICRONETS_DSP_ASSEMBLY
    int32_t a, b, c, d, e, f, g, h;
/* Looks up eight codes; the last load and the last store move the pointers on. */
#define LOOKUP_EIGHT                                                                                \
    "ldrsb %[b], [%[in], #1]\n\tldrsb %[c], [%[in], #2]\n\tldrsb %[d], [%[in], #3]\n\t"             \
    "ldrsb %[e], [%[in], #4]\n\tldrsb %[f], [%[in], #5]\n\tldrsb %[g], [%[in], #6]\n\t"             \
    "ldrsb %[h], [%[in], #7]\n\tldrsb %[a], [%[in]], #8\n\t"                                        \
    "ldrb %[b], [%[table], %[b]]\n\tldrb %[c], [%[table], %[c]]\n\tldrb %[d], [%[table], %[d]]\n\t" \
    "ldrb %[e], [%[table], %[e]]\n\tldrb %[f], [%[table], %[f]]\n\tldrb %[g], [%[table], %[g]]\n\t" \
    "ldrb %[h], [%[table], %[h]]\n\tldrb %[a], [%[table], %[a]]\n\t"                                \
    "strb %[b], [%[out], #1]\n\tstrb %[c], [%[out], #2]\n\tstrb %[d], [%[out], #3]\n\t"             \
    "strb %[e], [%[out], #4]\n\tstrb %[f], [%[out], #5]\n\tstrb %[g], [%[out], #6]\n\t"             \
    "strb %[h], [%[out], #7]\n\tstrb %[a], [%[out]], #8\n\t"
    while (input != blocks) {
        __asm__ volatile(LOOKUP_EIGHT LOOKUP_EIGHT
                         : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f),
                           [g] "=&r"(g), [h] "=&r"(h), [in] "+&r"(input), [out] "+&r"(output)
                         : [table] "r"(zero)
                         : "memory");
    }
#undef LOOKUP_EIGHT
#else
    for (; input != blocks; input += BLOCK, output += BLOCK) {
        for (int32_t i = 0; i < BLOCK; i++) {
            output[i] = zero[input[i]];
        }
    }
#endif
    while (input != end) {
        *output++ = zero[*input++];
    }
}

#endif
