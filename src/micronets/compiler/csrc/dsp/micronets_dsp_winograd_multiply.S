/* void micronets_winograd_multiply(const micronets_winograd_block *block, const uint32_t *v, int8_t *output,
 *                                  int32_t pixels): two tiles of outputs from transformed inputs.
 *
 * For every four filters it makes the products m[0] .. m[5] of two tiles, one k after another, and then the codes of
 * the tiles' eight pixels; micronets_winograd.h has the formulas and the order of the words.
 *
 * A product runs over the pairs of channels and, for each, over three rows. The transformed rows are a ring: which of
 * its slots has the window's first row changes from one output row to the next, and there is a loop for each of the
 * three cases, which differ in where they find the weights. A round of a loop takes two pairs of channels. The last
 * loads of a round move both pointers, which therefore begin below what they point to.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                        bytes  instructions  cycles
 *   micronets_winograd_multiply     68            25      36
 *   .Lchosen                        18             5       5
 *   .Lblock                          8             4       5
 *   .Lproduct                       42            12      14
 *   .Lturn1                        284            88     101
 *   .Lturn2                        280            88     101
 *   .Lturn0                        276            87     100
 *   .Lnext_product                  72            29      66
 *   .Lfilter                       292            82      89
 *   .Lclamped                       54            23      27
 *   .Lnext_tile                     14             7       7
 *   .Lfew_filters                    2             1       1
 *   .Lbyte                          32            14      15
 *   .Lnext_block                    18             8       9
 *   .Lreturn                         8             3      13 */

#include "micronets_dsp_assembly.inc"
#include "micronets_offsets.h"

#if MICRONETS_DSP_ASSEMBLY

inputs  .req r2 /* v, less 8 bytes */
weights .req r3 /* u of the row in the ring's last slot, less BEHIND */
v_a     .req r4 /* two values of the first tile */
v_b     .req r5 /* two values of the second tile */
u_even  .req r6 /* their weights for filter 0, then 2 */
u_odd   .req r7 /* their weights for filter 1, then 3 */

/* m[k] of both tiles (a, b) with each of four filters, in the order in which stm stores them. */
sum_a0 .req r0
sum_a1 .req r1
sum_a2 .req r8
sum_a3 .req r9
sum_b0 .req r10
sum_b1 .req r11
sum_b2 .req r12
sum_b3 .req lr

/* Registers when the products become codes. */
column     .req r0 /* m[0] of a filter and a tile */
zero_point .req r1
m0         .req r2
m1         .req r3
m2         .req r4
m5         .req r5
bias_shift .req r6 /* a filter's bias in the upper 24 bits, and its shift in the low byte; first it is m[3] */
scale      .req r7 /* the filter's multiplier; first it is m[4] */
word_0     .req r8 /* codes of the tile's four pixels, four filters each */
word_1     .req r9
word_2     .req r10
word_3     .req r11
third      .req r12 /* the inverse of 3 */
bias       .req lr  /* 8 times the bias */

/* The stack. */
#define STACK_END 0         /* `inputs` at the end of this product */
#define STACK_ENTRY 4       /* the loop */
#define STACK_PRODUCT 8     /* where the next m[k] goes */
#define STACK_BYTES 12      /* of the transformed inputs of a product */
#define STACK_INPUTS 16     /* `inputs` at the start of a block of filters */
#define STACK_WEIGHTS 20    /* `weights` at the start of the next block */
#define STACK_BIAS 24       /* the next block's biases */
#define STACK_MULTIPLIER 28 /* and multipliers */
#define STACK_BLOCK 32      /* the record */
#define STACK_OUTPUT 36     /* the block's codes of the first pixel */
#define STACK_PIXELS 40
#define STACK_FILTERS 44    /* how many are left */
#define STACK_STOP 48       /* the `column` after the last filter of this tile */
#define STACK_PIXEL 52      /* the codes of the tile's first pixel */
#define STACK_LEFT 56       /* pixels from this tile on */
#define STACK_SUMS 64       /* m, 8 words for each k */
#define ROW 32
#define STACK_SCALES (STACK_SUMS + 6 * ROW) /* biases and multipliers, twice each, as rows like those of m */
#define STACK_ALL (STACK_SCALES + 2 * ROW)

