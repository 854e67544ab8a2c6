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

/* sums[k] += (x - zero_point) . (w + k * pitch) over `count` values, for k = 0 .. 3. */
MICRONETS_INLINE void micronets_dot_4(const int8_t *x, int32_t zero_point, const int8_t *w, int32_t pitch, int32_t count,
                                      int32_t *sums)
{
    const int8_t *w1 = w + pitch, *w2 = w1 + pitch, *w3 = w2 + pitch, *end = x + count;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
#ifdef MICRONETS_DSP
    const micronets_pair offset = micronets_twice(-zero_point);
    for (; end - x >= 4; x += 4) {
        const uint32_t v = micronets_load4(x);
        const micronets_pair even = micronets_even_plus(offset, v), odd = micronets_odd_plus(offset, v);
        uint32_t a = micronets_load4(w), b = micronets_load4(w1);
        w += 4;
        w1 += 4;
        s0 = micronets_both(odd, micronets_odd(a), micronets_both(even, micronets_even(a), s0));
        s1 = micronets_both(odd, micronets_odd(b), micronets_both(even, micronets_even(b), s1));
        a = micronets_load4(w2);
        b = micronets_load4(w3);
        w2 += 4;
        w3 += 4;
        s2 = micronets_both(odd, micronets_odd(a), micronets_both(even, micronets_even(a), s2));
        s3 = micronets_both(odd, micronets_odd(b), micronets_both(even, micronets_even(b), s3));
    }
#endif
    while (x < end) {
        const int32_t v = *x++ - zero_point;
        s0 += v * *w++;
        s1 += v * *w1++;
        s2 += v * *w2++;
        s3 += v * *w3++;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif
