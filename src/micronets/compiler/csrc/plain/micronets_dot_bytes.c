#include "micronets_dot_bytes.h"
#include "micronets_requantize.h"

/* Adds the products of the value at x[K] with four filters, whose weights are the four bytes from w[4 * K] on. */
#define PRODUCTS(K)               \
    do {                          \
        const int32_t v = x[K];   \
        s0 += v * w[4 * (K)];     \
        s1 += v * w[4 * (K) + 1]; \
        s2 += v * w[4 * (K) + 2]; \
        s3 += v * w[4 * (K) + 3]; \
    } while (0)

/* Multiplies `size` values with four filters. Returns where the weights of the next four are.
 *
 * sums: [in, out] a sum for each filter, to which the products are added. */
MICRONETS_APART const uint8_t *multiply(const int8_t *x, const uint8_t *w, int32_t size, int32_t *sums)
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    const int8_t *const end = x + size, *const whole = x + (size & ~3);
    for (; x != whole; x += 4, w += 16) {
        PRODUCTS(0);
        PRODUCTS(1);
        PRODUCTS(2);
        PRODUCTS(3);
    }
    for (; x != end; x++, w += 4) {
        PRODUCTS(0);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    return w;
}

void micronets_dot_bytes(const micronets_dot_rows *vector, int8_t *output, const uint8_t *weights, int32_t filters,
                         const micronets_requant *requant)
{
    const micronets_dot_rows v = *vector;
    int32_t sum = 0;
    for (int32_t row = 0; row < v.rows; row++) {
        const int8_t *const first = v.x + row * v.pitch;
        for (const int8_t *x = first; x != first + v.count; x++) {
            sum += *x;
        }
    }
    for (int32_t f = 0; f < filters; f += 4) {
        int32_t sums[4] = {-128 * sum, -128 * sum, -128 * sum, -128 * sum};
        const int8_t *x = v.x;
        for (int32_t row = v.rows; row > 0; row--, x += v.pitch) {
            weights = multiply(x, weights, v.count, sums);
        }
        for (int32_t k = 0; k < 4 && f + k < filters; k++) {
            output[f + k] = micronets_requantize(sums[k], requant, f + k);
        }
    }
}
