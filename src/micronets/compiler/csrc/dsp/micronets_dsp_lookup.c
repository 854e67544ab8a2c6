#include "micronets_kernels.h"
#include "micronets_target.h"

#if MICRONETS_DSP

/* Loads that follow one another take a cycle each: eight codes are read, then their values, which are then written. */
void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count)
{
    const int8_t *middle = table + 128;
    int32_t i = 0;
    for (const int8_t *const end = input + (count & ~7); input != end; input += 8, output += 8, i += 8) {
        const int32_t a = input[0], b = input[1], c = input[2], d = input[3];
        const int32_t e = input[4], f = input[5], g = input[6], h = input[7];
        const int8_t at_a = middle[a], at_b = middle[b], at_c = middle[c], at_d = middle[d];
        const int8_t at_e = middle[e], at_f = middle[f], at_g = middle[g], at_h = middle[h];
        output[0] = at_a;
        output[1] = at_b;
        output[2] = at_c;
        output[3] = at_d;
        output[4] = at_e;
        output[5] = at_f;
        output[6] = at_g;
        output[7] = at_h;
    }
    for (; i < count; i++) {
        *output++ = middle[*input++];
    }
}

#endif
