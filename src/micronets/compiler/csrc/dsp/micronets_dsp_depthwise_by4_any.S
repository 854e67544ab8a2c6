/* void micronets_depthwise_by4_any(struct micronets_depthwise_by4_pass *pass): a depthwise convolution of four
 * channels, windows of any size.
 *
 * It computes output lines, each output of four channels at once; micronets_depthwise_by4_pass.h describes the record
 * `pass`. A tap is a word of four values and a word of four weights; their even and odd bytes are widened to pairs, and
 * four multiplications add to the sums of four channels. The loop takes four taps a round; it is entered in the middle,
 * so that the first round of a line of the kernel is the short one.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                        bytes  instructions  cycles
 *   micronets_depthwise_by4_any     40            12      23
 *   .Loutput                        18             6       7
 *   .Lkernel_line                   14             4       5
 *   .Ltaps                         160            40      44
 *   .Ltaps_end                     194            51      55
 *   .Lnext_output                   60            18      29
 *   .Lclamp                         26             7       8
 *   .Lstore_byte                    12             5       5 */

#include "micronets_dsp_assembly.inc"
#include "micronets_loops.h"
#include "micronets_offsets.h"

#if MICRONETS_DSP_ASSEMBLY

values   .req r0
weights  .req r1
sum_0    .req r6 /* the sum of each channel */
sum_1    .req r7
sum_2    .req r8
sum_3    .req r9
line_end .req r10 /* end of the weights of a line of the kernel */
window   .req r11 /* the first value under the window */
output   .req r12
pass     .req lr

    /* Multiplies a value of four channels with its weights, and adds the products to the sums. */
    .macro tap
    ldr.w r2, [values], #4
    ldr.w r3, [weights], #4
    sxtb16 r4, r2, ror #8
    sxtb16 r2, r2
    sxtb16 r5, r3, ror #8
    sxtb16 r3, r3
    smlabb sum_0, r2, r3, sum_0
    smlatt sum_2, r2, r3, sum_2
    smlabb sum_1, r4, r5, sum_1
    smlatt sum_3, r4, r5, sum_3
    .endm

    /* Turns the sums of two channels, `channel` and the next, into codes. A word of the packed table of biases has the
     * bias in its upper 24 bits, and the shift in its low byte, where a shift by a register finds it. Halves are
     * rounded away from zero: a negative value is less by one, and the last bit that is shifted out is added. */
    .macro codes sum_a, sum_b, channel
    ldr.w r0, [pass, #MICRONETS_BY4_SCALES + 8 * \channel]
    ldr.w r1, [pass, #MICRONETS_BY4_SCALES + 8 * \channel + 4]
    ldr.w r2, [pass, #MICRONETS_BY4_SCALES + 8 * \channel + 8]
    ldr.w r3, [pass, #MICRONETS_BY4_SCALES + 8 * \channel + 12]
    ldr.w r4, [pass, #MICRONETS_BY4_ZERO_POINT]
    add.w \sum_a, \sum_a, r0, asr #8
    add.w \sum_b, \sum_b, r2, asr #8
    smmlar \sum_a, \sum_a, r1, \sum_a
    smmlar \sum_b, \sum_b, r3, \sum_b
    add.w \sum_a, \sum_a, \sum_a, asr #31
    add.w \sum_b, \sum_b, \sum_b, asr #31
    asrs.w \sum_a, \sum_a, r0
    adc.w \sum_a, \sum_a, r4
    asrs.w \sum_b, \sum_b, r2
    adc.w \sum_b, \sum_b, r4
    ssat \sum_a, #8, \sum_a
    ssat \sum_b, #8, \sum_b
    .endm

    function micronets_depthwise_by4_any
    push {r4-r11, lr}
    mov pass, r0
    adr.w r1, .Ltaps
    ldr.w r2, [pass, #MICRONETS_BY4_SKIPPED]
    add r1, r2
    orr r1, r1, #1 /* Thumb */
    str.w r1, [pass, #MICRONETS_BY4_ENTRY]
    ldr.w window, [pass, #MICRONETS_BY4_X]
    ldr.w output, [pass, #MICRONETS_BY4_OUT_END]
    ldr.w r1, [pass, #MICRONETS_BY4_BACK]
    add output, r1

    /* An output of four channels. */
    .p2align 2
.Loutput:
    ldr.w weights, [pass, #MICRONETS_BY4_WEIGHTS]
    mov values, window
    movs sum_0, #0
    movs sum_1, #0
    mov.w sum_2, #0
    mov.w sum_3, #0
.Lkernel_line:
    ldr.w r2, [pass, #MICRONETS_BY4_ROW]
    ldr.w r3, [pass, #MICRONETS_BY4_ENTRY]
    add.w line_end, weights, r2
    bx r3
    .p2align 2
.Ltaps:
    .rept MICRONETS_BY4_TAPS
    tap
    .endr
.Ltaps_end:
    .org .Ltaps + MICRONETS_BY4_TAPS * MICRONETS_BY4_TAP_BYTES /* an error where a tap has more bytes */
    .org .Ltaps_end /* an error where a tap has less */
    cmp weights, line_end
    bne.w .Ltaps
    ldr.w r2, [pass, #MICRONETS_BY4_NEXT]
    ldr.w r3, [pass, #MICRONETS_BY4_WEIGHTS_END]
    add values, r2
    cmp weights, r3
    bne.w .Lkernel_line

    codes sum_0, sum_1, 0
    codes sum_2, sum_3, 2
    bfi sum_0, sum_1, #8, #8
    bfi sum_0, sum_2, #16, #8
    bfi sum_0, sum_3, #24, #8
    ldr.w r0, [pass, #MICRONETS_BY4_X_STEP]
    ldr.w r1, [pass, #MICRONETS_BY4_OUT_STEP]
    ldr.w r2, [pass, #MICRONETS_BY4_OUT_END]
    ldr.w r3, [pass, #MICRONETS_BY4_BYTES]
    cmp r3, #0
    bne.n .Lclamp
    str.w sum_0, [output]
.Lnext_output:
    add window, r0
    add output, r1
    cmp output, r2
    bne.w .Loutput

    /* The next output line, if there is one. */
    ldr.w r3, [pass, #MICRONETS_BY4_LINES]
    ldr.w r4, [pass, #MICRONETS_BY4_OUT_LINE]
    ldr.w r5, [pass, #MICRONETS_BY4_X_LINE]
    ldr.w window, [pass, #MICRONETS_BY4_X]
    adds r2, r2, r4
    add window, r5
    ldr.w r5, [pass, #MICRONETS_BY4_BACK]
    add.w output, r2, r5
    str.w r2, [pass, #MICRONETS_BY4_OUT_END]
    str.w window, [pass, #MICRONETS_BY4_X]
    subs r3, #1
    str.w r3, [pass, #MICRONETS_BY4_LINES]
    bne.w .Loutput
    pop {r4-r11, pc}

    /* Clamps four codes and stores the first r3 of them, byte by byte. */
.Lclamp:
    ldr.w r4, [pass, #MICRONETS_BY4_LOWEST4]
    ldr.w r5, [pass, #MICRONETS_BY4_HIGHEST4]
    ssub8 r7, sum_0, r4
    sel sum_0, sum_0, r4
    ssub8 r7, r5, sum_0
    sel sum_0, sum_0, r5
    mov r4, output
.Lstore_byte:
    strb sum_0, [r4], #1
    lsrs sum_0, sum_0, #8
    subs r3, #1
    bne.n .Lstore_byte
    b.n .Lnext_output
    end_function micronets_depthwise_by4_any

#endif
