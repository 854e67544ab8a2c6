/* void micronets_im2col_multiply(const micronets_im2col_block *block, int8_t *output, int32_t pitch): the matrix
 * product of the convolutions.
 *
 * It multiplies the columns of two output pixels with four filters at a time and writes their codes;
 * micronets_im2col_multiply.h describes the columns, the weights and the record `block`. Where the record has an
 * input, it first turns that into columns, two pixels after two pixels.
 *
 * A word of the weights belongs to two filters f and g and two values: its halves are f + 256 * g. One smlad with the
 * word as it is gives the sum of f + 256 * g, another with the sign-extended low bytes that of f; their difference,
 * shifted by eight bits, is the sum of g.
 *
 * The loop over pairs of values has eight steps of 52 bytes. More would be faster without wait states, but a block
 * of filters would then need more than the 1 KB of code that the instruction caches of STM32F4 and L4 hold. The first
 * pair of values is outside the loop, all others are the loop's last ones: it is entered in the middle, at an address
 * that micronets_im2col_prepare computes from MICRONETS_IM2COL_STEPS and MICRONETS_IM2COL_STEP_BYTES.
 */
/* Cycles on a Cortex-M4 without wait states, from label to label; a branch counts as not taken, and takes
 * 3 cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
 *   label                      bytes  instructions  cycles
 *   micronets_im2col_multiply     24             8      41
 *   .Lpixels                      18             9      10
 *   .Lone_pixel                   14             5       5
 *   .Lexpand                      40            10      11
 *   .Lodd_quad                    48            14      16
 *   .Lblock                       56            15      17
 *   .Lstep                       416           112     120
 *   .Lstep_end                   268            71      76
 *   .Lstore                       34            14      16
 *   .Lfew_filters                  2             1       1
 *   .Lstore_byte                  20             6       7
 *   .Lnext_pixels                 30            15      18
 *   .Lreturn                       6             2      12
 *   .Lnot_relu                   296            77      82 */

#include "micronets_dsp_assembly.inc"
#include "micronets_loops.h"
#include "micronets_offsets.h"

#if MICRONETS_DSP_ASSEMBLY

columns .req r2 /* the pairs of both pixels, interleaved */
weights .req r3
pair_a  .req r4 /* two values of the first pixel */
pair_b  .req r5 /* two values of the second pixel */
w01     .req r6 /* their weights for filters 0 and 1 */
w23     .req r7 /* their weights for filters 2 and 3 */

/* Sums of the first pixel (a) and the second (b) with each of four filters. Those of filters 1 and 3 hold the sums of
 * whole words until a block of filters is complete. */
sum_a0 .req r8
sum_a1 .req r9
sum_a2 .req r10
sum_a3 .req r11
sum_b0 .req r12
sum_b1 .req lr
sum_b2 .req r0
sum_b3 .req r1

/* Registers when the sums become codes. */
bias        .req r2
zero_point  .req r6
multiplier  .req r7
bias_shift  .req r4 /* a filter's bias in the upper 24 bits, and its shift in the low byte, which shifts read */
scale       .req r5 /* the filter's multiplier */

/* The stack. Every register is in use, so the record is copied there from its second field on; the first slot is the
 * record's address. Slots move on with the work: the biases, the multipliers, the filters and the pairs of pixels
 * that are left, the input, the output. The slot of `skipped` becomes the address at which the loop is entered. */
