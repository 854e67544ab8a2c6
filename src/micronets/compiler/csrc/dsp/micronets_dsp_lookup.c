#include "micronets_kernels.h"
#include "micronets_target.h"

#if MICRONETS_DSP

/* Codes that are looked up together: each takes three instructions, and loads that follow one another a cycle each. */
#define BLOCK 16

/* Looks up a block of codes; table: [in] the value of the code 0. */
MICRONETS_INLINE void lookup_block(const int8_t *input, int8_t *output, const int8_t *table)
{
#if MICRONETS_DSP_ASSEMBLY
    int32_t a, b, c, d, e, f, g, h;
#define LOOKUP_EIGHT(at)                                                                                   \
    __asm__ volatile("ldrsb %[a], [%[in], #" #at "]\n\tldrsb %[b], [%[in], #" #at "+1]\n\t"                \
                     "ldrsb %[c], [%[in], #" #at "+2]\n\tldrsb %[d], [%[in], #" #at "+3]\n\t"              \
                     "ldrsb %[e], [%[in], #" #at "+4]\n\tldrsb %[f], [%[in], #" #at "+5]\n\t"              \
                     "ldrsb %[g], [%[in], #" #at "+6]\n\tldrsb %[h], [%[in], #" #at "+7]\n\t"              \
                     "ldrb %[a], [%[table], %[a]]\n\tldrb %[b], [%[table], %[b]]\n\t"                      \
                     "ldrb %[c], [%[table], %[c]]\n\tldrb %[d], [%[table], %[d]]\n\t"                      \
                     "ldrb %[e], [%[table], %[e]]\n\tldrb %[f], [%[table], %[f]]\n\t"                      \
                     "ldrb %[g], [%[table], %[g]]\n\tldrb %[h], [%[table], %[h]]\n\t"                      \
                     "strb %[a], [%[out], #" #at "]\n\tstrb %[b], [%[out], #" #at "+1]\n\t"                \
                     "strb %[c], [%[out], #" #at "+2]\n\tstrb %[d], [%[out], #" #at "+3]\n\t"              \
                     "strb %[e], [%[out], #" #at "+4]\n\tstrb %[f], [%[out], #" #at "+5]\n\t"              \
                     "strb %[g], [%[out], #" #at "+6]\n\tstrb %[h], [%[out], #" #at "+7]"                  \
                     : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f), \
                       [g] "=&r"(g), [h] "=&r"(h)                                                          \
                     : [in] "r"(input), [out] "r"(output), [table] "r"(table)                              \
                     : "memory")
    LOOKUP_EIGHT(0);
    LOOKUP_EIGHT(8);
#undef LOOKUP_EIGHT
#else
    for (int32_t i = 0; i < BLOCK; i++) {
        output[i] = table[input[i]];
    }
#endif
}

void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count)
{
    const int8_t *const zero = table + 128, *const end = input + count;
    for (const int8_t *const blocks = input + count / BLOCK * BLOCK; input != blocks; input += BLOCK, output += BLOCK) {
        lookup_block(input, output, zero);
    }
    while (input != end) {
        *output++ = zero[*input++];
    }
}

#endif
