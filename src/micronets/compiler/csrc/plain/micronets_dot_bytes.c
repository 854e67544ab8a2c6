#include "micronets_dot_bytes.h"
#include "micronets_requantize_sums.h"

/* Adds the products of the value at x[K] with four filters, whose weights are the four bytes from w[4 * K] on. */
#define PRODUCTS(K)                           \
    do {                                      \
        const int32_t v = x[K];               \
        s0 += (uint32_t)(v * w[4 * (K)]);     \
        s1 += (uint32_t)(v * w[4 * (K) + 1]); \
        s2 += (uint32_t)(v * w[4 * (K) + 2]); \
        s3 += (uint32_t)(v * w[4 * (K) + 3]); \
    } while (0)

#if MICRONETS_THUMB_LOOPS
/* Adds the same products as PRODUCTS(K), by instructions that every Thumb core has. W0 .. W3: bytes from w to the four
 * weights, 4 * K .. 4 * K + 3. */
/* clang-format off */
#define PRODUCTS_THUMB(K, W0, W1, W2, W3)  \
    "movs %[v], #" #K "\n\t"               \
    "ldrsb %[v], [%[x], %[v]]\n\t"         \
    "ldrb %[t], [%[w], #" #W0 "]\n\t"      \
    "muls %[t], %[v], %[t]\n\t"            \
    "adds %[s0], %[s0], %[t]\n\t"          \
    "ldrb %[t], [%[w], #" #W1 "]\n\t"      \
    "muls %[t], %[v], %[t]\n\t"            \
    "adds %[s1], %[s1], %[t]\n\t"          \
    "ldrb %[t], [%[w], #" #W2 "]\n\t"      \
    "muls %[t], %[v], %[t]\n\t"            \
    "adds %[s2], %[s2], %[t]\n\t"          \
    "ldrb %[t], [%[w], #" #W3 "]\n\t"      \
    "muls %[v], %[t], %[v]\n\t"            \
    "adds %[s3], %[s3], %[v]\n\t"
/* clang-format on */
#endif

/* Multiplies a vector by four filters. Returns the address of the next four filters' weights.
 *
 * sums: [in, out] a sum for each filter, to which the products are added. */
MICRONETS_IN_ORDER
MICRONETS_APART const uint8_t *multiply(const micronets_dot_rows *vector, const uint8_t *w, uint32_t *sums)
{
    uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3]; /* they wrap at 32 bits */
    const int8_t *x = vector->x;
    for (int32_t row = vector->rows; row > 0; row--) {
        const int8_t *const whole = x + (vector->count & ~3);
#if MICRONETS_THUMB_LOOPS
        if (x != whole) {
            int32_t v, t;
            /* clang-format off */
            __asm__ volatile(
                ".syntax unified\n"
                "1:\n\t"
                PRODUCTS_THUMB(0, 0, 1, 2, 3)
                PRODUCTS_THUMB(1, 4, 5, 6, 7)
                PRODUCTS_THUMB(2, 8, 9, 10, 11)
                PRODUCTS_THUMB(3, 12, 13, 14, 15)
                "adds %[x], #4\n\t"
                "adds %[w], #16\n\t"
                "cmp %[x], %[end]\n\t"
                "bne 1b\n\t"
                : [x] "+l"(x), [w] "+l"(w), [s0] "+l"(s0), [s1] "+l"(s1), [s2] "+l"(s2), [s3] "+l"(s3), [v] "=&l"(v),
                  [t] "=&l"(t)
                : [end] "h"(whole)
                : "cc", "memory");
            /* clang-format on */
        }
#else
        for (; x != whole; x += 4, w += 16) {
            PRODUCTS(0);
            PRODUCTS(1);
            PRODUCTS(2);
            PRODUCTS(3);
        }
#endif
        for (int32_t left = vector->count & 3; left > 0; left--, x++, w += 4) {
            PRODUCTS(0);
        }
        x += vector->pitch - vector->count;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    return w;
}

