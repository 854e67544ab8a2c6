/* Inner loops: dot products of int8 vectors, several at once so that what is loaded is used more than once.
 *
 * Sums are int32 and cannot overflow: the generator refuses filters whose weights could make them. */
#ifndef MICRONETS_DOT_H
#define MICRONETS_DOT_H

#include <stdint.h>

/* sums[k] += x . (w + k * pitch) over `count` values, for k = 0 .. filters - 1; filters is 1 or 4. */
static inline void micronets_dot(const int8_t *x, const int8_t *w, int32_t pitch, int32_t count, int32_t filters, int32_t *sums)
{
    if (filters == 1) {
        int32_t s = sums[0];
        for (int32_t i = 0; i < count; i++) {
            s += x[i] * w[i];
        }
        sums[0] = s;
        return;
    }
    const int8_t *w1 = w + pitch, *w2 = w1 + pitch, *w3 = w2 + pitch;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const int32_t v = x[i];
        s0 += v * w[i];
        s1 += v * w1[i];
        s2 += v * w2[i];
        s3 += v * w3[i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* The same where every x is `value`. */
static inline void micronets_dot_constant(int32_t value, const int8_t *w, int32_t pitch, int32_t count, int32_t filters,
                                          int32_t *sums)
{
    for (int32_t k = 0; k < filters; k++) {
        int32_t total = 0;
        for (int32_t i = 0; i < count; i++) {
            total += w[k * pitch + i];
        }
        sums[k] += total * value;
    }
}

/* Two vectors x, x + count against two filters w, w + count: sums of (x0, w0), (x0, w1), (x1, w0), (x1, w1). */
static inline void micronets_dot_2x2(const int8_t *x, const int8_t *w, int32_t count, int32_t *sums)
{
    const int8_t *x1 = x + count, *w1 = w + count;
    int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t a = x[i], b = x1[i], c = w[i], d = w1[i];
        s00 += a * c;
        s01 += a * d;
        s10 += b * c;
        s11 += b * d;
    }
    sums[0] = s00;
    sums[1] = s01;
    sums[2] = s10;
    sums[3] = s11;
}

#endif
