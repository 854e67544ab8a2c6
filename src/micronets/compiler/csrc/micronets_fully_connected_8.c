#include "micronets_requantize_block.h"

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)

#define STEPS 2
#define STEP_BYTES 250

/* r0: input, r1: weights, less a step; r4, r5: pairs of the input; r2, r3: words of the weights. Sums of the eight filters are
 * in r6 to r12 and lr: of every two first that of the first, then what a whole word gave. A step is eight values.
 * Loads stand together, as many as there are registers for, as only the first takes two cycles; or one that has the address
 * that the one before it moves on. With more than two steps in the loop, eight filters would need more than the 1 KB of code
 * that the caches of STM32F4 and L4 hold. */
#define WORD(W, X, LOW, WHOLE)                                                                                         \
    "smlad " WHOLE ", " X ", " W ", " WHOLE "\n\tsxtb16 " W ", " W "\n\tsmlad " LOW ", " X ", " W ", " LOW "\n\t"
#define LOAD(W, OFFSET) "ldr.n " W ", [r1, #" OFFSET "]\n\t"
#define FIRST(W, X) WORD(W, X, "r6", "r7")
#define SECOND(W, X) WORD(W, X, "r8", "r9")
#define THIRD(W, X) WORD(W, X, "r10", "r11")
#define FOURTH(W, X) WORD(W, X, "r12", "lr")
#define STEP                                                                                                           \
    "ldr.w r2, [r1, #64]!\n\tldr.w r5, [r0], #4\n\t" LOAD("r3", "4") "sxtb16 r4, r5\n\t"                               \
    FIRST("r2", "r4") SECOND("r3", "r4") LOAD("r2", "8") LOAD("r3", "12") THIRD("r2", "r4") FOURTH("r3", "r4")         \
    "sxtb16 r5, r5, ror #8\n\t" LOAD("r2", "16") LOAD("r3", "20") LOAD("r4", "24")                                     \
    FIRST("r2", "r5") SECOND("r3", "r5") THIRD("r4", "r5")                                                             \
    LOAD("r2", "28") "ldr.w r4, [r0], #4\n\t" LOAD("r3", "32") FOURTH("r2", "r5")                                      \
    "sxtb16 r5, r4\n\t" FIRST("r3", "r5") LOAD("r2", "36") LOAD("r3", "40") SECOND("r2", "r5") THIRD("r3", "r5")       \
    LOAD("r2", "44") LOAD("r3", "48") FOURTH("r2", "r5") "sxtb16 r4, r4, ror #8\n\t" FIRST("r3", "r4")                 \
    LOAD("r2", "52") LOAD("r3", "56") LOAD("r5", "60") SECOND("r2", "r4") THIRD("r3", "r4") FOURTH("r5", "r4")

/* A sum to its code. r2: biases, r3: multipliers, r0: zero point; r4 is bias and shift in one. */
#define CODE(A)                                                                                                        \
    "ldr.w r4, [r2], #4\n\tldr.w r5, [r3], #4\n\tadd " A ", " A ", r4, asr #8\n\t"                                     \
    "smmlar " A ", " A ", r5, " A "\n\tadd " A ", " A ", " A ", asr #31\n\t"                                           \
    "asrs.w " A ", " A ", r4\n\tadc.w " A ", " A ", r0\n\tssat " A ", #8, " A "\n\t"
#define UPPER(A, B) "sub.w " A ", " A ", " B "\n\tasr.w " A ", " A ", #8\n\t"
#define PACK(A, B, C, D) "bfi " A ", " B ", #8, #8\n\tbfi " A ", " C ", #16, #8\n\tbfi " A ", " D ", #24, #8\n\t"
#define CLAMP(A) "ssub8 r9, " A ", r4\n\tsel " A ", " A ", r4\n\tssub8 r9, r5, " A "\n\tsel " A ", " A ", r5\n\t"

/* skipped: bytes of the loop that its first round leaves out. back: added to `multiplier` behind every eight. narrow: whether
 * there is more to clamp than 8 bits do. On the stack, every register being in use, are 0 end, 4 where the loop is entered,
 * 8 input, 12 weights, nine registers, then the other arguments from 52 on. */
