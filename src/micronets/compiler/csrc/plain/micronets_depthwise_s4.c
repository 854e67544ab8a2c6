#include "micronets_kernels.h"

void micronets_depthwise_s4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                            const micronets_window *window, const micronets_depthwise_schedule *schedule,
                            const micronets_requant *requant, micronets_depthwise_kernel kernel)
{
    const int32_t words = (window->kernel_h * window->kernel_w * window->out_c + 3) / 4;
    uint32_t *const unpacked = (uint32_t *)scratch;
    micronets_unpack_s4(weights, unpacked, words);
    micronets_depthwise(input, output, (const int8_t *)unpacked, unpacked + words, window, schedule, requant, kernel);
}
