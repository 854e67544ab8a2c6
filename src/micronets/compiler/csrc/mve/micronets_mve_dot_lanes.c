#include "micronets_dot_lanes.h"
#include "micronets_mve_requantize.h"

#if MICRONETS_MVE

/* Sums of products of a vector with four filters, in the lanes of a register. */

/* Returns the sums of one vector. w: the weights of each of four filters, `size` bytes. */
MICRONETS_INLINE int32x4_t sums_of_one(const int8_t *x, const int8_t *const w[4], int32_t size)
{
    const int8_t *first = w[0], *second = w[1], *third = w[2], *fourth = w[3];
    int32_t a = 0, b = 0, c = 0, d = 0;
    int32x4_t sums;
    /* Lanes behind the last value are not loaded, and count as 0. The first register of VMOV is for the lower lane. */
    __asm__ volatile("wlstp.8 lr, %[size], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[x]], #16\n\t"
                     "vldrb.8 q1, [%[first]], #16\n\t"
                     "vmladava.s8 %[a], q0, q1\n\t"
                     "vldrb.8 q2, [%[second]], #16\n\t"
                     "vmladava.s8 %[b], q0, q2\n\t"
                     "vldrb.8 q3, [%[third]], #16\n\t"
                     "vmladava.s8 %[c], q0, q3\n\t"
                     "vldrb.8 q1, [%[fourth]], #16\n\t"
                     "vmladava.s8 %[d], q0, q1\n\t"
                     "letp lr, 1b\n"
                     "2:\n\t"
                     "vmov %q[sums][2], %q[sums][0], %[a], %[c]\n\t"
                     "vmov %q[sums][3], %q[sums][1], %[b], %[d]"
                     : [sums] "=&w"(sums), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [x] "+r"(x),
                       [first] "+r"(first), [second] "+r"(second), [third] "+r"(third), [fourth] "+r"(fourth)
                     : [size] "r"(size)
                     : "q0", "q1", "q2", "q3", "lr", "memory");
    return sums;
}

/* clang-format off */
/* The products of two vectors with two filters, of which W0 and W1 are the weights, and their sums as the lanes L0 and
 * L1 of p and q. */
#define TWO_BY_TWO(W0, W1, L0, L1)                                 \
    "wlstp.8 lr, %[size], 2f\n"                                    \
    "1:\n\t"                                                       \
    "vldrb.8 q0, [%[x]], #16\n\t"                                  \
    "vldrb.8 q1, [%[" #W0 "]], #16\n\t"                            \
    "vmladava.s8 %[a], q0, q1\n\t"                                 \
    "vldrb.8 q2, [%[" #W1 "]], #16\n\t"                            \
    "vmladava.s8 %[b], q0, q2\n\t"                                 \
    "vldrb.8 q3, [%[y]], #16\n\t"                                  \
    "vmladava.s8 %[c], q3, q1\n\t"                                 \
    "vmladava.s8 %[d], q3, q2\n\t"                                 \
    "letp lr, 1b\n"                                                \
    "2:\n\t"                                                       \
    "vmov %q[p][" #L1 "], %q[p][" #L0 "], %[a], %[b]\n\t"          \
    "vmov %q[q][" #L1 "], %q[q][" #L0 "], %[c], %[d]"
/* clang-format on */

/* The sums of two vectors. */
typedef struct {
    int32x4_t p, q;
} sums_of_pair;

/* Returns the sums of two vectors. w: the weights of the first of four filters. step: bytes from the weights of a
 * filter to those of the next. */
MICRONETS_INLINE sums_of_pair sums_of_two(const int8_t *x, const int8_t *y, const int8_t *const w[4], int32_t size)
{
    sums_of_pair sums;
    {
        const int8_t *u = x, *v = y, *first = w[0], *third = w[2];
        int32_t a = 0, b = 0, c = 0, d = 0;
        __asm__ volatile(TWO_BY_TWO(first, third, 0, 2)
                         : [p] "=&w"(sums.p), [q] "=&w"(sums.q), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d),
                           [x] "+r"(u), [y] "+r"(v), [first] "+r"(first), [third] "+r"(third)
                         : [size] "r"(size)
                         : "q0", "q1", "q2", "q3", "lr", "memory");
    }
    {
        const int8_t *u = x, *v = y, *second = w[1], *fourth = w[3];
        int32_t a = 0, b = 0, c = 0, d = 0;
        __asm__ volatile(TWO_BY_TWO(second, fourth, 1, 3)
                         : [p] "+w"(sums.p), [q] "+w"(sums.q), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d),
                           [x] "+r"(u), [y] "+r"(v), [second] "+r"(second), [fourth] "+r"(fourth)
                         : [size] "r"(size)
                         : "q0", "q1", "q2", "q3", "lr", "memory");
    }
    return sums;
}

/* clang-format off */
/* The products of both vectors with the filter in q0, in sums A and B. */
#define BOTH(A, B)                                                 \
    "vmladav.s8 %[" #A "], %q[x], q0\n\t"                          \
    "vmladav.s8 %[" #B "], %q[y], q0\n\t"
/* clang-format on */

/* Returns the sums of two vectors of at most 16 values, which lie in registers with zeros behind them. w: the weights
 * of four filters, one after another. */
