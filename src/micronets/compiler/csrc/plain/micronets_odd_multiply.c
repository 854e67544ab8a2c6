#include "micronets_odd_multiply.h"
#include "micronets_dsp.h"
#include "micronets_requantize.h"

/* Returns `sum` with the products of two pairs of int16 added, modulo 2^32. */
MICRONETS_INLINE int32_t add_products(uint32_t a, uint32_t b, int32_t sum)
{
#if MICRONETS_DSP
    return micronets_smlad(a, b, sum);
#else
    const uint32_t low = (uint32_t)(micronets_low_half(a) * micronets_low_half(b));
    const uint32_t high = (uint32_t)(micronets_high_half(a) * micronets_high_half(b));
    return (int32_t)((uint32_t)sum + low + high);
#endif
}

void micronets_odd_multiply(const micronets_odd_filters *odd, const uint32_t *columns, const uint32_t *end,
                            int8_t *output, int32_t pitch)
{
    const uint32_t *w = odd->weights;
    for (int32_t k = 0; k < odd->count; k++) {
        int32_t a = 0, b = 0;
        const uint32_t *x = columns;
        if ((end - columns) % 4) { /* an odd number of pairs */
            a = add_products(x[0], *w, a);
            b = add_products(x[1], *w++, b);
            x += 2;
        }
        for (; x != end; x += 4, w += 2) {
            a = add_products(x[0], w[0], a);
            b = add_products(x[1], w[0], b);
            a = add_products(x[2], w[1], a);
            b = add_products(x[3], w[1], b);
        }
        int8_t *const code = output + odd->channels[k];
        code[pitch] = micronets_requantize(b, &odd->requant, k);
        code[0] = micronets_requantize(a, &odd->requant, k);
    }
}