__attribute__((naked, noinline)) static void
eights(const int8_t *end __attribute__((unused)), int32_t skipped __attribute__((unused)),
       const int8_t *input __attribute__((unused)), const uint32_t *weights __attribute__((unused)),
       const int32_t *bias __attribute__((unused)), const int32_t *multiplier __attribute__((unused)),
       int32_t back __attribute__((unused)), int32_t zero_point __attribute__((unused)), int8_t *output __attribute__((unused)),
       const int8_t *output_end __attribute__((unused)), int32_t narrow __attribute__((unused)),
       uint32_t lowest4 __attribute__((unused)), uint32_t highest4 __attribute__((unused)))
{
    __asm__ volatile(
        "adr r12, 2f\n\tadd r1, r12\n\torr r1, r1, #1\n\tpush {r0-r11, lr}\n\tsub r1, r3, #64\n\t"
        ".p2align 2\n1:\n\t"
        "ldr r0, [sp, #8]\n\tldr r2, [sp, #4]\n\tmovs r6, #0\n\tmovs r7, #0\n\tmov r8, r6\n\tmov r9, r6\n\t"
        "mov r10, r6\n\tmov r11, r6\n\tmov r12, r6\n\tmov lr, r6\n\tbx r2\n\t"
        ".p2align 2\n2:\n\t"
        STEP STEP
        "ldr.n r4, [sp, #0]\n\tcmp r0, r4\n\tbne.w 2b\n\t"
        UPPER("r7", "r6") UPPER("r9", "r8") UPPER("r11", "r10") UPPER("lr", "r12")
        "ldr r2, [sp, #52]\n\tldr r3, [sp, #56]\n\tldr r0, [sp, #64]\n\t"
        CODE("r6") CODE("r7") CODE("r8") CODE("r9") PACK("r6", "r7", "r8", "r9")
        CODE("r10") CODE("r11") CODE("r12") CODE("lr") PACK("r10", "r11", "r12", "lr")
        "ldr r7, [sp, #60]\n\tldr r0, [sp, #68]\n\tldr r8, [sp, #72]\n\tldr r4, [sp, #76]\n\t"
        "add r3, r7\n\tstr r2, [sp, #52]\n\tstr r3, [sp, #56]\n\tcmp r4, #0\n\tbne.n 4f\n"
        "3:\n\tstr r6, [r0], #4\n\tstr r10, [r0], #4\n\tcmp r0, r8\n\tstr r0, [sp, #68]\n\tbne.w 1b\n\t"
        "pop {r0-r11, pc}\n"
        "4:\n\tldr r4, [sp, #80]\n\tldr r5, [sp, #84]\n\t" CLAMP("r6") CLAMP("r10") "b.n 3b\n");
}

void micronets_fully_connected_8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs, int32_t units,
                                 const micronets_requant *requant)
{
    const int32_t one = requant->multiplier[0], eight[8] = {one, one, one, one, one, one, one, one};
    const micronets_limits limits = micronets_limits_of(requant);
    const int32_t odd = inputs / 8 & (STEPS - 1), narrow = limits.lowest != 0x80808080u || limits.highest != 0x7f7f7f7fu;
    eights(input + inputs, odd > 0 ? (STEPS - odd) * STEP_BYTES : 0, input, weights, requant->bias,
           requant->step ? requant->multiplier : eight, requant->step ? 0 : -32, requant->zero_point, output, output + units,
           narrow, limits.lowest, limits.highest);
}

#else

MICRONETS_INLINE int32_t low_byte(uint32_t half)
{
    return (int8_t)(uint8_t)half;
}

MICRONETS_INLINE int32_t half(uint32_t word)
{
    return (int16_t)(uint16_t)word;
}

void micronets_fully_connected_8(const int8_t *input, int8_t *output, const uint32_t *weights, int32_t inputs, int32_t units,
                                 const micronets_requant *requant)
{
    const micronets_limits limits = micronets_limits_of(requant);
    for (int32_t f = 0; f < units; f += 8) {
        uint32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int32_t i = 0; i < inputs; i += i % 2 ? 3 : 1) { /* values i and i + 2 are a pair */
            for (int32_t k = 0; k < 8; k += 2, weights++) {
                const int32_t a = input[i], b = input[i + 2];
                sums[k] += (uint32_t)(a * low_byte(*weights) + b * low_byte(*weights >> 16));
                sums[k + 1] += (uint32_t)(a * half(*weights) + b * half(*weights >> 16));
            }
        }
        for (int32_t k = 1; k < 8; k += 2) { /* what a whole word gave: the sum before + 256 * this one */
            sums[k] = (uint32_t)((int32_t)(sums[k] - sums[k - 1]) >> 8);
        }
        for (int32_t k = 0; k < 8; k += 4) {
            micronets_requantize_block((int32_t)sums[k], (int32_t)sums[k + 1], (int32_t)sums[k + 2], (int32_t)sums[k + 3],
                                       output + f + k, requant, f + k, limits);
        }
    }
}

#endif
