/* void micronets_conv_c4_im2col(const int8_t *x, const int8_t *y, int32_t pitch, uint32_t *columns, int32_t rows,
 * int32_t count): two windows inside the map to columns, rows of a multiple of four values.
 *
 * It widens the values of two windows to 16 bits and writes them as interleaved columns: of every four values of a
 * row the pairs (0, 2) and (1, 3). The loop over a row takes four times four values a round; it is entered in the
 * middle, so that the first round of a row is the short one.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                     bytes  instructions  cycles
 *   micronets_conv_c4_im2col     32             9      20
 *   .Lrow                         4             2       2
 *   .Lquads                     160            40      44
 *   .Lquads_end                  20             8      17 */

#include "micronets_dsp_assembly.inc"

#if MICRONETS_DSP_ASSEMBLY

x       .req r0
y       .req r1
pitch   .req r2 /* becomes: bytes from the end of a row to the next one */
columns .req r3
rows    .req r4 /* how many are left */
count   .req r5 /* values of a row */
left    .req r6 /* values of this row that are left */
entry   .req r11 /* where the loop is entered */

/* Arguments on the stack, above the nine registers that are pushed. */
#define STACK_ROWS 36

#define QUADS 4
#define QUAD_BYTES 40 /* of code, which `entry` is computed from */

    /* Widens four values of both windows and writes them to both columns. */
    .macro expand_quad
    ldr.w r9, [x], #4
    ldr.w r10, [y], #4
    sxtb16 r7, r9
    sxtb16 r8, r10
    sxtb16 r9, r9, ror #8
    sxtb16 r10, r10, ror #8
    str.w r7, [columns], #16
    str r8, [columns, #-12]
    str r9, [columns, #-8]
    str r10, [columns, #-4]
    .endm

    function micronets_conv_c4_im2col
    push {r4-r11, lr}
    ldrd rows, count, [sp, #STACK_ROWS]
    subs pitch, pitch, count
    /* The first round leaves out -count / 4 mod 4 quads of QUAD_BYTES each; -count & 12 is four times their number. */
    rsbs r6, count, #0
    and r6, r6, #12
    add r6, r6, r6, lsl #2
    adr entry, .Lquads
    add entry, entry, r6, lsl #1
    orr entry, entry, #1 /* Thumb */
.Lrow:
    mov left, count
    bx entry
    .p2align 2
.Lquads:
    .rept QUADS
    expand_quad
    .endr
.Lquads_end:
    .org .Lquads + QUADS * QUAD_BYTES /* an error where four values take more code */
    .org .Lquads_end /* an error where they take less */
    subs left, #4 * QUADS
    bgt.w .Lquads
    add x, pitch
    add y, pitch
    subs rows, #1
    bne.n .Lrow
    pop {r4-r11, pc}
    end_function micronets_conv_c4_im2col

#endif
