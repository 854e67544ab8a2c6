/* void micronets_fully_connected_by8_rows(...): a matrix times a vector, eight filters at a time.
 *
 * micronets_dsp_fully_connected_by8_rows.h describes the arguments. A step takes eight values of the input and their 64
 * weights. A word of the weights belongs to two filters f and g and two values: its halves are f + 256 * g. One smlad
 * with the word as it is gives the sum of f + 256 * g, another with the sign-extended low bytes that of f; their
 * difference, shifted by eight bits, is the sum of g.
 *
 * Loads stand together, as many as there are registers for, as only the first of several takes two cycles; those from
 * SRAM come before those from flash, as a bus may wait where it changes between the two. The loop
 * has two steps of 250 bytes: with more, eight filters would need more than the 1 KB of code that the instruction
 * caches of STM32F4 and L4 hold. Where the number of steps is odd, the loop is entered in the middle.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                               bytes  instructions  cycles
 *   micronets_fully_connected_by8_rows     20             6      19
 *   .Leight                                24            12      13
 *   .Lsteps                               500           140     154
 *   .Lsteps_end                           346            93     103
 *   .Lstore                                20             6      19
 *   .Lclamp                                38            11      12 */

#include "micronets_dsp_assembly.inc"
#include "micronets_loops.h"

#if MICRONETS_DSP_ASSEMBLY

input   .req r0
weights .req r1 /* address of the weights less those of a step: each step begins by moving it on */

/* Sums of eight filters. Those of every second one hold the sums of whole words until all values are multiplied. */
sum_0 .req r6
sum_1 .req r7
sum_2 .req r8
sum_3 .req r9
sum_4 .req r10
sum_5 .req r11
sum_6 .req r12
sum_7 .req lr

/* Registers when the sums become codes. */
zero_point .req r0
bias       .req r2
multiplier .req r3
bias_shift .req r4 /* a filter's bias in the upper 24 bits, and its shift in the low byte, which shifts read */
scale      .req r5 /* the filter's multiplier */

/* The stack, every register being in use: four arguments and nine registers, which are pushed, then the other
 * arguments. The slot of `skipped` becomes the address at which the loop is entered. */
#define STACK_END 0
#define STACK_ENTRY 4
#define STACK_INPUT 8
#define STACK_BIAS 52
#define STACK_MULTIPLIER 56
#define STACK_BACK 60
#define STACK_ZERO_POINT 64
#define STACK_OUTPUT 68
#define STACK_OUTPUT_END 72
#define STACK_NEEDS_CLAMP 76
#define STACK_LOWEST4 80
#define STACK_HIGHEST4 84

