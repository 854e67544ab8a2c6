#include "micronets_columns.h"
#include "micronets_requantize_block.h"

/* Both paths below: products with a word as it is sum up to sum(f) + 256 * sum(g), wrapping at 32 bits; less sum(f), that is
 * 256 * sum(g), of which the upper 24 bits are sum(g). */

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)

/* What the assembly keeps in memory: its loop has every register in use. Offsets are in the comments. */
typedef struct {
    const uint32_t *columns;        /* 0 */
    const uint32_t *end;            /* 4: of the columns */
    const uint32_t *weights;        /* 8 */
    int32_t skipped;                /* 12: bytes of the loop that its first round leaves out */
    const int32_t *bias;            /* 16 */
    const int32_t *multiplier;      /* 20 */
    int8_t *output;                 /* 24 */
    int32_t pitch;                  /* 28 */
    const int32_t *stop;            /* 32: where `bias` ends up */
    int32_t zero_point;             /* 36 */
    uint32_t lowest4, highest4;     /* 40, 44 */
    int32_t relu;                   /* 48: 1: nothing below the zero point counts, and saturation is the only clamp */
} state;

#define STEP_BYTES 52
#define STEPS 8

/* r2: columns, r3: weights; r4, r5: a pair of the first and of the second pixel; r6, r7: words of the weights.
 * Sums of the first pixel are in r8 to r11, of the second in r12, lr, r0, r1. */
#define LOAD "ldr.n r5, [r2, #4]\n\tldr.n r7, [r3, #4]\n\tldr.w r4, [r2], #8\n\tldr.w r6, [r3], #8\n\t"
#define STEP                                                                                                           \
    LOAD "smlad r9, r4, r6, r9\n\tsmlad lr, r5, r6, lr\n\tsxtb16 r6, r6\n\t"                                           \
         "smlad r11, r4, r7, r11\n\tsmlad r1, r5, r7, r1\n\tsxtb16 r7, r7\n\t"                                         \
         "smlad r8, r4, r6, r8\n\tsmlad r12, r5, r6, r12\n\tsmlad r10, r4, r7, r10\n\tsmlad r0, r5, r7, r0\n\t"

/* Sums A of the first pixel and B of the second to codes. r2: biases, r7: multipliers, r6: zero point. SIGN rounds halves
 * away from zero; r4 is bias and shift in one, the shift lowest, where a shift by a register finds it. */
#define SCALE "ldr r4, [r2], #4\n\tldr r5, [r7], #4\n\t"
#define BIAS(A) "add " A ", " A ", r4, asr #8\n\tsmmlar " A ", " A ", r5, " A "\n\t"
#define SIGN(A) "add " A ", " A ", " A ", asr #31\n\t"
#define SHIFT(A) "asrs.w " A ", " A ", r4\n\tadc.w " A ", " A ", r6\n\tssat " A ", #8, " A "\n\t"
#define UPPER(A, B) "asr.w " A ", " A ", #8\n\tasr.w " B ", " B ", #8\n\t"
#define CODES(A, B) SCALE BIAS(A) BIAS(B) SIGN(A) SIGN(B) SHIFT(A) SHIFT(B)
#define CODES_RELU(A, B) SCALE BIAS(A) BIAS(B) SHIFT(A) SHIFT(B)
#define PACK(A, B, C, D) "bfi " A ", " B ", #8, #8\n\tbfi " A ", " C ", #16, #8\n\tbfi " A ", " D ", #24, #8\n\t"
#define CLAMP(A) "ssub8 r9, " A ", r4\n\tsel " A ", " A ", r4\n\tssub8 r9, r5, " A "\n\tsel " A ", " A ", r5\n\t"

