#include "micronets_dsp.h"

MICRONETS_APART int8_t *fill(int8_t *target, int32_t value, int32_t count)
{
#ifdef MICRONETS_DSP
    for (const uint32_t four = micronets_pack4(value, value, value, value); count >= 4; count -= 4, target += 4) {
        micronets_store4(target, four);
    }
    if (count > 1) { /* no loop, of which compilers make a call */
        *target++ = (int8_t)value;
        *target++ = (int8_t)value;
    }
    if (count & 1) {
        *target++ = (int8_t)value;
    }
#else
    for (; count > 0; count--) {
        *target++ = (int8_t)value;
    }
#endif
    return target;
}

static int8_t *copy(int8_t *target, const int8_t *source, int32_t count)
{
#ifdef MICRONETS_DSP
    for (; count >= 4; count -= 4, source += 4, target += 4) {
        micronets_store4(target, micronets_load4(source));
    }
#endif
    for (; count > 0; count--) {
        *target++ = *source++;
    }
    return target;
}

void micronets_pad(const int8_t *input, int8_t *output, const micronets_padding *padding)
{
    const micronets_padding *const n = padding;
    const int32_t inside = n->in_shape[2], before = n->before[2], after = n->after[2], row = before + inside + after;
    const int32_t above = n->before[1], below = n->after[1], plane = (above + n->in_shape[1] + below) * row;
    output = fill(output, n->value, n->before[0] * plane);
    for (int32_t i = n->in_shape[0]; i > 0; i--) {
        output = fill(output, n->value, above * row);
        for (int32_t j = n->in_shape[1]; j > 0; j--) {
            output = copy(fill(output, n->value, before), input, inside);
            output = fill(output, n->value, after);
            input += inside;
        }
        output = fill(output, n->value, below * row);
    }
    fill(output, n->value, n->after[0] * plane);
}