/* Returns the sum of a vector's values, the first of which is at x. */
MICRONETS_APART int32_t sum_of(const micronets_dot_rows *vector, const int8_t *x)
{
    int32_t sum = 0;
    for (int32_t row = vector->rows; row > 0; row--, x += vector->pitch - vector->count) {
        for (const int8_t *const whole = x + (vector->count & ~3); x != whole; x += 4) {
            sum += x[0] + x[1] + x[2] + x[3];
        }
        for (int32_t left = vector->count & 3; left > 0; left--) {
            sum += *x++;
        }
    }
    return sum;
}

/* Writes the codes of the sums of four filters, or of the last `count`; f: the first of them. */
MICRONETS_APART void requantize(const uint32_t *sums, int8_t *output, const micronets_requant *requant, int32_t f,
                                int32_t count)
{
    micronets_requantize_sums(sums, output, requant, f, count);
}

void micronets_dot_bytes(const micronets_dot_rows *vector, int8_t *output, const uint8_t *weights, int32_t filters,
                         const micronets_requant *requant)
{
    const uint32_t offset = 0u - 128u * (uint32_t)sum_of(vector, vector->x);
    for (int32_t f = 0; f < filters; f += 4) {
        uint32_t sums[4] = {offset, offset, offset, offset};
        weights = multiply(vector, weights, sums);
        requantize(sums, output + f, requant, f, filters - f < 4 ? filters - f : 4);
    }
}

#if MICRONETS_DOT_PIXELS == 2
/* Adds the products of the values at x[K] and y[K] with four filters. */
#define PRODUCTS_PAIR(K)                   \
    do {                                   \
        const int32_t u = x[K], v = y[K];  \
        const int32_t w0 = w[4 * (K)];     \
        s0 += (uint32_t)(u * w0);          \
        t0 += (uint32_t)(v * w0);          \
        const int32_t w1 = w[4 * (K) + 1]; \
        s1 += (uint32_t)(u * w1);          \
        t1 += (uint32_t)(v * w1);          \
        const int32_t w2 = w[4 * (K) + 2]; \
        s2 += (uint32_t)(u * w2);          \
        t2 += (uint32_t)(v * w2);          \
        const int32_t w3 = w[4 * (K) + 3]; \
        s3 += (uint32_t)(u * w3);          \
        t3 += (uint32_t)(v * w3);          \
    } while (0)

/* Multiplies two vectors by four filters. Returns the address of the next four filters' weights.
 *
 * sums: [in, out] four sums of the first vector and four of the second, to which the products are added. */
MICRONETS_IN_ORDER
MICRONETS_APART const uint8_t *multiply_pair(const micronets_dot_rows *vectors, const uint8_t *w, uint32_t *sums)
{
    uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3]; /* they wrap at 32 bits */
    uint32_t t0 = sums[4], t1 = sums[5], t2 = sums[6], t3 = sums[7];
    const int8_t *x = vectors->x, *y = x + vectors->apart;
    for (int32_t row = vectors->rows; row > 0; row--) {
        const int8_t *const end = x + vectors->count;
#if MICRONETS_MANY_REGISTERS /* else the sums and pointers of longer loops lie in memory */
        for (const int8_t *const whole = x + (vectors->count & ~1); x != whole; x += 2, y += 2, w += 8) {
            PRODUCTS_PAIR(0);
            PRODUCTS_PAIR(1);
        }
#endif
        for (; x != end; x++, y++, w += 4) {
            PRODUCTS_PAIR(0);
        }
        x += vectors->pitch - vectors->count;
        y += vectors->pitch - vectors->count;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = t0;
    sums[5] = t1;
    sums[6] = t2;
    sums[7] = t3;
    return w;
}

void micronets_dot_bytes_pair(const micronets_dot_rows *vectors, int8_t *output, int32_t pitch, const uint8_t *weights,
                              int32_t filters, const micronets_requant *requant)
{
    const uint32_t first = 0u - 128u * (uint32_t)sum_of(vectors, vectors->x);
    const uint32_t second = 0u - 128u * (uint32_t)sum_of(vectors, vectors->x + vectors->apart);
    for (int32_t f = 0; f < filters; f += 4) {
        uint32_t sums[8] = {first, first, first, first, second, second, second, second};
        weights = multiply_pair(vectors, weights, sums);
        requantize(sums, output + f, requant, f, filters - f < 4 ? filters - f : 4);
        requantize(sums + 4, output + pitch + f, requant, f, filters - f < 4 ? filters - f : 4);
    }
}
#endif
