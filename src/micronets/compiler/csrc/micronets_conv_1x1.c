#include "micronets_columns.h"

void micronets_conv_1x1(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                        const micronets_window *window, const micronets_requant *requant)
{
    const int32_t count = window->in_c, filters = window->out_c;
    for (int32_t left = window->out_h * window->out_w; left > 0; left -= 2) {
        const int32_t second = left > 1;
        micronets_expand(input, scratch, count);
        micronets_expand(second ? input + count : input, scratch + 1, count);
        micronets_columns(scratch, output, weights, (count + 1) / 2, filters, second ? filters : 0, requant);
        input += 2 * count;
        output += 2 * filters;
    }
}
