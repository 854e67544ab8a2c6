#include "micronets_requantize.h"

/* Returns the value between two entries of a table of 513 for a code of 16 bits. */
static int32_t micronets_between(int32_t code, const int16_t *table)
{
    const int16_t *const entry = table + (code >> 7) + 256;
    return entry[0] + (((entry[1] - entry[0]) * (code & 127) + 64) >> 7);
}

void micronets_softmax_of_s16(const int16_t *input, int16_t *output, const int16_t *exponentials,
                              const int16_t *reciprocals, int32_t rows, int32_t columns, int32_t multiplier,
                              int32_t shift)
{
    for (; rows > 0; rows--) {
        int32_t most = -32768, sum = 0, headroom = 0;
        for (int32_t i = 0; i < columns; i++) {
            most = input[i] > most ? input[i] : most;
        }
        for (int32_t i = 0; i < columns; i++) {
            const int32_t code = micronets_multiply(input[i] - most, multiplier, shift) + 32767;
            output[i] = (int16_t)micronets_between(micronets_clamp(code, -32768, 32767), exponentials);
            sum += output[i];
        }
        while ((uint32_t)sum << headroom < 0x80000000u) {
            headroom++;
        }
        /* The sum is written as 1 + x with 16 fractional bits; the table takes x less one half. */
        const int32_t above = (int32_t)((((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14) - (1 << 16) - (1 << 15);
        const int32_t reciprocal = micronets_between(micronets_clamp(above, -32768, 32767), reciprocals);
        for (int32_t i = 0; i < columns; i++) {
            const int64_t rounded = (int64_t)output[i] * reciprocal + ((int64_t)1 << (30 - headroom));
            output[i] = (int16_t)micronets_clamp((int32_t)(rounded >> (31 - headroom)), 0, 32767);
        }
        input += columns;
        output += columns;
    }
}
