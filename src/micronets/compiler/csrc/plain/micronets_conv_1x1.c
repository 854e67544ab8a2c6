#include "micronets_im2col_multiply.h"

MICRONETS_SMALL
void micronets_conv_1x1(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch, int32_t pixels,
                        int32_t inputs, int32_t outputs, const micronets_requant *requant)
{
    const int32_t in = inputs, out = outputs;
    micronets_im2col_block block = micronets_im2col_prepare(scratch, weights, in, out, requant);
    if (in % 4 == 0) {
        block.pairs = pixels / 2;
        block.input = input;
        if (pixels > 1) {
            micronets_im2col_multiply(&block, output, out);
        }
        if (pixels % 2) {
            block.pairs = 1;
            block.input = input + (pixels - 1) * in;
            micronets_im2col_multiply(&block, output + (pixels - 1) * out, 0);
        }
        return;
    }
    for (int32_t left = pixels; left > 0; left -= 2, input += 2 * in, output += 2 * out) {
        micronets_im2col_pixel(input, scratch, in);
        micronets_im2col_pixel(left > 1 ? input + in : input, scratch + 1, in);
        micronets_im2col_multiply(&block, output, left > 1 ? out : 0);
    }
}
