#include "micronets_columns.h"
#include "micronets_requantize_block.h"

/* Both paths below: products with a word as it is sum up to sum(f) + 256 * sum(g), wrapping at 32 bits; less sum(f), that is
 * 256 * sum(g), of which the upper 24 bits are sum(g). */

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)

/* r2: columns, r3: weights; r4, r5: a pair of the first and of the second pixel; r6, r7: words of the weights.
 * Sums of the first pixel are in r8 to r11, of the second in r12, lr, r0, r1.
 * A step has 52 bytes and there are 8: micronets_prepare.c knows that. More would be quicker without wait states, but a block of
 * filters then needs more than the 1 KB of code that the caches of STM32F4 and L4 hold. The first pair is outside the loop, all
 * others are the loop's last ones: it is entered in the middle. On the stack, every register being in use: 0 block, from 4 on
 * what is there in the block, so that 8 biases, 12 multipliers, 16 filters that are left, 20 where the loop is entered, 36 pairs
 * that are left, 40 input; 44 output, 48 pitch. */
#define LOAD "ldr.n r5, [r2, #4]\n\tldr.n r7, [r3, #4]\n\tldr.w r4, [r2], #8\n\tldr.w r6, [r3], #8\n\t"
#define STEP                                                                                                           \
    LOAD "smlad r9, r4, r6, r9\n\tsmlad lr, r5, r6, lr\n\tsxtb16 r6, r6\n\t"                                           \
         "smlad r11, r4, r7, r11\n\tsmlad r1, r5, r7, r1\n\tsxtb16 r7, r7\n\t"                                         \
         "smlad r8, r4, r6, r8\n\tsmlad r12, r5, r6, r12\n\tsmlad r10, r4, r7, r10\n\tsmlad r0, r5, r7, r0\n\t"
/* Four values of two pixels to their columns. */
#define EXPAND                                                                                                      \
    "ldr.w r5, [r0], #4\n\tldr.w r6, [r1], #4\n\tsxtb16 r7, r5\n\tsxtb16 r9, r6\n\tsxtb16 r5, r5, ror #8\n\t"       \
    "sxtb16 r6, r6, ror #8\n\tstr.w r7, [r2], #16\n\tstr r9, [r2, #-12]\n\tstr r5, [r2, #-8]\n\tstr r6, [r2, #-4]\n\t"
#define STEPS_4 STEP STEP STEP STEP

/* A filter's sums A of the first pixel and B of the second to codes. r2: biases, r7: multipliers, r6: zero point; W: bias and
 * shift in one, the shift lowest, where a shift by a register finds it, M: multiplier. SIGN rounds halves away from zero. */
#define SCALE(W, M) "ldr " W ", [r2], #4\n\tldr " M ", [r7], #4\n\t"
#define PRODUCT(A, W, M) "add " A ", " A ", " W ", asr #8\n\tsmmlar " A ", " A ", " M ", " A "\n\t"
#define SIGN(A) "add " A ", " A ", " A ", asr #31\n\t"
#define SHIFT(A, W) "asrs.w " A ", " A ", " W "\n\tadc.w " A ", " A ", r6\n\tssat " A ", #8, " A "\n\t"
#define UPPER(A, B) "asr.w " A ", " A ", #8\n\tasr.w " B ", " B ", #8\n\t"
#define CODES(A, B, W, M) PRODUCT(A, W, M) PRODUCT(B, W, M) SIGN(A) SIGN(B) SHIFT(A, W) SHIFT(B, W)
#define CODES_RELU(A, B, W, M) PRODUCT(A, W, M) PRODUCT(B, W, M) SHIFT(A, W) SHIFT(B, W)
#define PACK(A, B, AT) "bfi " A ", " B ", #" AT ", #8\n\t"
/* All sums to four codes each in r8 and r12. Two filters' codes make room for the next two filters' scales. */
#define ALL(CODES)                                                                                                     \
    SCALE("r4", "r5") CODES("r8", "r12", "r4", "r5") SCALE("r4", "r5") CODES("r9", "lr", "r4", "r5")                   \
    PACK("r8", "r9", "8") PACK("r12", "lr", "8") SCALE("r4", "r5") SCALE("r9", "lr")                                   \
    CODES("r10", "r0", "r4", "r5") CODES("r11", "r1", "r9", "lr")                                                      \
    PACK("r8", "r10", "16") PACK("r12", "r0", "16") PACK("r8", "r11", "24") PACK("r12", "r1", "24")
#define CLAMP(A) "ssub8 r9, " A ", r4\n\tsel " A ", " A ", r4\n\tssub8 r9, r5, " A "\n\tsel " A ", " A ", r5\n\t"

