/* The inner loop of a pointwise convolution. */
#ifndef MICRONETS_DOT_2X2_H
#define MICRONETS_DOT_2X2_H

#include "micronets_dsp.h"

/* Two vectors x, x + count against two filters w, w + count: the sums of each vector with both filters. */
MICRONETS_APART void micronets_dot_2x2(const int8_t *x, const int8_t *w, int32_t count, int32_t *first, int32_t *second)
{
    const int8_t *const last = x + count;
    int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0;
#ifdef MICRONETS_DSP
    /* Few values at a time, and the second vector and filter found from the first: 14 registers are all there are. */
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
