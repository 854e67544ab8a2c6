/* The inner loop of a pointwise convolution. */
#ifndef MICRONETS_DOT_2X2_H
#define MICRONETS_DOT_2X2_H

#include "micronets_dsp.h"

#ifdef MICRONETS_ASSEMBLY
/* Four values of both vectors and both filters. 13 registers: with one more the compiler would spill. */
#define MICRONETS_2X2_STEP                                                                                             \
    "ldr %[bo], [%[x], %[count]]\n\tldr %[ao], [%[x]], #4\n\tldr %[c], [%[w], %[count]]\n\t"                           \
    "sxtb16 %[ae], %[ao]\n\tsxtb16 %[ao], %[ao], ror #8\n\tsxtb16 %[be], %[bo]\n\tsxtb16 %[bo], %[bo], ror #8\n\t"     \
    "sxtb16 %[t], %[c]\n\tsmlad %[s01], %[ae], %[t], %[s01]\n\tsmlad %[s11], %[be], %[t], %[s11]\n\t"                  \
    "sxtb16 %[c], %[c], ror #8\n\tsmlad %[s01], %[ao], %[c], %[s01]\n\tsmlad %[s11], %[bo], %[c], %[s11]\n\t"          \
    "ldr %[c], [%[w]], #4\n\t"                                                                                         \
    "sxtb16 %[t], %[c]\n\tsmlad %[s00], %[ae], %[t], %[s00]\n\tsmlad %[s10], %[be], %[t], %[s10]\n\t"                  \
    "sxtb16 %[c], %[c], ror #8\n\tsmlad %[s00], %[ao], %[c], %[s00]\n\tsmlad %[s10], %[bo], %[c], %[s10]\n\t"

/* Steps until x is `end`; both are changed. */
#define MICRONETS_2X2_LOOP(STEPS)                                                                                      \
    do {                                                                                                               \
        uint32_t ae, ao, be, bo, c, t;                                                                                 \
        __asm__ volatile(".p2align 2\n1:\n\t" STEPS "ldr %[t], %[end]\n\tcmp %[x], %[t]\n\tbne 1b"                     \
                         : [s00] "+&r"(s00), [s01] "+&r"(s01), [s10] "+&r"(s10), [s11] "+&r"(s11), [x] "+&r"(x),       \
                           [w] "+&r"(w), [ae] "=&r"(ae), [ao] "=&r"(ao), [be] "=&r"(be), [bo] "=&r"(bo), [c] "=&r"(c), \
                           [t] "=&r"(t)                                                                                \
                         : [count] "r"(count), [end] "m"(end)                                                          \
                         : "cc", "memory");                                                                            \
    } while (0)
#endif

/* Two vectors x, x + count against two filters w, w + count: the sums of each vector with both filters. */
MICRONETS_APART void micronets_dot_2x2(const int8_t *x, const int8_t *w, int32_t count, int32_t *first, int32_t *second)
{
    const int8_t *const last = x + count;
    int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0;
#ifdef MICRONETS_ASSEMBLY
    const int8_t *end = x + (count & ~15);
    if (x < end) {
        MICRONETS_2X2_LOOP(MICRONETS_2X2_STEP MICRONETS_2X2_STEP MICRONETS_2X2_STEP MICRONETS_2X2_STEP);
    }
    end = x + ((last - x) & ~3);
    if (x < end) {
        MICRONETS_2X2_LOOP(MICRONETS_2X2_STEP);
    }
#elif defined(MICRONETS_DSP)
    for (const int8_t *const end = x + (count & ~3); x < end; x += 4, w += 4) {
        const uint32_t a = micronets_load4(x), b = micronets_load4(x + count);
        const micronets_pair ae = micronets_even(a), ao = micronets_odd(a), be = micronets_even(b), bo = micronets_odd(b);
        const uint32_t c = micronets_load4(w), d = micronets_load4(w + count);
        s00 = micronets_both(ao, micronets_odd(c), micronets_both(ae, micronets_even(c), s00));
        s10 = micronets_both(bo, micronets_odd(c), micronets_both(be, micronets_even(c), s10));
        s01 = micronets_both(ao, micronets_odd(d), micronets_both(ae, micronets_even(d), s01));
        s11 = micronets_both(bo, micronets_odd(d), micronets_both(be, micronets_even(d), s11));
    }
#endif
    for (; x < last; x++, w++) {
        const int32_t a = x[0], b = x[count], c = w[0], d = w[count];
        s00 += a * c;
        s01 += a * d;
        s10 += b * c;
        s11 += b * d;
    }
    first[0] = s00;
    first[1] = s01;
    second[0] = s10;
    second[1] = s11;
}

#endif
