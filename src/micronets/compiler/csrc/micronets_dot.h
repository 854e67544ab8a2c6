/* Inner loops: dot products of int8 vectors, several at once so that what is loaded is used more than once.
 *
 * Sums are int32 and cannot overflow: the generator refuses filters whose weights could make them. */
#ifndef MICRONETS_DOT_H
#define MICRONETS_DOT_H

#include "micronets_dsp.h"

/* sums[0] += (x - zero_point) . w over `count` values. */
MICRONETS_INLINE void micronets_dot_1(const int8_t *x, int32_t zero_point, const int8_t *w, int32_t count, int32_t *sums)
{
    int32_t s = sums[0], i = 0;
#ifdef MICRONETS_DSP
    const micronets_pair offset = micronets_twice(-zero_point);
    for (; i + 4 <= count; i += 4) {
        const uint32_t v = micronets_load4(x + i), a = micronets_load4(w + i);
        s = micronets_both(micronets_even_plus(offset, v), micronets_even(a), s);
        s = micronets_both(micronets_odd_plus(offset, v), micronets_odd(a), s);
    }
#endif
    for (; i < count; i++) {
        s += (x[i] - zero_point) * w[i];
    }
    sums[0] = s;
}

#ifdef MICRONETS_ASSEMBLY
/* Of one filter four values: S += (ev, od) . C. */
#define MICRONETS_DOT_4_PART(S)                                                                                        \
    "sxtb16 %[t], %[c]\n\tsmlad %[" S "], %[ev], %[t], %[" S "]\n\t"                                                  \
    "sxtb16 %[c], %[c], ror #8\n\tsmlad %[" S "], %[od], %[c], %[" S "]\n\t"

/* Four values of the vector and of four filters, in 13 registers. */
#define MICRONETS_DOT_4_STEP                                                                                           \
    "ldr %[od], [%[x]], #4\n\tldr %[c], [%[w], %[pitch]]\n\t"                                                         \
    "sxtab16 %[ev], %[zero], %[od]\n\tsxtab16 %[od], %[zero], %[od], ror #8\n\t" MICRONETS_DOT_4_PART("s1")           \
    "ldr %[c], [%[w]], #4\n\t" MICRONETS_DOT_4_PART("s0")                                                              \
    "ldr %[c], [%[w2], %[pitch]]\n\t" MICRONETS_DOT_4_PART("s3")                                                       \
    "ldr %[c], [%[w2]], #4\n\t" MICRONETS_DOT_4_PART("s2")

/* Steps until x is `stop`. */
#define MICRONETS_DOT_4_LOOP(STEPS)                                                                                    \
    do {                                                                                                               \
        uint32_t ev, od, c, t;                                                                                         \
        __asm__ volatile(".p2align 2\n1:\n\t" STEPS "ldr %[t], %[stop]\n\tcmp %[x], %[t]\n\tbne 1b"                   \
                         : [s0] "+&r"(s0), [s1] "+&r"(s1), [s2] "+&r"(s2), [s3] "+&r"(s3), [x] "+&r"(x), [w] "+&r"(w), \
                           [w2] "+&r"(w2), [ev] "=&r"(ev), [od] "=&r"(od), [c] "=&r"(c), [t] "=&r"(t)                  \
                         : [pitch] "r"(pitch), [zero] "r"(offset), [stop] "m"(stop)                                    \
                         : "cc", "memory");                                                                            \
    } while (0)
#endif

/* sums[k] += (x - zero_point) . (w + k * pitch) over `count` values, for k = 0 .. 3. */
MICRONETS_INLINE void micronets_dot_4(const int8_t *x, int32_t zero_point, const int8_t *w, int32_t pitch, int32_t count,
                                      int32_t *sums)
{
    const int8_t *w2 = w + 2 * pitch, *const end = x + count;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
#ifdef MICRONETS_DSP
    const micronets_pair offset = micronets_twice(-zero_point);
#ifdef MICRONETS_ASSEMBLY
    const int8_t *stop = x + (count & ~15);
    if (x < stop) {
        MICRONETS_DOT_4_LOOP(MICRONETS_DOT_4_STEP MICRONETS_DOT_4_STEP MICRONETS_DOT_4_STEP MICRONETS_DOT_4_STEP);
    }
    stop = x + ((end - x) & ~3);
    if (x < stop) {
        MICRONETS_DOT_4_LOOP(MICRONETS_DOT_4_STEP);
    }
#else
    for (; end - x >= 4; x += 4, w += 4, w2 += 4) {
        const uint32_t v = micronets_load4(x);
        const micronets_pair even = micronets_even_plus(offset, v), odd = micronets_odd_plus(offset, v);
        const uint32_t a = micronets_load4(w), b = micronets_load4(w + pitch);
        const uint32_t c = micronets_load4(w2), d = micronets_load4(w2 + pitch);
        s0 = micronets_both(odd, micronets_odd(a), micronets_both(even, micronets_even(a), s0));
        s1 = micronets_both(odd, micronets_odd(b), micronets_both(even, micronets_even(b), s1));
        s2 = micronets_both(odd, micronets_odd(c), micronets_both(even, micronets_even(c), s2));
        s3 = micronets_both(odd, micronets_odd(d), micronets_both(even, micronets_even(d), s3));
    }
#endif
#endif
    for (; x < end; x++, w++, w2++) {
        const int32_t v = x[0] - zero_point;
        s0 += v * w[0];
        s1 += v * w[pitch];
        s2 += v * w2[0];
        s3 += v * w2[pitch];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif
