/* void micronets_winograd_transform(const int8_t *x, int32_t channels, uint32_t *v): the six inputs of a row under a
 * tile, transformed.
 *
 * It computes v = B d for two channels at a time, in the halves of words; micronets_winograd.h has B and the order of
 * the words. No half overflows, as |v| <= 1280.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                         bytes  instructions  cycles
 *   micronets_winograd_transform     28             8      17
 *   .Lquad                          328            85     104 */

#include "micronets_dsp_assembly.inc"

#if MICRONETS_DSP_ASSEMBLY

x       .req r0  /* the first pixel */
pitch   .req r1  /* bytes from a pixel to the next: the channels */
v       .req r2  /* where v[0] goes */
end     .req r3  /* where the first pixel ends */
stride  .req r4  /* bytes from v[k] to v[k + 1] */
in0     .req r5
in1     .req r6
in2     .req r7
in3     .req r8
in4     .req r9
in5     .req r10
fourth  .req r11 /* the fourth pixel */
half    .req r12 /* where v[3] goes, the second half */
t       .req lr

    /* Transforms two of four channels. rotation: 0 for the channels 0 and 2, 8 for 1 and 3. */
    .macro transform rotation
    ldr in0, [x]
    ldr in1, [x, pitch]
    ldr in2, [x, pitch, lsl #1]
    ldr in3, [fourth]
    ldr in4, [fourth, pitch]
    ldr in5, [fourth, pitch, lsl #1]
    .if \rotation
    sxtb16 in0, in0, ror #8
    sxtb16 in1, in1, ror #8
    sxtb16 in2, in2, ror #8
    sxtb16 in3, in3, ror #8
    sxtb16 in4, in4, ror #8
    sxtb16 in5, in5, ror #8
    .else
    sxtb16 in0, in0
    sxtb16 in1, in1
    sxtb16 in2, in2
    sxtb16 in3, in3
    sxtb16 in4, in4
    sxtb16 in5, in5
    .endif
    ssub16 t, in0, in2
    sadd16 t, t, t
    sadd16 t, t, t
    ssub16 in0, in4, in2
    sadd16 t, t, in0
    str t, [v] /* 4 (d0 - d2) + (d4 - d2) */
    ssub16 t, in3, in1
    sadd16 t, t, t
    ssub16 in5, in5, in3
    ssub16 in5, in5, t
    ssub16 in5, in5, t
    str in5, [half, stride, lsl #1] /* (d5 - d3) - 4 (d3 - d1) */
    sadd16 in5, in0, t
    ssub16 in0, in0, t
    str in5, [half] /* (d4 - d2) + 2 (d3 - d1) */
    str in0, [half, stride] /* (d4 - d2) - 2 (d3 - d1) */
    sadd16 in2, in2, in2
    sadd16 in2, in2, in2
    ssub16 in4, in4, in2
    sadd16 in1, in1, in1
    sadd16 in1, in1, in1
    ssub16 in3, in3, in1
    sadd16 in5, in4, in3
    ssub16 in4, in4, in3
    str in5, [v, stride] /* (d4 - 4 d2) + (d3 - 4 d1) */
    str in4, [v, stride, lsl #1] /* (d4 - 4 d2) - (d3 - 4 d1) */
    add v, v, #24
    add half, half, #24
    .endm

    function micronets_winograd_transform
    push {r4-r11, lr}
    add end, x, pitch
    add fourth, end, pitch, lsl #1
    add stride, pitch, pitch, lsl #1
    lsls stride, stride, #2
    add half, v, stride
    add half, half, stride, lsl #1
    .p2align 2
.Lquad:
    transform 0
    transform 8
    adds x, #4
    add fourth, fourth, #4
    cmp x, end
    bne.w .Lquad
    pop {r4-r11, pc}
    end_function micronets_winograd_transform

#endif