#define BEHIND 40 /* so that the last load of a round, 96 bytes from `weights`, moves it by a round */

    /* Adds the products of two values of both tiles with four filters.
     * values, place: bytes from `inputs` and from `weights` to their words. last: 1 for the last step of a round. */
    .macro step values, place, last
    ldr v_b, [inputs, #\values + 4]
    .if \last
    ldr v_a, [inputs, #\values]!
    .else
    ldr v_a, [inputs, #\values]
    .endif
    ldr u_odd, [weights, #\place + 4]
    ldr u_even, [weights, #\place]
    smlad sum_a0, v_a, u_even, sum_a0
    smlad sum_b0, v_b, u_even, sum_b0
    smlad sum_a1, v_a, u_odd, sum_a1
    smlad sum_b1, v_b, u_odd, sum_b1
    ldr u_odd, [weights, #\place + 12]
    .if \last
    ldr u_even, [weights, #\place + 8]!
    .else
    ldr u_even, [weights, #\place + 8]
    .endif
    smlad sum_a2, v_a, u_even, sum_a2
    smlad sum_b2, v_b, u_even, sum_b2
    smlad sum_a3, v_a, u_odd, sum_a3
    smlad sum_b3, v_b, u_odd, sum_b3
    .endm

    /* The six steps of a round: two pairs of channels, and the ring's slots 0 to 2 for each.
     * first, second, last: bytes from the weights of the window's first row to those of the row in each slot. */
    .macro steps first, second, last
    step 8, BEHIND + \first - \last, 0
    step 16, BEHIND + \second - \last, 0
    step 24, BEHIND, 0
    step 32, BEHIND + 48 + \first - \last, 0
    step 40, BEHIND + 48 + \second - \last, 0
    step 48, BEHIND + 48, 1
    .endm

    /* Turns 24 times a sum into its code and puts it on top of a word of codes. */
    .macro code sum, word
    mla \sum, \sum, third, bias
    asr \sum, \sum, #3
    smmlar \sum, \sum, scale, \sum
    add \sum, \sum, \sum, asr #31
    asrs.w \sum, \sum, bias_shift
    adc.w \sum, \sum, zero_point
    ssat \sum, #8, \sum
    lsr \word, \word, #8
    bfi \word, \sum, #24, #8
    .endm

    /* Clamps four codes to the limits in m0 and m1; m2 is overwritten. */
    .macro clamp4 codes
    ssub8 m2, \codes, m0
    sel \codes, \codes, m0
    ssub8 m2, m1, \codes
    sel \codes, \codes, m1
    .endm

    function micronets_winograd_multiply
    push {r4-r11, lr}
    sub sp, sp, #STACK_ALL
    str r0, [sp, #STACK_BLOCK]
    subs r1, r1, #8
    str r1, [sp, #STACK_INPUTS]
    str r2, [sp, #STACK_OUTPUT]
    str r3, [sp, #STACK_PIXELS]
    ldr r4, [r0, #MICRONETS_WINOGRAD_WEIGHTS]
    ldr r5, [r0, #MICRONETS_WINOGRAD_BIAS]
    ldr r6, [r0, #MICRONETS_WINOGRAD_MULTIPLIER]
    ldr r7, [r0, #MICRONETS_WINOGRAD_FILTERS]
    ldr r8, [r0, #MICRONETS_WINOGRAD_BYTES]
    ldr r9, [r0, #MICRONETS_WINOGRAD_TURN]
    str r5, [sp, #STACK_BIAS]
    str r6, [sp, #STACK_MULTIPLIER]
    str r7, [sp, #STACK_FILTERS]
    str r8, [sp, #STACK_BYTES]
    /* The loop, and which row of the window is in the ring's last slot. */
    adr.w r10, .Lturn0
    movs r5, #2
    cmp r9, #1
    blt.n .Lchosen
    adr.w r10, .Lturn1
    sub r5, r9, #1
    beq.n .Lchosen
    adr.w r10, .Lturn2
.Lchosen:
    orr r10, r10, #1 /* Thumb */
    str r10, [sp, #STACK_ENTRY]
    add r4, r4, r5, lsl #4
    sub r4, r4, #BEHIND
    str r4, [sp, #STACK_WEIGHTS]

    /* The next four filters. */
.Lblock:
    ldr inputs, [sp, #STACK_INPUTS]
    ldr weights, [sp, #STACK_WEIGHTS]
    add u_even, sp, #STACK_SUMS
    str u_even, [sp, #STACK_PRODUCT]

    /* The next k. */
.Lproduct:
    ldr u_even, [sp, #STACK_BYTES]
    mov sum_a0, #0
    mov sum_a1, #0
    mov sum_a2, #0
    mov sum_a3, #0
    mov sum_b0, #0
    mov sum_b1, #0
    mov sum_b2, #0
    mov sum_b3, #0
    add u_even, inputs
    str u_even, [sp, #STACK_END]
    ldr pc, [sp, #STACK_ENTRY]
    .p2align 2
.Lturn1:
    steps 16, 32, 0
    ldr u_even, [sp, #STACK_END]
    cmp inputs, u_even
    bne.w .Lturn1
    b.w .Lnext_product
    .p2align 2
.Lturn2:
    steps 32, 0, 16
    ldr u_even, [sp, #STACK_END]
    cmp inputs, u_even
    bne.w .Lturn2
    b.w .Lnext_product
    .p2align 2
.Lturn0:
    steps 0, 16, 32
    ldr u_even, [sp, #STACK_END]
    cmp inputs, u_even
    bne.w .Lturn0
.Lnext_product:
    ldr u_even, [sp, #STACK_PRODUCT]
    stmia u_even!, {r0, r1, r8-r12, lr}
    str u_even, [sp, #STACK_PRODUCT]
    add u_odd, sp, #STACK_SCALES
    cmp u_even, u_odd
    bne.w .Lproduct

    /* All products are there. The block's biases and multipliers become rows beside them. */
    str weights, [sp, #STACK_WEIGHTS]
    ldr r0, [sp, #STACK_BIAS]
    ldr r1, [sp, #STACK_MULTIPLIER]
    ldm r0!, {r4-r7}
    ldm r1!, {r8-r11}
    str r0, [sp, #STACK_BIAS]
    str r1, [sp, #STACK_MULTIPLIER]
    add r2, sp, #STACK_SCALES
    stm r2!, {r4-r7}
    stm r2!, {r4-r7}
    stm r2!, {r8-r11}
    stm r2!, {r8-r11}
    ldr r3, [sp, #STACK_BLOCK]
    ldr zero_point, [r3, #MICRONETS_WINOGRAD_ZERO_POINT]
    ldr r4, [sp, #STACK_OUTPUT]
    ldr r5, [sp, #STACK_PIXELS]
    add column, sp, #STACK_SUMS
    add r6, sp, #STACK_SUMS + ROW / 2
    str r4, [sp, #STACK_PIXEL]
    str r5, [sp, #STACK_LEFT]
    str r6, [sp, #STACK_STOP]
    movw third, #0xaaab
    movt third, #0xaaaa

    /* The four sums of the next filter and tile: m becomes 24 times them. */
.Lfilter:
    ldr m1, [column, #1 * ROW]
    ldr m2, [column, #2 * ROW]
    ldr r6, [column, #3 * ROW]
    ldr r7, [column, #4 * ROW]
    ldr m0, [column]
    ldr m5, [column, #5 * ROW]
    add m1, m1, m2
    sub m2, m1, m2, lsl #1
    add r6, r6, r7
    sub r7, r6, r7, lsl #1
    add m0, m0, m1
    add m0, m0, r6
    add m1, m1, r6, lsl #2
    add m5, m5, m2
    add m5, m5, r7, lsl #3
    add m2, m2, r7, lsl #1
    ldr bias_shift, [column, #6 * ROW]
    ldr scale, [column, #7 * ROW]
    bic bias, bias_shift, #255
    asr bias, bias, #5
    code m0, word_0
    code m2, word_1
    code m1, word_2
    code m5, word_3
    ldr m0, [sp, #STACK_STOP]
    adds column, #4
    cmp column, m0
    bne.w .Lfilter

    /* A tile has its codes: m0 becomes where they go, m1 the pitch, m2 the pixels and m5 the filters that are left. */
    ldr m2, [sp, #STACK_BLOCK]
    ldr m0, [m2, #MICRONETS_WINOGRAD_SATURATES]
    cbnz m0, .Lclamped
    ldr m0, [m2, #MICRONETS_WINOGRAD_LOWEST4]
    ldr m1, [m2, #MICRONETS_WINOGRAD_HIGHEST4]
    clamp4 word_0
    clamp4 word_1
    clamp4 word_2
    clamp4 word_3
    ldr m2, [sp, #STACK_BLOCK]
.Lclamped:
    ldr m1, [m2, #MICRONETS_WINOGRAD_PITCH]
    ldr m0, [sp, #STACK_PIXEL]
    ldr m2, [sp, #STACK_LEFT]
    ldr m5, [sp, #STACK_FILTERS]
    movs r6, #4
    cmp m5, #4
    blt.n .Lfew_filters
    str word_0, [m0]
    subs m2, #1
    ble.n .Lnext_block
    add m0, m1
    str word_1, [m0]
    subs m2, #1
    ble.n .Lnext_block
    add m0, m1
    str word_2, [m0]
    subs m2, #1
    ble.n .Lnext_block
    add m0, m1
    str word_3, [m0]
    subs m2, #1
    ble.n .Lnext_block
    add m0, m1

    /* Goes on with the other tile, if this was the first one. */
.Lnext_tile:
    add r7, sp, #STACK_SUMS + ROW
    cmp column, r7
    beq.n .Lnext_block
    str r7, [sp, #STACK_STOP]
    str m0, [sp, #STACK_PIXEL]
    str m2, [sp, #STACK_LEFT]
    b.n .Lfilter

    /* Stores the codes of the last one to three filters, byte by byte; r6 counts pixels. */
.Lfew_filters:
    movs r7, #0
.Lbyte:
    strb word_0, [m0, r7]
    lsr word_0, word_0, #8
    adds r7, #1
    cmp r7, m5
    bne.n .Lbyte
    mov word_0, word_1
    mov word_1, word_2
    mov word_2, word_3
    add m0, m1
    subs m2, #1
    ble.n .Lnext_block
    subs r6, #1
    bne.n .Lfew_filters
    b.n .Lnext_tile

    /* Goes on with the next four filters, if there are any. */
.Lnext_block:
    ldr r0, [sp, #STACK_FILTERS]
    ldr r1, [sp, #STACK_OUTPUT]
    subs r0, #4
    ble.n .Lreturn
    adds r1, #4
    str r0, [sp, #STACK_FILTERS]
    str r1, [sp, #STACK_OUTPUT]
    b.w .Lblock
.Lreturn:
    add sp, sp, #STACK_ALL
    pop {r4-r11, pc}
    end_function micronets_winograd_multiply

#endif
