#include "micronets_dot.h"
#include "micronets_requantize.h"

void micronets_conv_1x1(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        const micronets_requant *requant)
{
    const int32_t count = window->in_c, filters = window->out_c, pixels = window->out_h * window->out_w;
    int32_t p = 0;
    for (; p + 2 <= pixels; p += 2) {
        int32_t f = 0;
        for (; f + 2 <= filters; f += 2) {
            int32_t sums[4];
            micronets_dot_2x2(input, weights + f * count, count, sums);
            output[f] = micronets_requantize(sums[0], requant, f);
            output[f + 1] = micronets_requantize(sums[1], requant, f + 1);
            output[filters + f] = micronets_requantize(sums[2], requant, f);
            output[filters + f + 1] = micronets_requantize(sums[3], requant, f + 1);
        }
        if (f < filters) {
            int32_t first = 0, second = 0;
            micronets_dot(input, weights + f * count, count, count, 1, &first);
            micronets_dot(input + count, weights + f * count, count, count, 1, &second);
            output[f] = micronets_requantize(first, requant, f);
            output[filters + f] = micronets_requantize(second, requant, f);
        }
        input += 2 * count;
        output += 2 * filters;
    }
    if (p < pixels) {
        micronets_fully_connected(input, output, weights, count, filters, requant);
    }
}