MICRONETS_INLINE sums_of_pair sums_of_short(int8x16_t x, int8x16_t y, const int8_t *w, int32_t size)
{
    sums_of_pair sums;
    int32_t a, b, c, d;
    const int8_t *second = w + size, *third = second + size, *fourth = third + size;
    __asm__ volatile("wlstp.8 lr, %[size], 2f\n" /* the loops run once */
                     "1:\n\t"
                     "vldrb.8 q0, [%[w]]\n\t" BOTH(a, c) "vldrb.8 q0, [%[third]]\n\t" BOTH(
                         b, d) "letp lr, 1b\n"
                               "2:\n\t"
                               "vmov %q[p][2], %q[p][0], %[a], %[b]\n\t"
                               "vmov %q[q][2], %q[q][0], %[c], %[d]\n\t"
                               "wlstp.8 lr, %[size], 2f\n"
                               "1:\n\t"
                               "vldrb.8 q0, [%[second]]\n\t" BOTH(a, c) "vldrb.8 q0, [%[fourth]]\n\t" BOTH(
                                   b, d) "letp lr, 1b\n"
                                         "2:\n\t"
                                         "vmov %q[p][3], %q[p][1], %[a], %[b]\n\t"
                                         "vmov %q[q][3], %q[q][1], %[c], %[d]"
                     : [p] "=&w"(sums.p), [q] "=&w"(sums.q), [a] "=&Te"(a), [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d)
                     : [x] "w"(x), [y] "w"(y), [w] "r"(w), [second] "r"(second), [third] "r"(third),
                       [fourth] "r"(fourth), [size] "r"(size)
                     : "q0", "lr", "memory");
    return sums;
}

/* Codes of the sums of up to four filters by tables that are not packed; count: how many there are; f: the first. */
MICRONETS_APART void requantize_any(int32x4_t sums, int8_t *output, const micronets_requant *requant, int32_t f,
                                    int32_t count)
{
    const mve_pred16_t some = vctp32q((uint32_t)count);
    vstrbq_p_s32(output, micronets_requantize4_any(sums, requant, f, some), some);
}

void micronets_dot_lanes(const int8_t *x, int8_t *output, const int8_t *weights, int32_t size, int32_t filters,
                         const micronets_requant *requant)
{
    const int32x4_t lowest = vdupq_n_s32(requant->lowest), highest = vdupq_n_s32(requant->highest);
    const int32_t packed = requant->shift_count == 0;
    for (int32_t f = 0; f < filters; f += 4, weights += 4 * size) {
        const int32_t count = filters - f;
        /* Where there are fewer than four, some are computed twice. */
        const int8_t *const w[4] = {weights, count > 1 ? weights + size : weights,
                                    count > 2 ? weights + 2 * size : weights, count > 3 ? weights + 3 * size : weights};
        const int32x4_t sums = sums_of_one(x, w, size);
        if (packed) {
            const int32x4_t codes =
                micronets_requantize4(sums, micronets_scales_of(requant, f), lowest, highest, requant->zero_point);
            vstrbq_p_s32(output + f, codes, vctp32q((uint32_t)count));
        } else {
            requantize_any(sums, output + f, requant, f, count);
        }
    }
}

/* Computes the outputs of two pixels for fewer than four filters, of which f is the first, or with tables that are not
 * packed. */
MICRONETS_APART void few_of_pair(const int8_t *x, const int8_t *y, int8_t *output, const int8_t *weights, int32_t size,
                                 int32_t filters, const micronets_requant *requant, int32_t f)
{
    for (; f < filters; f += 4, weights += 4 * size) {
        const int32_t count = filters - f;
        const int8_t *const w[4] = {weights, count > 1 ? weights + size : weights,
                                    count > 2 ? weights + 2 * size : weights, count > 3 ? weights + 3 * size : weights};
        const sums_of_pair sums = sums_of_two(x, y, w, size);
        requantize_any(sums.p, output + f, requant, f, count);
        requantize_any(sums.q, output + filters + f, requant, f, count);
    }
}

/* Computes the outputs of two pixels for all fours of filters, with packed tables of a multiplier for each channel;
 * short_ones: whether the vectors have at most 16 values. Returns how many filters these are. */
MICRONETS_INLINE int32_t fours_of_pair(const int8_t *x, const int8_t *y, int8_t *output, const int8_t *weights,
                                       int32_t size, int32_t filters, const micronets_requant *requant,
                                       int32_t short_ones)
{
    const int32x4_t lowest = vdupq_n_s32(requant->lowest), highest = vdupq_n_s32(requant->highest);
    const int32_t zero = requant->zero_point;
    const int32_t *bias = requant->bias, *multiplier = requant->multiplier;
    const mve_pred16_t there = vctp8q((uint32_t)size);
    const int8x16_t first = vldrbq_z_s8(x, there), second = vldrbq_z_s8(y, there); /* of short ones */
    int32_t f = 0;
    for (; f + 4 <= filters; f += 4, output += 4, weights += 4 * size, bias += 4, multiplier += 4) {
        const int8_t *const w[4] = {weights, weights + size, weights + 2 * size, weights + 3 * size};
        const sums_of_pair sums = short_ones ? sums_of_short(first, second, weights, size) : sums_of_two(x, y, w, size);
        const micronets_scales scales = micronets_unpack_scales(vldrwq_s32(bias), vldrwq_s32(multiplier));
        vstrbq_s32(output, micronets_requantize4(sums.p, scales, lowest, highest, zero));
        vstrbq_s32(output + filters, micronets_requantize4(sums.q, scales, lowest, highest, zero));
    }
    return f;
}

void micronets_dot_lanes_pair(const int8_t *x, const int8_t *y, int8_t *output, const int8_t *weights, int32_t size,
                              int32_t filters, const micronets_requant *requant)
{
    int32_t f = 0;
    if (requant->shift_count == 0 && requant->per_channel) {
        f = size <= 16 ? fours_of_pair(x, y, output, weights, size, filters, requant, 1)
                       : fours_of_pair(x, y, output, weights, size, filters, requant, 0);
    }
    if (f < filters) {
        few_of_pair(x, y, output, weights + f * size, size, filters, requant, f);
    }
}

#endif
