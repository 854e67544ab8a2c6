/* Lines of one channel, copied from a map into the scratch memory of a depthwise convolution. */
#ifndef MICRONETS_DEPTHWISE_GATHER_H
#define MICRONETS_DEPTHWISE_GATHER_H

#include "micronets_pairs.h"

/* Parameters for copying lines. */
typedef struct {
    int32_t first;   /* values of padding in front of a line of the scratch, which are not written */
    int32_t count;   /* values of a line, at least 1 */
    int32_t step;    /* bytes between adjacent values of a line */
    int32_t pitch;   /* values of a line in the scratch, even */
    int32_t in_line; /* bytes between adjacent lines of the map */
    int32_t pad_end; /* 1: a value of padding is written after the last one; 0: the scratch has it already */
    int32_t value;   /* code of the padding */
} micronets_depthwise_copy;

#if MICRONETS_DSP_LOOPS
/* Copies four values as two pairs. */
/* clang-format off */
#define COPY_QUAD                                \
    "ldrsb %[a], [%[from]]\n\t"                  \
    "ldrsb %[b], [%[from], %[step]]\n\t"         \
    "ldrsb %[c], [%[from], %[step], lsl #1]\n\t" \
    "ldrsb %[d], [%[from], %[thrice]]\n\t"       \
    "add %[from], %[from], %[step], lsl #2\n\t"  \
    "pkhbt %[a], %[a], %[b], lsl #16\n\t"        \
    "str %[a], [%[to]], #4\n\t"                  \
    "pkhbt %[c], %[c], %[d], lsl #16\n\t"        \
    "str %[c], [%[to]], #4\n\t"
/* clang-format on */
#endif

/* Copies lines of one channel of the map and widens their values to 16 bits.
 *
 * line: [out] the first line of the scratch, aligned to 4 bytes. input: [in] the first value of the first line. lines:
 * how many lines, one after the other; 0 or less for none. n: [in] how to copy them. */
MICRONETS_APART void micronets_depthwise_gather(int16_t *line, const int8_t *input, int32_t lines,
                                                const micronets_depthwise_copy *n)
{
    const int32_t step = n->step, thrice = 3 * step, odd = n->first & 1, rest = n->count - odd;
    for (line += n->first; lines > 0; lines--, line += n->pitch, input += n->in_line) {
        int16_t *to = line;
        const int8_t *from = input;
        int32_t count = rest;
        if (odd) {
            *to++ = *from;
            from += step;
        }
#if MICRONETS_DSP_LOOPS
        /* clang-format off */
        int32_t a, b, c, d;
        __asm__ volatile(
            "subs %[n], %[n], #8\n\t"
            "blt 2f\n\t"
            ".p2align 2\n"
            "1:\n\t"
            COPY_QUAD
            COPY_QUAD
            "subs %[n], %[n], #8\n\t"
            "bge 1b\n\t"
            "2:\n\t"
            "tst %[n], #4\n\t"
            "beq 3f\n\t"
            COPY_QUAD
            "3:\n\t"
            "tst %[n], #2\n\t"
            "beq 4f\n\t"
            "ldrsb %[a], [%[from]]\n\t"
            "ldrsb %[b], [%[from], %[step]]\n\t"
            "add %[from], %[from], %[step], lsl #1\n\t"
            "pkhbt %[a], %[a], %[b], lsl #16\n\t"
            "str %[a], [%[to]], #4\n\t"
            "4:\n\t"
            "tst %[n], #1\n\t"
            "beq 5f\n\t"
            "ldrsb %[a], [%[from]]\n\t"
            "strh %[a], [%[to]]\n\t"
            "5:\n\t"
            : [n] "+&r"(count), [from] "+&r"(from), [to] "+&r"(to), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),
              [d] "=&r"(d)
            : [step] "r"(step), [thrice] "r"(thrice)
            : "cc", "memory");
        /* clang-format on */
#else
        for (; count >= 4; count -= 4) {
            micronets_store_pair(to, micronets_pair_of(from[0], from[step]));
            micronets_store_pair(to + 2, micronets_pair_of(from[2 * step], from[thrice]));
            from += 4 * step;
            to += 4;
        }
        for (; count > 0; count--) {
            *to++ = *from;
            from += step;
        }
#endif
        if (n->pad_end > 0) {
            line[n->count] = (int16_t)n->value;
        }
    }
}

#endif