#define STEP_WEIGHTS 64 /* bytes of the weights of a step */

    /* Multiplies a pair of values with a word of weights, of filters `low` and `whole`. */
    .macro multiply word, pair, low, whole
    smlad \whole, \pair, \word, \whole
    sxtb16 \word, \word
    smlad \low, \pair, \word, \low
    .endm
    .macro filters_01 word, pair
    multiply \word, \pair, sum_0, sum_1
    .endm
    .macro filters_23 word, pair
    multiply \word, \pair, sum_2, sum_3
    .endm
    .macro filters_45 word, pair
    multiply \word, \pair, sum_4, sum_5
    .endm
    .macro filters_67 word, pair
    multiply \word, \pair, sum_6, sum_7
    .endm

    /* Multiplies eight values, pairs (0, 2), (1, 3), (4, 6) and (5, 7), with four words of weights each. */
    .macro step
    ldr.w r5, [input], #4
    ldr.n r3, [weights, #STEP_WEIGHTS + 4]
    ldr.w r2, [weights, #STEP_WEIGHTS]!
    sxtb16 r4, r5
    filters_01 r2, r4
    filters_23 r3, r4
    ldr.n r2, [weights, #8]
    ldr.n r3, [weights, #12]
    filters_45 r2, r4
    filters_67 r3, r4
    sxtb16 r5, r5, ror #8
    ldr.n r2, [weights, #16]
    ldr.n r3, [weights, #20]
    ldr.n r4, [weights, #24]
    filters_01 r2, r5
    filters_23 r3, r5
    filters_45 r4, r5
    ldr.w r4, [input], #4
    ldr.n r2, [weights, #28]
    ldr.n r3, [weights, #32]
    filters_67 r2, r5
    sxtb16 r5, r4
    filters_01 r3, r5
    ldr.n r2, [weights, #36]
    ldr.n r3, [weights, #40]
    filters_23 r2, r5
    filters_45 r3, r5
    ldr.n r2, [weights, #44]
    ldr.n r3, [weights, #48]
    filters_67 r2, r5
    sxtb16 r4, r4, ror #8
    filters_01 r3, r4
    ldr.n r2, [weights, #52]
    ldr.n r3, [weights, #56]
    ldr.n r5, [weights, #60]
    filters_23 r2, r4
    filters_45 r3, r4
    filters_67 r5, r4
    .endm

    /* Computes the sum of a second filter from that of its whole words. */
    .macro upper whole, low
    sub.w \whole, \whole, \low
    asr.w \whole, \whole, #8
    .endm

    /* Turns a sum into a code. Halves are rounded away from zero: a negative value is less by one, and the last bit
     * that is shifted out is added. */
    .macro code sum
    ldr.w bias_shift, [bias], #4
    ldr.w scale, [multiplier], #4
    add \sum, \sum, bias_shift, asr #8
    smmlar \sum, \sum, scale, \sum
    add \sum, \sum, \sum, asr #31
    asrs.w \sum, \sum, bias_shift
    adc.w \sum, \sum, zero_point
    ssat \sum, #8, \sum
    .endm

    /* Packs four codes into a. */
    .macro pack a, b, c, d
    bfi \a, \b, #8, #8
    bfi \a, \c, #16, #8
    bfi \a, \d, #24, #8
    .endm

    /* Clamps four codes to the limits in r4 and r5; r9 is lost. */
    .macro clamp4 codes
    ssub8 r9, \codes, r4
    sel \codes, \codes, r4
    ssub8 r9, r5, \codes
    sel \codes, \codes, r5
    .endm

    function micronets_fully_connected_by8_rows
    adr r12, .Lsteps
    add r1, r12
    orr r1, r1, #1 /* Thumb */
    push {r0-r11, lr}
    sub weights, r3, #STEP_WEIGHTS

    /* The next eight filters. */
    .p2align 2
.Leight:
    ldr input, [sp, #STACK_INPUT]
    ldr r2, [sp, #STACK_ENTRY]
    movs sum_0, #0
    movs sum_1, #0
    mov sum_2, sum_0
    mov sum_3, sum_0
    mov sum_4, sum_0
    mov sum_5, sum_0
    mov sum_6, sum_0
    mov sum_7, sum_0
    bx r2
    .p2align 2
.Lsteps:
    .rept MICRONETS_BY8_STEPS
    step
    .endr
.Lsteps_end:
    .org .Lsteps + MICRONETS_BY8_STEPS * MICRONETS_BY8_STEP_BYTES /* an error where a step has more bytes */
    .org .Lsteps_end /* an error where a step has less */
    ldr.n r4, [sp, #STACK_END]
    cmp input, r4
    bne.w .Lsteps

    upper sum_1, sum_0
    upper sum_3, sum_2
    upper sum_5, sum_4
    upper sum_7, sum_6
    ldr bias, [sp, #STACK_BIAS]
    ldr multiplier, [sp, #STACK_MULTIPLIER]
    ldr zero_point, [sp, #STACK_ZERO_POINT]
    code sum_0
    code sum_1
    code sum_2
    code sum_3
    pack sum_0, sum_1, sum_2, sum_3
    code sum_4
    code sum_5
    code sum_6
    code sum_7
    pack sum_4, sum_5, sum_6, sum_7
    ldr r7, [sp, #STACK_BACK]
    ldr r0, [sp, #STACK_OUTPUT]
    ldr r8, [sp, #STACK_OUTPUT_END]
    ldr r4, [sp, #STACK_NEEDS_CLAMP]
    add multiplier, r7
    str bias, [sp, #STACK_BIAS]
    str multiplier, [sp, #STACK_MULTIPLIER]
    cmp r4, #0
    bne.n .Lclamp
.Lstore:
    str sum_0, [r0], #4
    str sum_4, [r0], #4
    cmp r0, r8
    str r0, [sp, #STACK_OUTPUT]
    bne.w .Leight
    pop {r0-r11, pc}

.Lclamp:
    ldr r4, [sp, #STACK_LOWEST4]
    ldr r5, [sp, #STACK_HIGHEST4]
    clamp4 sum_0
    clamp4 sum_4
    b.n .Lstore
    end_function micronets_fully_connected_by8_rows

#endif
