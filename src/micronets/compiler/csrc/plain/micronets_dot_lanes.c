#include "micronets_dot_lanes.h"

#include "micronets_requantize.h"

#if !MICRONETS_MVE

void micronets_dot_lanes(const int8_t *x, int8_t *output, const int8_t *weights, int32_t size, int32_t filters,
                         const micronets_requant *requant)
{
    for (int32_t f = 0; f < filters; f++, weights += size) {
        uint32_t sum = 0; /* it wraps at 32 bits */
        for (int32_t k = 0; k < size; k++) {
            sum += (uint32_t)(x[k] * weights[k]);
        }
        output[f] = micronets_requantize((int32_t)sum, requant, f);
    }
}

void micronets_dot_lanes_pair(const int8_t *x, const int8_t *y, int8_t *output, const int8_t *weights, int32_t size,
                              int32_t filters, const micronets_requant *requant)
{
    micronets_dot_lanes(x, output, weights, size, filters, requant);
    micronets_dot_lanes(y, output + filters, weights, size, filters, requant);
}

#endif
