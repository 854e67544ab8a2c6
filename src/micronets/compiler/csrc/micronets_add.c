#include "micronets_requantize.h"

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)

#define MICRONETS_FOURS

/* Constants in the order in which they are loaded. */
typedef struct {
    const int8_t *a, *b;
    int8_t *output;
    int32_t offset_a, offset_b; /* -(zero point), shifted as the codes will be */
    int32_t multiplier_b, shift_b;
    int32_t multiplier, shift, zero_point; /* of the sum; twice the multiplier, as a negative number */
    int32_t narrow;                        /* whether there is more to clamp than 8 bits do */
    const int8_t *end;                     /* of a */
    uint32_t lowest4, highest4;
} constants;

/* r0 a, r1 b, r2 output, r3 offset_a, r4 offset_b, r5 multiplier_b, r6 shift_b, r7 multiplier, r8 shift, r9 zero point;
 * r10 four codes of a, which become those of the output one by one, r11 of b; r12, lr: a value.
 * Both roundings are halves away from zero: a negative number is less by one, the last bit shifted out is the carry. Where b
 * is halved, the shift is by 0 and leaves the carry of the addition in front, which takes that one back. */
#define CODE(ROTATION, BIT)                                                                              \
    "sxtb.w lr, r11" ROTATION "\n\tadd.w lr, r4, lr, lsl #21\n\tsmmulr r12, lr, r5\n\t"                  \
    "adds.w r12, r12, lr, asr #31\n\tsxtb.w lr, r10" ROTATION "\n\tadd.w lr, r3, lr, lsl #19\n\t"        \
    "asrs.w r12, r12, r6\n\tadc.w lr, lr, r12\n\t"                                                       \
    "smmlar lr, lr, r7, lr\n\tadd.w lr, lr, lr, asr #31\n\tasrs.w lr, lr, r8\n\tadc.w lr, lr, r9\n\t" \
    "ssat lr, #8, lr\n\tbfi r10, lr, #" BIT ", #8\n\t"

/* A multiple of four values, at least four. */
__attribute__((naked, noinline)) static void fours(const constants *n __attribute__((unused)))
{
    __asm__ volatile("push {r4-r11, lr}\n\tsub sp, #20\n\t"
                     "ldr.w r12, [r0, #40]\n\tldr.w lr, [r0, #44]\n\tldr.w r10, [r0, #48]\n\tldr.w r11, [r0, #52]\n\t"
                     "strd r12, lr, [sp]\n\tstrd r10, r11, [sp, #8]\n\tldm.w r0, {r0-r9}\n\t"
                     ".p2align 2\n1:\n\t"
                     "ldr.w r10, [r0], #4\n\tldr.w r11, [r1], #4\n\t"
                     CODE("", "0") CODE(", ror #8", "8") CODE(", ror #16", "16") CODE(", ror #24", "24")
                     "ldr.w r11, [sp]\n\tldr.w r12, [sp, #4]\n\tcmp.w r11, #0\n\tbne.n 3f\n"
                     "2:\n\tcmp r0, r12\n\tstr.w r10, [r2], #4\n\tbne.w 1b\n\t"
                     "add sp, #20\n\tpop {r4-r11, pc}\n"
                     "3:\n\tldr.w r11, [sp, #8]\n\tssub8 r12, r10, r11\n\tsel r10, r10, r11\n\tldr.w r11, [sp, #12]\n\t"
                     "ssub8 r12, r11, r10\n\tsel r10, r10, r11\n\tldr.w r12, [sp, #4]\n\tb.n 2b\n");
}

/* Of what is exactly half of its grid: (code - zero point) << 20 becomes << 19. */
static int32_t halved(const micronets_operand *operand)
{
    return operand->multiplier == 1 << 30 && operand->shift == 0;
}

/* The first values, as many fours as there are, where one operand is halved. Returns how many. */
static int32_t quick(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_addition *n)
{
    const int32_t swapped = !halved(&n->a);
    const micronets_operand *const x = swapped ? &n->b : &n->a, *const y = swapped ? &n->a : &n->b;
    const int32_t lowest = n->lowest + n->sum.zero_point, highest = n->highest + n->sum.zero_point;
    count &= ~3;
    if (count == 0 || !halved(x) || y->multiplier == 0 || y->shift > 0 || n->sum.shift >= 0) {
        return 0;
    }
    const constants all = {
        .a = swapped ? b : a,
        .b = swapped ? a : b,
        .output = output,
        .offset_a = -x->zero_point * (1 << 19),
        .offset_b = -y->zero_point * (1 << 21),
        .multiplier_b = y->multiplier,
        .shift_b = -y->shift,
        .multiplier = (int32_t)((uint32_t)n->sum.multiplier << 1),
        .shift = -n->sum.shift,
        .zero_point = n->sum.zero_point,
        .narrow = lowest > -128 || highest < 127,
        .end = (swapped ? b : a) + count,
        .lowest4 = ((uint32_t)lowest & 255u) * 0x01010101u,
        .highest4 = ((uint32_t)highest & 255u) * 0x01010101u,
    };
    fours(&all);
    return count;
}

#endif

/* One operand as the common grid has it, or a sum as the output has it. */
static int32_t scaled(int32_t value, const micronets_operand *operand)
{
    return micronets_multiply(value, operand->multiplier, operand->shift);
}

MICRONETS_SMALL
void micronets_add(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_addition *n)
{
    int32_t i = 0;
#ifdef MICRONETS_FOURS
    i = quick(a, b, output, count, n);
#endif
    for (; i < count; i++) {
        const int32_t x = scaled((a[i] - n->a.zero_point) * (1 << 20), &n->a);
        const int32_t y = scaled((b[i] - n->b.zero_point) * (1 << 20), &n->b);
        output[i] = (int8_t)(micronets_clamp(scaled(x + y, &n->sum), n->lowest, n->highest) + n->sum.zero_point);
    }
}
