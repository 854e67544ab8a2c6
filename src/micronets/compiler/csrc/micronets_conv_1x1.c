#include "micronets_columns.h"
#include "micronets_dsp.h"

/* Two pixels of `count` values, `count` being a multiple of four, to both columns. */
MICRONETS_INLINE void expand_both(const int8_t *x, const int8_t *y, uint32_t *columns, int32_t count)
{
#ifdef MICRONETS_ASSEMBLY
#define FOUR                                                                                                                \
    "ldr %[a], [%[x]], #4\n\tldr %[b], [%[y]], #4\n\tsxtb16 %[c], %[a]\n\tsxtb16 %[d], %[b]\n\tstr %[c], [%[to]], #16\n\t" \
    "str %[d], [%[to], #-12]\n\tsxtb16 %[a], %[a], ror #8\n\tsxtb16 %[b], %[b], ror #8\n\tstr %[a], [%[to], #-8]\n\t"      \
    "str %[b], [%[to], #-4]\n\t"
    const uint32_t *const end = columns + count;
    uint32_t a, b, c, d;
    __asm__ volatile("tst %[n], #4\n\tbne.n 2f\n\t.p2align 2\n1:\n\t" FOUR "2:\n\t" FOUR "cmp %[to], %[end]\n\tbne.n 1b\n\t"
                     : [x] "+&r"(x), [y] "+&r"(y), [to] "+&r"(columns), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [n] "r"(count), [end] "r"(end)
                     : "cc", "memory");
#else
    for (const int8_t *const end = x + count; x != end; x += 4, y += 4, columns += 4) {
#ifdef MICRONETS_DSP
        const uint32_t a = micronets_load4(x), b = micronets_load4(y);
        columns[0] = micronets_even(a);
        columns[1] = micronets_even(b);
        columns[2] = micronets_odd(a);
        columns[3] = micronets_odd(b);
#else
        for (int32_t k = 0; k < 2; k++) {
            columns[2 * k] = ((uint32_t)x[k] & 0xffffu) | (uint32_t)x[k + 2] << 16;
            columns[2 * k + 1] = ((uint32_t)y[k] & 0xffffu) | (uint32_t)y[k + 2] << 16;
        }
#endif
    }
#endif
}

void micronets_conv_1x1(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch, int32_t pixels,
                        int32_t inputs, int32_t outputs, const micronets_requant *requant)
{
    const int32_t count = inputs, filters = outputs;
    const micronets_block block = micronets_prepare(scratch, weights, count, filters, requant);
    for (int32_t left = pixels; left > 0; left -= 2) {
        const int32_t second = left > 1;
        const int8_t *const next = second ? input + count : input;
        if (count % 4 == 0) {
            expand_both(input, next, scratch, count);
        } else {
            micronets_expand(input, 0, 1, scratch, count);
            micronets_expand(next, 0, 1, scratch + 1, count);
        }
        micronets_columns(&block, output, second ? filters : 0);
        input += 2 * count;
        output += 2 * filters;
    }
}
