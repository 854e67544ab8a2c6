#include "micronets_kernels.h"

/* Fills bytes with the bytes of a word, from its first one on, and returns the end. */
static int8_t *filled(int8_t *output, const int8_t *word, int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i++) {
        *output++ = word[i & 3];
    }
    return output;
}

void micronets_pad_wide(const int8_t *input, int8_t *output, const micronets_pad_params *params, int32_t values)
{
    const micronets_pad_params *const n = params;
    const int8_t *const word = (const int8_t *)&values;
    const int32_t inside = n->in_shape[2], row = n->before[2] + inside + n->after[2];
    const int32_t plane = (n->before[1] + n->in_shape[1] + n->after[1]) * row;
    output = filled(output, word, n->before[0] * plane);
    for (int32_t i = n->in_shape[0]; i > 0; i--) {
        output = filled(output, word, n->before[1] * row);
        for (int32_t j = n->in_shape[1]; j > 0; j--) {
            output = filled(output, word, n->before[2]);
            for (int32_t k = inside; k > 0; k--) {
                *output++ = *input++;
            }
            output = filled(output, word, n->after[2]);
        }
        output = filled(output, word, n->after[1] * row);
    }
    filled(output, word, n->after[0] * plane);
}