__attribute__((naked, noinline)) void micronets_columns(const micronets_block *block __attribute__((unused)),
                                                        int8_t *output __attribute__((unused)),
                                                        int32_t pitch __attribute__((unused)))
{
    __asm__ volatile(
        "push {r1, r2, r4-r11, lr}\n\tldm r0, {r3-r12, lr}\n\tadr r1, 2f\n\tadd r8, r1\n\tpush {r0, r4-r12, lr}\n\t"
        "mov r2, r9\n\tcmp r12, #0\n\tbeq.n 1f\n"
        /* r0, r1: pixels, r2: columns, r4: their end. */
        "0:\n\tldr r0, [sp, #40]\n\tldr r5, [sp, #48]\n\tldr r2, [sp, #24]\n\tldr r4, [sp, #4]\n\t"
        "subs r6, r4, r2\n\tlsrs r6, r6, #2\n\tmovs r1, r0\n\tcbz r5, 8f\n\tadd r1, r6\n"
        "8:\n\tadd r7, r1, r6\n\tstr r7, [sp, #40]\n\ttst r6, #4\n\tbne.n 10f\n\t"
        ".p2align 2\n9:\n\t" EXPAND "10:\n\t" EXPAND "cmp r2, r4\n\tbne.n 9b\n\t"
        "ldr r2, [sp, #24]\n\t"
        ".p2align 2\n1:\n\t"
        LOAD
        "smuad r9, r4, r6\n\tsmuad lr, r5, r6\n\tsxtb16 r6, r6\n\t"
        "smuad r11, r4, r7\n\tsmuad r1, r5, r7\n\tsxtb16 r7, r7\n\t"
        "smuad r8, r4, r6\n\tsmuad r12, r5, r6\n\tsmuad r10, r4, r7\n\tsmuad r0, r5, r7\n\t"
        "ldr pc, [sp, #20]\n\t"
        ".p2align 2\n2:\n\t" STEPS_4 STEPS_4
        "ldr.n r4, [sp, #4]\n\tcmp r2, r4\n\tbne.w 2b\n\t"
        "ldr r2, [sp, #8]\n\tldr r7, [sp, #12]\n\tldr r6, [sp, #28]\n\tldr r4, [sp, #32]\n\t"
        "sub r9, r9, r8\n\tsub lr, lr, r12\n\tsub r11, r11, r10\n\tsubs r1, r1, r0\n\t" UPPER("r9", "lr") UPPER("r11", "r1")
        "cmp r4, #0\n\tble.w 3f\n\t"
        ALL(CODES_RELU)
        "4:\n\tstr r2, [sp, #8]\n\tstr r7, [sp, #12]\n\t"
        "ldr r6, [sp, #16]\n\tldr r5, [sp, #48]\n\tldr r4, [sp, #44]\n\tldr r2, [sp, #24]\n\t"
        "subs r6, #4\n\tblt.n 5f\n\t"
        "str r12, [r4, r5]\n\tstr r8, [r4], #4\n\tstr r4, [sp, #44]\n\tstr r6, [sp, #16]\n\tbne.w 1b\n\t"
        "b.n 7f\n"
        "5:\n\tadds r6, #4\n" /* one to three filters */
        "6:\n\tstrb r12, [r4, r5]\n\tstrb r8, [r4], #1\n\tlsr.w r12, r12, #8\n\tlsr.w r8, r8, #8\n\t"
        "subs r6, #1\n\tbne.n 6b\n"
        "7:\n\tldr r6, [sp, #36]\n\tsubs r6, #1\n\tble.n 11f\n\tstr r6, [sp, #36]\n\tadd r4, r5\n\tstr r4, [sp, #44]\n\t"
        "ldr r0, [sp]\n\tldr r3, [r0]\n\tldr r4, [r0, #8]\n\tldr r5, [r0, #12]\n\tldr r6, [r0, #16]\n\t"
        "str r4, [sp, #8]\n\tstr r5, [sp, #12]\n\tstr r6, [sp, #16]\n\tb.n 0b\n"
        "11:\n\tadd sp, #52\n\tpop {r4-r11, pc}\n"
        "3:\n\t" ALL(CODES)
        "ldr r0, [sp]\n\tldr r4, [sp, #32]\n\tcmp r4, #0\n\tblt.w 4b\n\t"
        "ldr r4, [r0, #44]\n\tldr r5, [r0, #48]\n\t" CLAMP("r8") CLAMP("r12") "b.n 4b\n");
}

#else

/* Each half's low byte, sign-extended. */
MICRONETS_INLINE int32_t low_byte(int32_t half)
{
    return (int8_t)(uint8_t)half;
}

/* Two pixels of `count` values, a multiple of four, to both columns. */
MICRONETS_INLINE void expand(const int8_t *x, const int8_t *y, uint32_t *columns, int32_t count)
{
    for (const int8_t *const end = x + count; x != end; x += 4, y += 4, columns += 4) {
        for (int32_t k = 0; k < 2; k++) {
            columns[2 * k] = ((uint32_t)x[k] & 0xffffu) | (uint32_t)x[k + 2] << 16;
            columns[2 * k + 1] = ((uint32_t)y[k] & 0xffffu) | (uint32_t)y[k + 2] << 16;
        }
    }
}

MICRONETS_INLINE void multiply(const micronets_block *block, int8_t *output, int32_t pitch)
{
    const uint32_t *const columns = block->columns, *weights = block->weights;
    const micronets_limits limits = micronets_limits_of(block->requant);
    const int32_t filters = block->filters, pairs = (int32_t)(block->end - columns) / 2;
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
            const int32_t low = (int32_t)sums[p][0], third = (int32_t)sums[p][2];
            micronets_requantize_block(low, first, third, second, codes, block->requant, f, limits);
            for (int32_t k = 0; k < 4 && f + k < filters; k++) {
                output[p * pitch + f + k] = codes[k];
            }
        }
    }
}

void micronets_columns(const micronets_block *block, int8_t *output, int32_t pitch)
{
    const int32_t count = (int32_t)(block->end - block->columns); /* of a pixel: two of them make a word of its column */
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
