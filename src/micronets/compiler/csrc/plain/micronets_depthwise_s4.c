#include "micronets_kernels.h"

void micronets_depthwise_s4(const int8_t *input, int8_t *output, const uint8_t *weights, void *scratch,
                            const micronets_window *window, const micronets_depthwise_schedule *schedule,
                            const micronets_requant *requant, micronets_depthwise_kernel kernel)
{
    const int32_t count = window->kernel_h * window->kernel_w * window->out_c;
    int8_t *const unpacked = (int8_t *)scratch;
    micronets_unpack_s4(weights, unpacked, count);
    micronets_depthwise(input, output, unpacked, unpacked + (count + 3) / 4 * 4, window, schedule, requant, kernel);
}
