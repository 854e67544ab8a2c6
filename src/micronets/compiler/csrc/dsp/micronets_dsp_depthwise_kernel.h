/* Functions and loops that the depthwise kernels for one channel at a time, which multiply pairs of values, share. */
#ifndef MICRONETS_DSP_DEPTHWISE_KERNEL_H
#define MICRONETS_DSP_DEPTHWISE_KERNEL_H

#include "micronets_dsp.h"
#include "micronets_pairs.h"
#include "micronets_requantize.h"

#if MICRONETS_DSP
/* Returns the upper half of the product of a and b, rounded to nearest, halves upwards, plus `addend`. */
MICRONETS_INLINE int32_t micronets_smmlar(int32_t a, int32_t b, int32_t addend)
{
#if MICRONETS_DSP_ASSEMBLY
    int32_t r;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(addend));
    return r;
#else
    return addend + (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

/* Returns sum + (low half of a) * (high half of b). */
MICRONETS_INLINE int32_t micronets_smlabt(uint32_t a, uint32_t b, int32_t sum)
{
#if MICRONETS_DSP_ASSEMBLY
    int32_t r;
    __asm__("smlabt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
#else
    return micronets_smlabb(a, b >> 16, sum);
#endif
}

/* Writes the codes of the first `count` of four outputs. Halves are rounded away from zero: the addend holds half a
 * unit, and a negative value is less by one before it is shifted.
 *
 * s0 .. s3: doubled sums. pass: [in] constants. output: [out] the first code; outputs are filter->step bytes apart.
 * count: 1 .. 4; more counts as 4. */
MICRONETS_INLINE void micronets_write4(int32_t s0, int32_t s1, int32_t s2, int32_t s3,
                                       const micronets_depthwise_pass *pass, int8_t *output, int32_t count)
{
    const micronets_channel_constants *const f = pass->filter;
    const int32_t multiplier = f->multiplier, addend = f->addend, shift = f->shift, step = f->step;
    s0 = micronets_saturate((micronets_smmlar(s0, multiplier, addend) + (s0 >> 31)) >> shift);
    s1 = micronets_saturate((micronets_smmlar(s1, multiplier, addend) + (s1 >> 31)) >> shift);
    s2 = micronets_saturate((micronets_smmlar(s2, multiplier, addend) + (s2 >> 31)) >> shift);
    s3 = micronets_saturate((micronets_smmlar(s3, multiplier, addend) + (s3 >> 31)) >> shift);
    if (pass->schedule->needs_clamp) {
        const int32_t zero = pass->requant->zero_point;
        const int32_t lowest = pass->requant->lowest + zero, highest = pass->requant->highest + zero;
        s0 = micronets_clamp(s0, lowest, highest);
        s1 = micronets_clamp(s1, lowest, highest);
        s2 = micronets_clamp(s2, lowest, highest);
        s3 = micronets_clamp(s3, lowest, highest);
    }
    output[0] = (int8_t)s0;
    if (count > 1) {
        output[step] = (int8_t)s1;
    }
    if (count > 2) {
        output[2 * step] = (int8_t)s2;
    }
    if (count > 3) {
        output[3 * step] = (int8_t)s3;
    }
}
#endif

#if MICRONETS_DSP_LOOPS
/* Clamps an output line where the clamp allows less than -128 .. 127; the loops in assembly only saturate. */
MICRONETS_INLINE void micronets_clamp_line(int8_t *output, int32_t count, const micronets_depthwise_pass *pass)
{
    const micronets_requant *const n = pass->requant;
    for (; count > 0; count--, output += pass->filter->step) {
        *output = (int8_t)(micronets_clamp(*output - n->zero_point, n->lowest, n->highest) + n->zero_point);
    }
}

/* Computes an output line, four at a time, from `output` on; at its end there may be fewer than four.
 *
 * LINE makes four doubled sums s0 .. s3, and moves p0 to p2, the three lines under the window, on. CODE turns a sum
 * into a code. The asm statement needs 13 registers: four sums; a, b and c, which hold pairs of values, then the
 * channel's multiplier, addend and shift; u and v, words of weights, then the step between outputs and the output; p0
 * to p2; and f, the record of the channel (micronets_channel_constants: 4 multiplier, 8 addend, 12 shift, 16 step). */
/* clang-format off */
#define MICRONETS_ROW_BY(LINE, CODE)                                                                                  \
    do {                                                                                                              \
        int32_t s0, s1, s2, s3;                                                                                       \
        uint32_t a, b, c, u, v;                                                                                       \
        __asm__ volatile(                                                                                             \
            ".p2align 2\n"                                                                                            \
            "1:\n\t"                                                                                                  \
            LINE                                                                                                      \
            "ldr %[a], [%[f], #4]\n\t"                                                                                \
            "ldr %[b], [%[f], #8]\n\t"                                                                                \
            "ldr %[c], [%[f], #12]\n\t"                                                                               \
            "ldr %[u], [%[f], #16]\n\t"                                                                               \
            CODE("s0")                                                                                                \
            CODE("s1")                                                                                                \
            CODE("s2")                                                                                                \
            CODE("s3")                                                                                                \
            "ldr %[v], %[to]\n\t"                                                                                     \
            "ldr %[a], %[last]\n\t"                                                                                   \
            "cmp %[v], %[a]\n\t"                                                                                      \
            "bhi 2f\n\t"                                                                                              \
            "strb %[s0], [%[v]]\n\t"                                                                                  \
            "add %[b], %[v], %[u], lsl #1\n\t"                                                                        \
            "strb %[s1], [%[v], %[u]]\n\t"                                                                            \
            "strb %[s2], [%[b]]\n\t"                                                                                  \
            "strb %[s3], [%[b], %[u]]\n\t"                                                                            \
            "add %[v], %[b], %[u], lsl #1\n\t"                                                                        \
            "str %[v], %[to]\n\t"                                                                                     \
            "bne 1b\n\t"                                                                                              \
            "b 3f\n\t"                                                                                                \
            "2:\n\t" /* the last outputs, fewer than four */                                                          \
            "add %[a], %[a], %[u], lsl #2\n\t"                                                                        \
            "strb %[s0], [%[v]]\n\t"                                                                                  \
            "add %[v], %[v], %[u]\n\t"                                                                                \
            "cmp %[v], %[a]\n\t"                                                                                      \
            "beq 3f\n\t"                                                                                              \
            "strb %[s1], [%[v]]\n\t"                                                                                  \
            "add %[v], %[v], %[u]\n\t"                                                                                \
            "cmp %[v], %[a]\n\t"                                                                                      \
            "beq 3f\n\t"                                                                                              \
            "strb %[s2], [%[v]]\n\t"                                                                                  \
            "3:\n\t"                                                                                                  \
            : [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [a] "=&r"(a), [b] "=&r"(b),             \
              [c] "=&r"(c), [u] "=&r"(u), [v] "=&r"(v), [p0] "+&r"(p0), [p1] "+&r"(p1), [p2] "+&r"(p2), [to] "+m"(to) \
            : [f] "r"(f), [last] "m"(last)                                                                            \
            : "cc", "memory");                                                                                        \
    } while (0)

/* Turns a sum into its code; halves are rounded away from zero: a negative value is less by one before it
 * is shifted. */
#define MICRONETS_CODE(S)                   \
    "smmlar %[v], %[" S "], %[a], %[b]\n\t" \
    "add %[v], %[v], %[" S "], asr #31\n\t" \
    "asr %[v], %[v], %[c]\n\t"              \
    "ssat %[" S "], #8, %[v]\n\t"

/* Turns a sum into its code where the zero point is -128: a negative value is clamped, however it is rounded. */
#define MICRONETS_CODE_POSITIVE(S)              \
    "smmlar %[" S "], %[" S "], %[a], %[b]\n\t" \
    "asr %[" S "], %[" S "], %[c]\n\t"          \
    "ssat %[" S "], #8, %[" S "]\n\t"
/* clang-format on */

/* Computes an output line; RELU: a constant, 1 if the output's zero point is -128, else 0. */
#define MICRONETS_ROW(LINE, RELU)                                  \
    do {                                                           \
        int8_t *to = output;                                       \
        const int8_t *const last = output + (count - 4) * f->step; \
        if (RELU) {                                                \
            MICRONETS_ROW_BY(LINE, MICRONETS_CODE_POSITIVE);       \
        } else {                                                   \
            MICRONETS_ROW_BY(LINE, MICRONETS_CODE);                \
        }                                                          \
    } while (0)
#endif

#endif
