#include "micronets_requantize.h"

/* Returns a * b / 2^31, rounded to nearest, halves upwards. */
static int32_t high_product(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* Returns value / 2^shift, rounded to nearest, halves away from zero; value: at least 0. */
static int32_t shifted(int32_t value, int32_t shift)
{
    return shift > 31 ? 0 : (int32_t)(((int64_t)value + (((int64_t)1 << shift) >> 1)) >> shift);
}

/* Returns value * 4, saturated to 32 bits. */
static int32_t four_times(int32_t value)
{
    const int64_t product = (int64_t)value * 4;
    return product > INT32_MAX ? INT32_MAX : product < INT32_MIN ? INT32_MIN : (int32_t)product;
}

/* Returns 2^31 / (1 + a / 2^31) for a in 0 .. 2^31 - 1, by three steps of Newton and Raphson from 48/17 - 32/17 d. */
static int32_t one_over_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + high_product(half, -1010580540);
    for (int k = 0; k < 3; k++) {
        const int32_t error = ((int32_t)1 << 29) - high_product(half, x);
        x += four_times(high_product(x, error));
    }
    return x > INT32_MAX / 2 ? INT32_MAX : x * 2;
}

MICRONETS_SMALL
void micronets_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries, int32_t rows,
                       int32_t columns)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t top = -128;
        for (int32_t i = 0; i < columns; i++) {
            top = input[i] > top ? input[i] : top;
        }
        uint32_t total = 0;
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            total += d < entries ? (uint32_t)shifted(exponentials[d], 12) : 0u;
        }
        int32_t zeros = 0; /* leading zeros of the total, which is at least 2^19 */
        while (total < 0x80000000u) {
            total *= 2u;
            zeros++;
        }
        const int32_t reciprocal = one_over_one_plus((int32_t)(total - 0x80000000u));
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            const int32_t p = d < entries ? shifted(high_product(reciprocal, exponentials[d]), 35 - zeros) : 0;
            output[i] = (int8_t)(p > 255 ? 127 : p - 128);
        }
    }
}
