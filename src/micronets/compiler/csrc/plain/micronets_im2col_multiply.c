#include "micronets_im2col_multiply.h"
#include "micronets_requantize_block.h"

#if !MICRONETS_DSP_ASSEMBLY

/* Writes two pixels of `count` values, a multiple of four, as interleaved columns. */
MICRONETS_INLINE void expand(const int8_t *x, const int8_t *y, uint32_t *columns, int32_t count)
{
    for (const int8_t *const end = x + count; x != end; x += 4, y += 4, columns += 4) {
        micronets_im2col_quad(x, columns);
        micronets_im2col_quad(y, columns + 1);
    }
}

/* Multiplies two columns with all filters and writes the codes of their two pixels, `pitch` bytes apart. */
MICRONETS_INLINE void multiply(const micronets_im2col_block *block, int8_t *output, int32_t pitch)
{
    const uint32_t *const columns = block->columns, *weights = block->weights;
    const micronets_limits limits = micronets_limits_of(block->requant);
    const int32_t filters = block->filters, pairs = (int32_t)(block->end - columns) / 2;
    for (int32_t f = 0; f < filters; f += 4) {
        uint32_t sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
        for (int32_t k = 0; k < pairs; k++) {
            for (int32_t i = 0; i < 2; i++) {
                const int32_t low = micronets_low_half(weights[i]), high = micronets_high_half(weights[i]);
                for (int32_t p = 0; p < 2; p++) {
                    const int32_t x = micronets_low_half(columns[2 * k + p]),
                                  y = micronets_high_half(columns[2 * k + p]);
                    sums[p][2 * i] +=
                        (uint32_t)(x * micronets_low_byte((uint32_t)low) + y * micronets_low_byte((uint32_t)high));
                    sums[p][2 * i + 1] += (uint32_t)(x * low + y * high);
                }
            }
            weights += 2;
        }
        for (int32_t p = 1; p >= 0; p--) {
            int8_t codes[4];
            const int32_t first = (int32_t)(sums[p][1] - sums[p][0]) >> 8,
                          second = (int32_t)(sums[p][3] - sums[p][2]) >> 8;
            const int32_t low = (int32_t)sums[p][0], third = (int32_t)sums[p][2];
            micronets_requantize_block(low, first, third, second, codes, block->requant, f, limits);
            for (int32_t k = 0; k < 4 && f + k < filters; k++) {
                output[p * pitch + f + k] = codes[k];
            }
        }
    }
}

void micronets_im2col_multiply(const micronets_im2col_block *block, int8_t *output, int32_t pitch)
{
    /* Values of a pixel: as many as both columns have words, since a word of a column holds two values. */
    const int32_t count = (int32_t)(block->end - block->columns);
    const int8_t *input = block->input;
    if (block->pairs == 0) {
        multiply(block, output, pitch);
    }
    for (int32_t k = block->pairs; k > 0; k--, input += 2 * count, output += 2 * pitch) {
        expand(input, pitch > 0 ? input + count : input, block->columns, count);
        multiply(block, output, pitch);
    }
}

#endif