#define STACK_BLOCK 0
#define STACK_END MICRONETS_IM2COL_END
#define STACK_BIAS MICRONETS_IM2COL_BIAS
#define STACK_MULTIPLIER MICRONETS_IM2COL_MULTIPLIER
#define STACK_FILTERS MICRONETS_IM2COL_FILTERS
#define STACK_ENTRY MICRONETS_IM2COL_SKIPPED
#define STACK_COLUMNS MICRONETS_IM2COL_COLUMNS
#define STACK_ZERO_POINT MICRONETS_IM2COL_ZERO_POINT
#define STACK_CLAMP MICRONETS_IM2COL_CLAMP
#define STACK_PAIRS MICRONETS_IM2COL_PAIRS
#define STACK_INPUT MICRONETS_IM2COL_INPUT
#define STACK_OUTPUT (MICRONETS_IM2COL_INPUT + 4)
#define STACK_PITCH (MICRONETS_IM2COL_INPUT + 8)
#define STACK_BYTES (MICRONETS_IM2COL_INPUT + 12)

    /* Loads the next pair of each pixel and its weights: both words of SRAM, then both of flash, so that a bus which
     * does not overlap accesses to the two waits once and not three times. */
    .macro load_pairs
    ldr.n pair_b, [columns, #4]
    ldr.w pair_a, [columns], #8
    ldr.n w23, [weights, #4]
    ldr.w w01, [weights], #8
    .endm

    /* Adds the products of the next pair of values of both pixels with four filters. */
    .macro step
    load_pairs
    smlad sum_a1, pair_a, w01, sum_a1
    smlad sum_b1, pair_b, w01, sum_b1
    sxtb16 w01, w01
    smlad sum_a3, pair_a, w23, sum_a3
    smlad sum_b3, pair_b, w23, sum_b3
    sxtb16 w23, w23
    smlad sum_a0, pair_a, w01, sum_a0
    smlad sum_b0, pair_b, w01, sum_b0
    smlad sum_a2, pair_a, w23, sum_a2
    smlad sum_b2, pair_b, w23, sum_b2
    .endm

    /* Turns four values of two pixels, at r0 and r1, into two pairs of each. */
    .macro expand
    ldr.w r5, [r0], #4
    ldr.w r6, [r1], #4
    sxtb16 r7, r5
    sxtb16 r9, r6
    sxtb16 r5, r5, ror #8
    sxtb16 r6, r6, ror #8
    str.w r7, [columns], #16
    str r9, [columns, #-12]
    str r5, [columns, #-8]
    str r6, [columns, #-4]
    .endm

    /* Loads a filter's bias, shift and multiplier. */
    .macro load_scale word, factor
    ldr \word, [bias], #4
    ldr \factor, [multiplier], #4
    .endm

    /* Adds the bias and multiplies: the upper half of the product, rounded to nearest. */
    .macro multiply sum, word, factor
    add \sum, \sum, \word, asr #8
    smmlar \sum, \sum, \factor, \sum
    .endm

    /* Makes a negative value less by one, so that the shift that follows rounds halves away from zero. */
    .macro round_negative value
    add \value, \value, \value, asr #31
    .endm

    /* Shifts to the right, adds the last bit that is shifted out and the zero point, and saturates to a code. */
    .macro to_code value, word
    asrs.w \value, \value, \word
    adc.w \value, \value, zero_point
    ssat \value, #8, \value
    .endm

    /* Turns a filter's sums of both pixels into codes. relu: 1 where the zero point is -128, so that no negative
     * value leaves the clamp, however it is rounded. */
    .macro codes sum_a, sum_b, word, factor, relu
    multiply \sum_a, \word, \factor
    multiply \sum_b, \word, \factor
    .if !\relu
    round_negative \sum_a
    round_negative \sum_b
    .endif
    to_code \sum_a, \word
    to_code \sum_b, \word
    .endm

    /* Turns all eight sums into codes, four in sum_a0 and four in sum_b0. Packing two filters' codes makes room for
     * the next two filters' scales. */
    .macro all_codes relu
    load_scale bias_shift, scale
    codes sum_a0, sum_b0, bias_shift, scale, \relu
    load_scale bias_shift, scale
    codes sum_a1, sum_b1, bias_shift, scale, \relu
    bfi sum_a0, sum_a1, #8, #8
    bfi sum_b0, sum_b1, #8, #8
    load_scale bias_shift, scale
    load_scale sum_a1, sum_b1
    codes sum_a2, sum_b2, bias_shift, scale, \relu
    codes sum_a3, sum_b3, sum_a1, sum_b1, \relu
    bfi sum_a0, sum_a2, #16, #8
    bfi sum_b0, sum_b2, #16, #8
    bfi sum_a0, sum_a3, #24, #8
    bfi sum_b0, sum_b3, #24, #8
    .endm

    /* Clamps four codes to the limits in r4 and r5; r9 is lost. */
    .macro clamp4 codes
    ssub8 r9, \codes, r4
    sel \codes, \codes, r4
    ssub8 r9, r5, \codes
    sel \codes, \codes, r5
    .endm

    function micronets_im2col_multiply
    push {r1, r2, r4-r11, lr}
    /* The record from its first field on: r3 is `weights`, r8 `skipped`, r9 `columns`, r12 `pairs`. */
    ldm r0, {r3-r12, lr}
    adr r1, .Lstep
    add r8, r1
    push {r0, r4-r12, lr}
    mov columns, r9
    cmp r12, #0
    beq.n .Lblock

    /* The next two pixels: r0 and r1 are their values, r4 the end of their columns. A pitch of 0 is for one
     * pixel alone. */
.Lpixels:
    ldr r0, [sp, #STACK_INPUT]
    ldr r5, [sp, #STACK_PITCH]
    ldr columns, [sp, #STACK_COLUMNS]
    ldr r4, [sp, #STACK_END]
    subs r6, r4, columns
    lsrs r6, r6, #2
    movs r1, r0
    cbz r5, .Lone_pixel
    add r1, r6
.Lone_pixel:
    add r7, r1, r6
    str r7, [sp, #STACK_INPUT]
    tst r6, #4
    bne.n .Lodd_quad
    .p2align 2
.Lexpand:
    expand
.Lodd_quad:
    expand
    cmp columns, r4
    bne.n .Lexpand
    ldr columns, [sp, #STACK_COLUMNS]

    /* The next four filters: the first pair of values, then the rest in the loop. */
    .p2align 2
.Lblock:
    load_pairs
    smuad sum_a1, pair_a, w01
    smuad sum_b1, pair_b, w01
    sxtb16 w01, w01
    smuad sum_a3, pair_a, w23
    smuad sum_b3, pair_b, w23
    sxtb16 w23, w23
    smuad sum_a0, pair_a, w01
    smuad sum_b0, pair_b, w01
    smuad sum_a2, pair_a, w23
    smuad sum_b2, pair_b, w23
    ldr pc, [sp, #STACK_ENTRY]
    .p2align 2
.Lstep:
    .rept MICRONETS_IM2COL_STEPS
    step
    .endr
.Lstep_end:
    .org .Lstep + MICRONETS_IM2COL_STEPS * MICRONETS_IM2COL_STEP_BYTES /* an error where a step has more bytes */
    .org .Lstep_end /* an error where a step has less */
    ldr.n r4, [sp, #STACK_END]
    cmp columns, r4
    bne.w .Lstep

    ldr bias, [sp, #STACK_BIAS]
    ldr multiplier, [sp, #STACK_MULTIPLIER]
    ldr zero_point, [sp, #STACK_ZERO_POINT]
    ldr r4, [sp, #STACK_CLAMP]
    sub sum_a1, sum_a1, sum_a0
    sub sum_b1, sum_b1, sum_b0
    sub sum_a3, sum_a3, sum_a2
    subs sum_b3, sum_b3, sum_b2
    asr.w sum_a1, sum_a1, #8
    asr.w sum_b1, sum_b1, #8
    asr.w sum_a3, sum_a3, #8
    asr.w sum_b3, sum_b3, #8
    cmp r4, #0
    ble.w .Lnot_relu
    all_codes 1

    /* Stores four codes of each pixel. */
.Lstore:
    str bias, [sp, #STACK_BIAS]
    str multiplier, [sp, #STACK_MULTIPLIER]
    ldr r6, [sp, #STACK_FILTERS]
    ldr r5, [sp, #STACK_PITCH]
    ldr r4, [sp, #STACK_OUTPUT]
    ldr columns, [sp, #STACK_COLUMNS]
    subs r6, #4
    blt.n .Lfew_filters
    str sum_b0, [r4, r5]
    str sum_a0, [r4], #4
    str r4, [sp, #STACK_OUTPUT]
    str r6, [sp, #STACK_FILTERS]
    bne.w .Lblock
    b.n .Lnext_pixels

    /* Stores the codes of the last one to three filters, byte by byte. */
.Lfew_filters:
    adds r6, #4
.Lstore_byte:
    strb sum_b0, [r4, r5]
    strb sum_a0, [r4], #1
    lsr.w sum_b0, sum_b0, #8
    lsr.w sum_a0, sum_a0, #8
    subs r6, #1
    bne.n .Lstore_byte

    /* All filters are done: goes on with the next two pixels, if there are any. */
.Lnext_pixels:
    ldr r6, [sp, #STACK_PAIRS]
    subs r6, #1
    ble.n .Lreturn
    str r6, [sp, #STACK_PAIRS]
    add r4, r5
    str r4, [sp, #STACK_OUTPUT]
    ldr r0, [sp, #STACK_BLOCK]
    ldr weights, [r0, #MICRONETS_IM2COL_WEIGHTS]
    ldr r4, [r0, #MICRONETS_IM2COL_BIAS]
    ldr r5, [r0, #MICRONETS_IM2COL_MULTIPLIER]
    ldr r6, [r0, #MICRONETS_IM2COL_FILTERS]
    str r4, [sp, #STACK_BIAS]
    str r5, [sp, #STACK_MULTIPLIER]
    str r6, [sp, #STACK_FILTERS]
    b.n .Lpixels
.Lreturn:
    add sp, #STACK_BYTES
    pop {r4-r11, pc}

    /* Turns sums into codes where negative values are among them, and clamps them where saturation does not do it. */
.Lnot_relu:
    all_codes 0
    ldr r0, [sp, #STACK_BLOCK]
    ldr r4, [sp, #STACK_CLAMP]
    cmp r4, #0
    blt.w .Lstore
    ldr r4, [r0, #MICRONETS_IM2COL_LOWEST4]
    ldr r5, [r0, #MICRONETS_IM2COL_HIGHEST4]
    clamp4 sum_a0
    clamp4 sum_b0
    b.n .Lstore
    end_function micronets_im2col_multiply

#endif
