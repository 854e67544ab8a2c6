/* void micronets_add_by4(const micronets_add_by4_constants *n): adds the int8 codes of two tensors, four at a time.
 *
 * Each code of b, shifted by 21 bits, is multiplied by its multiplier and shifted back by its shift; the code of a,
 * shifted by 19 bits, is added, and the sum is multiplied and shifted to the output's code. Both roundings are halves
 * away from zero: a negative number is less by one, and the last bit that is shifted out is the carry that is added.
 * Where the shift of b is 0, it leaves the carry of the addition in front of it, which takes back the one that this
 * addition subtracted.
 *
 * Registers: the constants stay in r3 to r9, the codes of four values in quad_a and quad_b; quad_a becomes the output.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label              bytes  instructions  cycles
 *   micronets_add_by4     36            10      34
 *   .Lquad               246            62      64
 *   .Lstore               16             5      15
 *   .Lclamp               30             8      11 */

#include "micronets_dsp_assembly.inc"
#include "micronets_offsets.h"

#if MICRONETS_DSP_ASSEMBLY

codes_a      .req r0
codes_b      .req r1
output       .req r2
offset_a     .req r3
offset_b     .req r4
multiplier_b .req r5
shift_b      .req r6
multiplier   .req r7
shift        .req r8
zero_point   .req r9
quad_a       .req r10
quad_b       .req r11
scaled       .req r12
value        .req lr

/* The stack: a copy of the constants for which there is no register. */
#define STACK_NEEDS_CLAMP 0
#define STACK_END 4
#define STACK_LOWEST4 8
#define STACK_HIGHEST4 12
#define STACK_BYTES 20

    /* Byte `index` of quad_a becomes the code of its sum with that of quad_b. */
    .macro add_code index
    .if \index
    sxtb.w value, quad_b, ror #(8 * \index)
    .else
    sxtb.w value, quad_b
    .endif
    add.w value, offset_b, value, lsl #21
    smmulr scaled, value, multiplier_b
    adds.w scaled, scaled, value, asr #31
    .if \index
    sxtb.w value, quad_a, ror #(8 * \index)
    .else
    sxtb.w value, quad_a
    .endif
    add.w value, offset_a, value, lsl #19
    asrs.w scaled, scaled, shift_b
    adc.w value, value, scaled
    smmlar value, value, multiplier, value
    add.w value, value, value, asr #31
    asrs.w value, value, shift
    adc.w value, value, zero_point
    ssat value, #8, value
    bfi quad_a, value, #(8 * \index), #8
    .endm

    function micronets_add_by4
    push {r4-r11, lr}
    sub sp, #STACK_BYTES
    ldr.w r12, [r0, #MICRONETS_ADD_BY4_NEEDS_CLAMP]
    ldr.w lr, [r0, #MICRONETS_ADD_BY4_END]
    ldr.w r10, [r0, #MICRONETS_ADD_BY4_LOWEST4]
    ldr.w r11, [r0, #MICRONETS_ADD_BY4_HIGHEST4]
    strd r12, lr, [sp, #STACK_NEEDS_CLAMP]
    strd r10, r11, [sp, #STACK_LOWEST4]
    ldm.w r0, {r0-r9} /* the record begins with a, b, output, offset_a, ... zero_point */
    .p2align 2
.Lquad:
    ldr.w quad_a, [codes_a], #4
    ldr.w quad_b, [codes_b], #4
    add_code 0
    add_code 1
    add_code 2
    add_code 3
    ldr.w r11, [sp, #STACK_NEEDS_CLAMP]
    ldr.w r12, [sp, #STACK_END]
    cmp.w r11, #0
    bne.n .Lclamp
.Lstore:
    cmp codes_a, r12
    str.w quad_a, [output], #4
    bne.w .Lquad
    add sp, #STACK_BYTES
    pop {r4-r11, pc}

.Lclamp:
    ldr.w r11, [sp, #STACK_LOWEST4]
    ssub8 r12, quad_a, r11
    sel quad_a, quad_a, r11
    ldr.w r11, [sp, #STACK_HIGHEST4]
    ssub8 r12, r11, quad_a
    sel quad_a, quad_a, r11
    ldr.w r12, [sp, #STACK_END]
    b.n .Lstore
    end_function micronets_add_by4

#endif
