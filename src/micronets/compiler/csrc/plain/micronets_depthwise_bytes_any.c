#include "micronets_depthwise_bytes.h"

void micronets_depthwise_bytes_any(const micronets_depthwise_bytes_pass *pass, int8_t *output, int32_t rows,
                                   int32_t count)
{
    const micronets_window *const n = pass->window;
    const int32_t pitch = pass->pitch, along = n->dilation_w;
    const int32_t unpacked = pass->requant->shift_count > 0, lowest = pass->requant->lowest,
                  highest = pass->requant->highest, zero = pass->requant->zero_point;
    /* From the end of the values under one line of the kernel to those under the next. */
    const int32_t next = n->dilation_h * pitch - n->kernel_w * along;
    const uint8_t *line = pass->lines;
    for (; rows > 0; rows--, line += n->stride_h * pitch, output += pass->out_line) {
        const uint8_t *first = line;
        int8_t *to = output;
        for (int32_t left = count; left > 0; left--, first += n->stride_w, to += pass->step) {
            const uint8_t *x = first;
            const int32_t *w = pass->weights;
            uint32_t sum = pass->bias;
            for (int32_t ky = n->kernel_h; ky > 0; ky--, x += next) {
                for (const int32_t *const end = w + n->kernel_w; w != end; x += along) {
                    sum += (uint32_t)(*x * *w++);
                }
            }
            if (unpacked) {
                const int32_t value = micronets_multiply((int32_t)sum, (int32_t)(pass->doubled >> 1), -pass->right);
                *to = (int8_t)(micronets_clamp(value, lowest, highest) + zero);
            } else {
                *to = micronets_pass_code(pass, sum, lowest, highest, zero);
            }
        }
    }
}
