#include "micronets_bytes.h"
#include "micronets_kernels.h"

MICRONETS_SMALL
void micronets_pad(const int8_t *input, int8_t *output, const micronets_pad_params *params)
{
    const micronets_pad_params *const n = params;
    const int32_t inside = n->in_shape[2], before = n->before[2], after = n->after[2], row = before + inside + after;
    const int32_t above = n->before[1], below = n->after[1], plane = (above + n->in_shape[1] + below) * row;
    output = micronets_fill_words(output, n->value, n->before[0] * plane);
    for (int32_t i = n->in_shape[0]; i > 0; i--) {
        output = micronets_fill_words(output, n->value, above * row);
        for (int32_t j = n->in_shape[1]; j > 0; j--) {
            output = micronets_copy_forward(micronets_fill_words(output, n->value, before), input, inside);
            output = micronets_fill_words(output, n->value, after);
            input += inside;
        }
        output = micronets_fill_words(output, n->value, below * row);
    }
    micronets_fill_words(output, n->value, n->after[0] * plane);
}
