#include "micronets_dot.h"
#include "micronets_dot_2x2.h"
#include "micronets_requantize_block.h"

void micronets_conv_1x1(const int8_t *input, int8_t *output, const int8_t *weights, const micronets_window *window,
                        const micronets_requant *requant)
{
    const int32_t count = window->in_c, filters = window->out_c, pixels = window->out_h * window->out_w;
    int32_t p = 0;
    for (; p + 2 <= pixels; p += 2) {
        int32_t f = 0;
        for (; f + 4 <= filters; f += 4) {
            int32_t first[4], second[4];
            micronets_dot_2x2(input, weights + f * count, count, first, second);
            micronets_dot_2x2(input, weights + (f + 2) * count, count, first + 2, second + 2);
            micronets_requantize_block(first[0], first[1], first[2], first[3], output + f, requant, f);
            micronets_requantize_block(second[0], second[1], second[2], second[3], output + filters + f, requant, f);
        }
        for (; f < filters; f++) {
            int32_t first = 0, second = 0;
            micronets_dot_1(input, 0, weights + f * count, count, &first);
            micronets_dot_1(input + count, 0, weights + f * count, count, &second);
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
