#include "micronets_requantize.h"

void micronets_depthwise_any(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count)
{
    const micronets_window *const n = pass->window;
    const micronets_depthwise_schedule *const p = pass->schedule;
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < count; x++) {
            const int16_t *line = pass->lines + y * n->stride_h * p->pitch + x * n->stride_w;
            const int8_t *w = pass->weights;
            int32_t sum = 0;
            for (int32_t ky = n->kernel_h; ky > 0; ky--, line += n->dilation_h * p->pitch) {
                for (int32_t kx = 0; kx < n->kernel_w; kx++) {
                    sum += line[kx * n->dilation_w] * *w++;
                }
            }
            output[x * pass->filter->step] = micronets_requantize(sum, pass->requant, pass->channel);
        }
        output += pass->out_line;
    }
}
