#include "micronets_requantize.h"

MICRONETS_SMALL
void micronets_average_map(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels, int32_t lowest,
                           int32_t highest)
{
    const int32_t half = pixels / 2;
    for (int32_t c = channels; c > 0; c--, input++) {
        const int8_t *x = input;
        int32_t sum = 0;
        for (int32_t k = pixels; k > 0; k--, x += channels) {
            sum += *x;
        }
        *output++ = (int8_t)micronets_clamp((sum + (sum < 0 ? -half : half)) / pixels, lowest, highest);
    }
}
