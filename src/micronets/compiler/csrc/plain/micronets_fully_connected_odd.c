#include "micronets_dsp.h"
#include "micronets_requantize.h"

/* Returns the sum of products of `count` codes and weights. */
static int32_t dot(const int8_t *x, const int8_t *w, int32_t count)
{
    int32_t sum = 0;
#if MICRONETS_DSP
    for (; count >= 8; count -= 8, x += 8, w += 8) {
        const uint32_t a = micronets_load4(x), b = micronets_load4(x + 4);
        const uint32_t c = micronets_load4(w), d = micronets_load4(w + 4);
        sum = micronets_smlad(micronets_even(a), micronets_even(c), sum);
        sum = micronets_smlad(micronets_odd(a), micronets_odd(c), sum);
        sum = micronets_smlad(micronets_even(b), micronets_even(d), sum);
        sum = micronets_smlad(micronets_odd(b), micronets_odd(d), sum);
    }
#endif
    for (; count > 0; count--) {
        sum += *x++ * *w++;
    }
    return sum;
}

void micronets_fully_connected_odd(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs,
                                   int32_t units, const micronets_requant *requant, const micronets_odd_filters *odd,
                                   micronets_dense_kernel *kernel)
{
    kernel(input, output, weights, inputs, units, requant);
    const int8_t *row = (const int8_t *)(const void *)odd->weights;
    for (int32_t k = 0; k < odd->count; k++, row += (inputs + 3) & ~3) {
        output[odd->channels[k]] = micronets_requantize(dot(input, row, inputs), &odd->requant, k);
    }
}
