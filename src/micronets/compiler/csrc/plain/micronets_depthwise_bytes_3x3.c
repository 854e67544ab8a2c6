#include "micronets_depthwise_bytes.h"

void micronets_depthwise_bytes_3x3(const micronets_depthwise_bytes_pass *pass, int8_t *output, int32_t rows,
                                   int32_t count)
{
    const int32_t pitch = pass->pitch, stride = pass->window->stride_w;
    const int32_t lowest = pass->requant->lowest, highest = pass->requant->highest, zero = pass->requant->zero_point;
    const int32_t down = pass->window->dilation_h * pitch;
    const uint8_t *line = pass->lines;
    for (; rows > 0; rows--, line += pass->window->stride_h * pitch, output += pass->out_line) {
        const uint8_t *first = line;
        int8_t *to = output;
        for (int32_t left = count; left > 0; left--, first += stride, to += pass->step) {
            const int32_t *const w = pass->weights;
            const uint8_t *x = first;
            uint32_t sum = pass->bias;
            sum += (uint32_t)(x[0] * w[0]);
            sum += (uint32_t)(x[1] * w[1]);
            sum += (uint32_t)(x[2] * w[2]);
            x += down;
            sum += (uint32_t)(x[0] * w[3]);
            sum += (uint32_t)(x[1] * w[4]);
            sum += (uint32_t)(x[2] * w[5]);
            x += down;
            sum += (uint32_t)(x[0] * w[6]);
            sum += (uint32_t)(x[1] * w[7]);
            sum += (uint32_t)(x[2] * w[8]);
            *to = micronets_pass_code(pass, sum, lowest, highest, zero);
        }
    }
}
