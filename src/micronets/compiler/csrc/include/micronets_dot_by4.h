/* The products of one vector with four filters, whose weights are in the order of micronets_im2col.h. */
#ifndef MICRONETS_DOT_BY4_H
#define MICRONETS_DOT_BY4_H

#include "micronets_dsp.h"

#if MICRONETS_DSP_LOOPS
/* MICRONETS_DOT_PAIR multiplies a pair of values E by the word U of the first two filters and the word V of the other
 * two; MICRONETS_DOT_STEP processes four values. */
/* clang-format off */
#define MICRONETS_DOT_PAIR(E, U, V)              \
    "smlad %[s1], %[" E "], %[" U "], %[s1]\n\t" \
    "sxtb16 %[" U "], %[" U "]\n\t"              \
    "smlad %[s3], %[" E "], %[" V "], %[s3]\n\t" \
    "sxtb16 %[" V "], %[" V "]\n\t"              \
    "smlad %[s0], %[" E "], %[" U "], %[s0]\n\t" \
    "smlad %[s2], %[" E "], %[" V "], %[s2]\n\t"
#define MICRONETS_DOT_STEP            \
    "ldr %[b], [%[w], #4]\n\t"        \
    "ldr %[c], [%[w], #8]\n\t"        \
    "ldr %[d], [%[w], #12]\n\t"       \
    "ldr %[a], [%[w]], #16\n\t"       \
    "ldr %[f], [%[x]], #4\n\t"        \
    "sxtb16 %[e], %[f]\n\t"           \
    "sxtb16 %[f], %[f], ror #8\n\t"   \
    MICRONETS_DOT_PAIR("e", "a", "b") \
    MICRONETS_DOT_PAIR("f", "c", "d")

/* Repeats STEPS until x is `stop`. */
#define MICRONETS_DOT_LOOP(STEPS)                                                                         \
    do {                                                                                                  \
        uint32_t a, b, c, d, e, f;                                                                        \
        __asm__ volatile(                                                                                 \
            ".p2align 2\n"                                                                                \
            "1:\n\t"                                                                                      \
            STEPS                                                                                         \
            "cmp %[x], %[stop]\n\t"                                                                       \
            "bne.w 1b"                                                                                    \
            : [s0] "+&r"(s0), [s1] "+&r"(s1), [s2] "+&r"(s2), [s3] "+&r"(s3), [x] "+&r"(x), [w] "+&r"(w), \
              [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f)          \
            : [stop] "r"(stop)                                                                            \
            : "cc", "memory");                                                                            \
    } while (0)
/* clang-format on */
#endif

/* Multiplies `count` values by four filters. Returns the address of the next four filters' weights.
 *
 * x: [in] `count` values. w: [in] weights, two words for each pair of values. count: at least 0. sums: [out] the sum of
 * products of each filter, within +-(2^23 - 1). Intermediate sums of whole words wrap at 32 bits, the results do
 * not. */
MICRONETS_INLINE const uint32_t *micronets_dot_by4(const int8_t *x, const uint32_t *w, int32_t count, int32_t *sums)
{
    const int8_t *const end = x + count;
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if MICRONETS_DSP_LOOPS
    const int8_t *stop = x + (count & ~15);
    if (x < stop) {
        MICRONETS_DOT_LOOP(MICRONETS_DOT_STEP MICRONETS_DOT_STEP MICRONETS_DOT_STEP MICRONETS_DOT_STEP);
    }
    stop = x + ((end - x) & ~3);
    if (x < stop) {
        MICRONETS_DOT_LOOP(MICRONETS_DOT_STEP);
    }
#endif
    while (x < end) {
        /* Four values form the pairs (0, 2) and (1, 3); the last one to three values form (0, 1) and (2, zero). */
        const int32_t left = (int32_t)(end - x), whole = left >= 4;
        const int32_t second = whole ? x[2] : left > 1 ? x[1] : 0;
        for (int32_t k = 0; k < (left > 2 ? 2 : 1); k++) {
            const int32_t a = k == 0 ? x[0] : whole ? x[1] : x[2], b = k == 0 ? second : whole ? x[3] : 0;
            const uint32_t u = w[0], v = w[1];
            s0 += (uint32_t)(a * micronets_low_byte(u) + b * micronets_low_byte(u >> 16));
            s1 += (uint32_t)(a * micronets_low_half(u) + b * micronets_high_half(u));
            s2 += (uint32_t)(a * micronets_low_byte(v) + b * micronets_low_byte(v >> 16));
            s3 += (uint32_t)(a * micronets_low_half(v) + b * micronets_high_half(v));
            w += 2;
        }
        x += whole ? 4 : left;
    }
    sums[0] = (int32_t)s0;
    sums[1] = (int32_t)(s1 - s0) >> 8; /* the product with whole words is sum 0 + 256 * sum 1 */
    sums[2] = (int32_t)s2;
    sums[3] = (int32_t)(s3 - s2) >> 8;
    return w;
}

#endif
