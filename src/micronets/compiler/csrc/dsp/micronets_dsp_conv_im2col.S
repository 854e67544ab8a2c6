/* void micronets_conv_im2col(const int8_t *x, int32_t pitch_x, const int8_t *y, int32_t pitch_y, uint32_t *columns,
 *                            int32_t rows, int32_t count): two windows of any size to columns.
 *
 * It widens the values of two windows to 16 bits and writes them as interleaved columns, in the order that
 * micronets_conv_im2col.h describes: first, where a row has an odd number of values, the last values of every two
 * rows; then of each row the pairs (0, 2) and (1, 3) of every four values, and one pair where two or three are left.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                  bytes  instructions  cycles
 *   micronets_conv_im2col     40            13      25
 *   .Lrow                      4             2       2
 *   .Lquad                    40            12      17
 *   .Llast                    28             7       8
 *   .Lnext_row                12             5      14
 *   .Lno_quads                 6             2       2
 *   .Lpair                    34            10      13 */

#include "micronets_dsp_assembly.inc"

#if MICRONETS_DSP_ASSEMBLY

x       .req r0
pitch_x .req r1 /* becomes: bytes from the last values of a row, or from where they would be, to the next row */
y       .req r2
pitch_y .req r3
columns .req r4
rows    .req r5 /* how many are left */
quads   .req r7 /* values of a row that are taken four at a time, a multiple of four */
last    .req r8 /* where the last value of the next row goes; the first of two rows is at a multiple of four bytes */
rest    .req lr /* values of a row after these, 0 .. 3 */

/* Arguments on the stack, above the nine registers that are pushed. */
#define STACK_COLUMNS 36
#define STACK_COUNT 44

    function micronets_conv_im2col
    push {r4-r11, lr}
    ldrd columns, rows, [sp, #STACK_COLUMNS]
    ldr r6, [sp, #STACK_COUNT]
    mov last, columns
    and rest, r6, #3
    sub quads, r6, rest
    lsrs r6, r6, #1 /* carry: the count is odd */
    sub pitch_x, pitch_x, r6, lsl #1
    sub pitch_y, pitch_y, r6, lsl #1
    bcc.n .Lrow
    adds r6, rows, #1
    lsrs r6, r6, #1
    add columns, columns, r6, lsl #3

.Lrow:
    subs r6, quads, #4
    blt.n .Lno_quads
.Lquad:
    ldr.w r11, [x], #4
    ldr.w r12, [y], #4
    sxtb16 r9, r11
    sxtb16 r10, r12
    sxtb16 r11, r11, ror #8
    sxtb16 r12, r12, ror #8
    subs r6, #4
    stm columns!, {r9-r12}
    bge.n .Lquad
    lsls.w r6, rest, #31 /* carry: two or three values are left; negative: one or three */
    bcs.n .Lpair
    bpl.n .Lnext_row
.Llast:
    ldrsb r9, [x]
    ldrsb r10, [y]
    and r6, last, #2
    strh r9, [last]
    strh r10, [last, #4]
    add last, last, #2
    add last, last, r6, lsl #1
.Lnext_row:
    add x, pitch_x
    add y, pitch_y
    subs rows, #1
    bne.n .Lrow
    pop {r4-r11, pc}

.Lno_quads:
    lsls.w r6, rest, #31
    bcc.n .Llast
.Lpair:
    ldrsb r9, [x], #1
    ldrsb r10, [y], #1
    ldrsb r11, [x], #1
    ldrsb r12, [y], #1
    pkhbt r9, r9, r11, lsl #16
    pkhbt r10, r10, r12, lsl #16
    stm columns!, {r9, r10}
    bmi.n .Llast
    b.n .Lnext_row
    end_function micronets_conv_im2col

#endif
