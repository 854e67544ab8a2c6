/* The products of one vector with four filters whose weights have 4 bits. */
#ifndef MICRONETS_DOT_BY4_S4_H
#define MICRONETS_DOT_BY4_S4_H

#include "micronets_dsp.h"

#if MICRONETS_DSP_LOOPS
/* MICRONETS_DOT_S4_PAIR multiplies a pair of values E by the word W of four filters, which is overwritten. */
/* clang-format off */
#define MICRONETS_DOT_S4_PAIR(E, W)                   \
    "smlad %[s3], %[" E "], %[" W "], %[s3]\n\t"      \
    "uxtb16 %[t], %[" W "]\n\t"                      \
    "smlad %[s1], %[" E "], %[t], %[s1]\n\t"         \
    "and %[t], %[" W "], #0x000f000f\n\t"            \
    "and %[" W "], %[" W "], #0x0f000f00\n\t"        \
    "smlad %[s0], %[" E "], %[t], %[s0]\n\t"         \
    "smlad %[s2], %[" E "], %[" W "], %[s2]\n\t"
#define MICRONETS_DOT_S4_STEP         \
    "ldr %[f], [%[x]], #4\n\t"       \
    "ldr %[b], [%[w], #4]\n\t"       \
    "ldr %[a], [%[w]], #8\n\t"       \
    "sxtb16 %[e], %[f]\n\t"          \
    "sxtb16 %[f], %[f], ror #8\n\t"  \
    MICRONETS_DOT_S4_PAIR("e", "a")   \
    MICRONETS_DOT_S4_PAIR("f", "b")

/* Repeats STEPS until x is `stop`. */
#define MICRONETS_DOT_S4_LOOP(STEPS)                                                                      \
    do {                                                                                                  \
        uint32_t a, b, e, f, t;                                                                           \
        __asm__ volatile(                                                                                 \
            ".p2align 2\n"                                                                                \
            "1:\n\t"                                                                                      \
            STEPS                                                                                         \
            "cmp %[x], %[stop]\n\t"                                                                       \
            "bne.w 1b"                                                                                    \
            : [s0] "+&r"(s0), [s1] "+&r"(s1), [s2] "+&r"(s2), [s3] "+&r"(s3), [x] "+&r"(x), [w] "+&r"(w), \
              [a] "=&r"(a), [b] "=&r"(b), [e] "=&r"(e), [f] "=&r"(f), [t] "=&r"(t)                        \
            : [stop] "r"(stop)                                                                            \
            : "cc", "memory");                                                                            \
    } while (0)
/* clang-format on */
#endif

/* Returns 8 times the sum of `count` values, at least 1. */
MICRONETS_INLINE int32_t micronets_eightfold_sum(const int8_t *x, int32_t count)
{
    int32_t sum = 0, i = 0;
#if MICRONETS_DSP
    for (; i + 4 <= count; i += 4) {
        const uint32_t bytes = micronets_load4(x + i);
        sum = micronets_smlad(micronets_even(bytes), 0x00010001u, sum);
        sum = micronets_smlad(micronets_odd(bytes), 0x00010001u, sum);
    }
#endif
    for (; i < count; i++) {
        sum += x[i];
    }
    return 8 * sum;
}

/* Adds the products of a pair of values (a, b) and a word of weights to the sums of four filters; some of these sums
 * combine several filters. */
MICRONETS_INLINE void micronets_add_products_s4(int32_t a, int32_t b, uint32_t word, uint32_t *sums)
{
    const uint32_t upper = word >> 16;
    sums[0] += (uint32_t)(a * (int32_t)(word & 0xf) + b * (int32_t)(upper & 0xf));
    sums[1] += (uint32_t)(a * (int32_t)(word & 0xff) + b * (int32_t)(upper & 0xff));
    sums[2] += (uint32_t)(a * (int32_t)(word & 0xf00) + b * (int32_t)(upper & 0xf00));
    sums[3] += (uint32_t)(a * micronets_low_half(word) + b * micronets_high_half(word));
}

/* Computes the sums of four filters from the combined sums. eightfold: see micronets_dot_by4_s4. */
MICRONETS_INLINE void micronets_divide_sums_s4(const uint32_t *sums, int32_t eightfold, int32_t *found)
{
    found[0] = (int32_t)sums[0] - eightfold;
    found[1] = ((int32_t)(sums[1] - sums[0]) >> 4) - eightfold;
    found[2] = ((int32_t)sums[2] >> 8) - eightfold;
    found[3] = (int32_t)(sums[3] - sums[2] - sums[1]) >> 12;
}

/* Multiplies `count` values by four filters. Returns the address of the next four filters' weights.
 *
 * x: [in] `count` values. w: [in] weights, a word for each pair of values: a half of filters e, f, g and h is (e + 8) +
 * 16 * (f + 8) + 256 * (g + 8) + 4096 * h; values are paired as for micronets_dot_by4. count: at least 1. eightfold:
 * the result of micronets_eightfold_sum, by which the sums of e, f and g are too large. sums: [out] the sum of products
 * of each filter, within +-(2^19 - 1). Intermediate sums wrap at 32 bits, the results do not. */
MICRONETS_INLINE const uint32_t *micronets_dot_by4_s4(const int8_t *x, const uint32_t *w, int32_t count,
                                                      int32_t eightfold, int32_t *sums)
{
    const int8_t *const end = x + count;
    uint32_t s[4] = {0, 0, 0, 0};
#if MICRONETS_DSP_LOOPS
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const int8_t *stop = x + (count & ~15);
    if (x < stop) {
        MICRONETS_DOT_S4_LOOP(MICRONETS_DOT_S4_STEP MICRONETS_DOT_S4_STEP MICRONETS_DOT_S4_STEP MICRONETS_DOT_S4_STEP);
    }
    stop = x + ((end - x) & ~3);
    if (x < stop) {
        MICRONETS_DOT_S4_LOOP(MICRONETS_DOT_S4_STEP);
    }
    s[0] = s0;
    s[1] = s1;
    s[2] = s2;
    s[3] = s3;
#endif
    while (x < end) {
        /* Four values form the pairs (0, 2) and (1, 3); the last one to three values form (0, 1) and (2, zero). */
        const int32_t left = (int32_t)(end - x), whole = left >= 4;
        const int32_t second = whole ? x[2] : left > 1 ? x[1] : 0;
        for (int32_t k = 0; k < (left > 2 ? 2 : 1); k++) {
            const int32_t a = k == 0 ? x[0] : whole ? x[1] : x[2], b = k == 0 ? second : whole ? x[3] : 0;
            micronets_add_products_s4(a, b, *w++, s);
        }
        x += whole ? 4 : left;
    }
    micronets_divide_sums_s4(s, eightfold, sums);
    return w;
}

#endif
