#include "micronets_requantize.h"

void micronets_rows_any(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count)
{
    const micronets_window *const n = strip->window;
    const micronets_planes *const p = strip->planes;
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < count; x++) {
            const int16_t *line = strip->lines + y * n->stride_h * p->pitch + x * n->stride_w;
            const int8_t *w = strip->weights;
            int32_t sum = 0;
            for (int32_t ky = n->kernel_h; ky > 0; ky--, line += n->dilation_h * p->pitch) {
                for (int32_t kx = 0; kx < n->kernel_w; kx++) {
                    sum += line[kx * n->dilation_w] * *w++;
                }
            }
            output[x * strip->filter->step] = micronets_requantize(sum, strip->requant, strip->channel);
        }
        output += strip->out_line;
    }
}