/* Four filters at a time until `bias` is `stop`. */
static __attribute__((naked, noinline)) void blocks(state *s __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r11, lr}\n\t"
        "ldr r1, [r0, #12]\n\tadr r2, 2f\n\tadd r1, r2\n\torr r1, r1, #1\n\t"
        "ldr r2, [r0, #4]\n\tpush {r0-r2}\n\t" /* on the stack: state, where the loop is entered, end of the columns */
        "ldr r3, [r0, #8]\n\t"
        ".p2align 2\n1:\n\t"
        "ldr r2, [r0]\n\t" LOAD
        "smuad r9, r4, r6\n\tsmuad lr, r5, r6\n\tsxtb16 r6, r6\n\t"
        "smuad r11, r4, r7\n\tsmuad r1, r5, r7\n\tsxtb16 r7, r7\n\t"
        "smuad r8, r4, r6\n\tsmuad r12, r5, r6\n\tsmuad r10, r4, r7\n\tsmuad r0, r5, r7\n\t"
        "ldr r4, [sp, #4]\n\tbx r4\n\t"
        ".p2align 2\n2:\n\t" STEP STEP STEP STEP STEP STEP STEP STEP
        "ldr.n r4, [sp, #8]\n\tcmp r2, r4\n\tbne.w 2b\n\t"
        "ldr r7, [sp]\n\tldr r2, [r7, #16]\n\tldr r6, [r7, #36]\n\tldr r4, [r7, #48]\n\tldr r7, [r7, #20]\n\t"
        "sub r9, r9, r8\n\tsub lr, lr, r12\n\tsub r11, r11, r10\n\tsubs r1, r1, r0\n\t" UPPER("r9", "lr") UPPER("r11", "r1")
        "cmp r4, #0\n\tbne.w 3f\n\t" CODES("r8", "r12") CODES("r9", "lr") CODES("r10", "r0") CODES("r11", "r1")
        PACK("r8", "r9", "r10", "r11") PACK("r12", "lr", "r0", "r1")
        "ldr r0, [sp]\n\tldr r4, [r0, #40]\n\tldr r5, [r0, #44]\n\t" CLAMP("r8") CLAMP("r12") "b.n 4f\n"
        "3:\n\t" CODES_RELU("r8", "r12") CODES_RELU("r9", "lr") CODES_RELU("r10", "r0") CODES_RELU("r11", "r1")
        PACK("r8", "r9", "r10", "r11") PACK("r12", "lr", "r0", "r1")
        "ldr r0, [sp]\n4:\n\t"
        "ldr r4, [r0, #24]\n\tldr r5, [r0, #28]\n\tldr r6, [r0, #32]\n\tstr r2, [r0, #16]\n\tstr r7, [r0, #20]\n\t"
        "str r12, [r4, r5]\n\tstr r8, [r4], #4\n\tstr r4, [r0, #24]\n\tcmp r2, r6\n\tbne.w 1b\n\t"
        "str r3, [r0, #8]\n\tadd sp, #12\n\tpop {r4-r11, pc}");
}

void micronets_columns(const uint32_t *columns, int8_t *output, const uint32_t *weights, int32_t pairs, int32_t filters,
                       int32_t pitch, const micronets_requant *requant)
{
    /* The first pair is outside the loop, the others are its last ones. */
    const int32_t rest = pairs - 1, first = rest % STEPS, whole = filters & ~3, left = filters & 3;
    const int32_t skipped = first > 0 ? STEPS - first : rest > 0 ? 0 : STEPS;
    const int32_t zero = requant->zero_point;
    const int32_t relu = zero == -128 && requant->lowest == 0 && requant->highest == 255;
    int8_t codes[8] __attribute__((aligned(4)));
    state s = {columns, columns + 2 * pairs, weights, skipped * STEP_BYTES, requant->bias, requant->multiplier, output, pitch,
               requant->bias + whole, zero, requant->lowest4, requant->highest4, relu};
    if (whole > 0) {
        blocks(&s);
    }
    if (left > 0) {
        s.output = codes;
        s.pitch = 4;
        s.stop += 4;
        blocks(&s);
        for (int32_t k = 0; k < left; k++) {
            output[pitch + whole + k] = codes[4 + k];
            output[whole + k] = codes[k];
        }
    }
}

#else

/* Each half's low byte, sign-extended. */
MICRONETS_INLINE int32_t low_byte(int32_t half)
{
    return (int8_t)(uint8_t)half;
}

void micronets_columns(const uint32_t *columns, int8_t *output, const uint32_t *weights, int32_t pairs, int32_t filters,
                       int32_t pitch, const micronets_requant *requant)
{
    for (int32_t f = 0; f < filters; f += 4) {
        uint32_t sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
        for (int32_t k = 0; k < pairs; k++) {
            for (int32_t i = 0; i < 2; i++) {
                const int32_t low = (int16_t)(uint16_t)weights[i], high = (int16_t)(uint16_t)(weights[i] >> 16);
                for (int32_t p = 0; p < 2; p++) {
                    const int32_t x = (int16_t)(uint16_t)columns[2 * k + p], y = (int16_t)(uint16_t)(columns[2 * k + p] >> 16);
                    sums[p][2 * i] += (uint32_t)(x * low_byte(low) + y * low_byte(high));
                    sums[p][2 * i + 1] += (uint32_t)(x * low + y * high);
                }
            }
            weights += 2;
        }
        for (int32_t p = 1; p >= 0; p--) {
            int8_t codes[4];
            const int32_t first = (int32_t)(sums[p][1] - sums[p][0]) >> 8, second = (int32_t)(sums[p][3] - sums[p][2]) >> 8;
            micronets_requantize_block((int32_t)sums[p][0], first, (int32_t)sums[p][2], second, codes, requant, f);
            for (int32_t k = 0; k < 4 && f + k < filters; k++) {
                output[p * pitch + f + k] = codes[k];
            }
        }
    }
}

#endif
