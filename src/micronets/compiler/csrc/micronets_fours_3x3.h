/* Four channels at a time, 3 x 3 windows. NAME: of the kernel; RELU: defined where the output's zero point is -128, so that
 * nothing is negative and no half is rounded the other way. Included once in a file. */
#include "micronets_fours.h"

#ifdef MICRONETS_FOURS

/* Two neighbours of a line together: they share the weights and some of the values. Strides along the line: 1 or 2.
 *
 * r0: values; r1, r2: weights of channels 0 and 2, 1 and 3; r3, r4: a value likewise; r5: the next value; r6 to r9 and r10,
 * r11, r12, lr: sums of the two outputs. On the stack: the weights, widened to 16 bits, then the micronets_four (72), the
 * bytes of a line of values (76) and the code that makes the sums (80). The second output of the last pair may be none: it is
 * computed, but not written. */

#define ADD_0 "smlabb r6, r3, r1, r6\n\tsmlatt r8, r3, r1, r8\n\tsmlabb r7, r4, r2, r7\n\tsmlatt r9, r4, r2, r9\n\t"
#define ADD_1 \
    "smlabb r10, r3, r1, r10\n\tsmlatt r12, r3, r1, r12\n\tsmlabb r11, r4, r2, r11\n\tsmlatt lr, r4, r2, lr\n\t"
#define SET_0 "smulbb r6, r3, r1\n\tsmultt r8, r3, r1\n\tsmulbb r7, r4, r2\n\tsmultt r9, r4, r2\n\t"
#define SET_1 "smulbb r10, r3, r1\n\tsmultt r12, r3, r1\n\tsmulbb r11, r4, r2\n\tsmultt lr, r4, r2\n\t"
#define VALUE(FROM) "sxtb16 r4, " FROM ", ror #8\n\tsxtb16 r3, " FROM "\n\t"
#define WEIGHTS(W) "ldr r1, [sp, #" W "]\n\tldr r2, [sp, #" W " + 4]\n\t"

/* What a line of the kernel begins with: its first weights in r1 and r2, the first value in r3, the next one in r5. */
#define FIRST(NEXT) WEIGHTS("0") "ldr r3, [r0]\n\tldr r5, [r0, #" NEXT "]\n\t" VALUE("r3")
#define BELOW(W, NEXT)                                                                  \
    "ldr r5, [sp, #76]\n\t" WEIGHTS(W) "ldr r3, [r0, r5]\n\tadd r0, r5\n\t" VALUE("r3") \
    "ldr r5, [r0, #" NEXT "]\n\t"

#ifdef RELU
#define NEGATIVE(A, B)
#else
#define NEGATIVE(A, B) "add.w " A ", " A ", " A ", asr #31\n\tadd.w " B ", " B ", " B ", asr #31\n\t"
#endif

/* Of both outputs, a channel's sums to codes; r0: micronets_four, r3: zero point. */
#define CODES(A, B, FROM)                                                                                        \
    "ldr r1, [r0, #" FROM "]\n\tldr r2, [r0, #" FROM " + 4]\n\t"                                                 \
    "add.w " A ", " A ", r1, asr #8\n\tadd.w " B ", " B ", r1, asr #8\n\t"                                       \
    "smmlar " A ", " A ", r2, " A "\n\tsmmlar " B ", " B ", r2, " B "\n\t"                                       \
    NEGATIVE(A, B)                                                                                               \
    "asrs.w " A ", " A ", r1\n\tadc.w " A ", " A ", r3\n\tasrs.w " B ", " B ", r1\n\tadc.w " B ", " B ", r3\n\t" \
    "ssat " A ", #8, " A "\n\tssat " B ", #8, " B "\n\t"

/* Values 0, 1, 2, 3 of a line; the outputs' windows begin at 0 and 1. */
#define REST_1(W)                                                    \
    WEIGHTS(W " + 8") "ldr r5, [r0, #8]\n\t" ADD_0 VALUE("r5") ADD_1 \
    WEIGHTS(W " + 16") "ldr r5, [r0, #12]\n\t" ADD_0 VALUE("r5") ADD_1
#define WINDOWS_1                                         \
    FIRST("4") SET_0 VALUE("r5") SET_1 REST_1("0")        \
    BELOW("24", "4") ADD_0 VALUE("r5") ADD_1 REST_1("24") \
    BELOW("48", "4") ADD_0 VALUE("r5") ADD_1 REST_1("48")

/* Values 0 to 4; the windows begin at 0 and 2. Value 2 is in both: the last weights go before the middle ones. */
#define REST_2(W)                                                      \
    WEIGHTS(W " + 16") "ldr r5, [r0, #16]\n\t" ADD_0 VALUE("r5") ADD_1 \
    WEIGHTS(W " + 8") "ldr r3, [r0, #4]\n\tldr r5, [r0, #12]\n\t"      \
    VALUE("r3") ADD_0 VALUE("r5") ADD_1
#define WINDOWS_2                                         \
    FIRST("8") SET_0 VALUE("r5") SET_1 REST_2("0")        \
    BELOW("24", "8") ADD_0 VALUE("r5") ADD_1 REST_2("24") \
    BELOW("48", "8") ADD_0 VALUE("r5") ADD_1 REST_2("48")

#define WIDEN                                                                                                        \
    "ldr r1, [r0, #48]\n\tmov r2, sp\n\tmovs r3, #3\n\t"                                                             \
    ".p2align 2\n8:\n\tldm r1!, {r4, r6, r8}\n\tsxtb16 r5, r4, ror #8\n\tsxtb16 r4, r4\n\tsxtb16 r7, r6, ror #8\n\t" \
    "sxtb16 r6, r6\n\tsxtb16 r9, r8, ror #8\n\tsxtb16 r8, r8\n\tstm r2!, {r4-r9}\n\tsubs r3, #1\n\tbne.n 8b\n\t"

__attribute__((naked)) void NAME(struct micronets_four *n __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r11, lr}\n\tsub sp, #84\n\t" WIDEN "adr.w r1, 1f\n\tadr.w r2, 10f\n\tldr r3, [r0, #52]\n\tcmp r3, #4\n\t"
        "it ne\n\tmovne r1, r2\n\torr r1, r1, #1\n\tldr r2, [r0, #84]\n\tadds r2, #12\n\t"
        "str r0, [sp, #72]\n\tstr r2, [sp, #76]\n\tstr r1, [sp, #80]\n\t"
        /* a line */
        ".p2align 2\n9:\n\tldr r1, [r0, #60]\n\tldr r2, [r0, #92]\n\tldr r4, [r0, #108]\n\tldr r5, [r0, #64]\n\t"
        "ldr r3, [sp, #80]\n\tadds r1, r1, r2\n\tstr r1, [r0, #116]\n\tstr r4, [r0, #112]\n\tstr r5, [r0, #120]\n\t"
        "mov r0, r5\n\tbx r3\n\t"
        /* a pair */
        ".p2align 2\n1:\n\t" WINDOWS_1 "11:\n\tldr r0, [sp, #72]\n\tldr r3, [r0, #32]\n\t" CODES("r6", "r10", "0")
        CODES("r7", "r11", "8") CODES("r8", "r12", "16") CODES("r9", "lr", "24")
        "bfi r6, r7, #8, #8\n\tbfi r6, r8, #16, #8\n\tbfi r6, r9, #24, #8\n\t"
        "bfi r10, r11, #8, #8\n\tbfi r10, r12, #16, #8\n\tbfi r10, lr, #24, #8\n\t"
        "ldr r1, [r0, #116]\n\tldr r2, [r0, #56]\n\tldr r3, [r0, #36]\n\tldr r4, [r0, #112]\n\tldr r5, [r0, #120]\n\t"
        "ldr r7, [r0, #52]\n\tldr.w lr, [sp, #80]\n\tcbnz r3, 5f\n\tstr r6, [r1]\n"
        "2:\tsubs r4, #2\n\tblt.n 4f\n\tstr.w r10, [r1, r2]\n"
        "3:\tadd.w r1, r1, r2, lsl #1\n\tadd.w r5, r5, r7, lsl #1\n\tstr r1, [r0, #116]\n\tstr r4, [r0, #112]\n\t"
        "str r5, [r0, #120]\n\tmov r0, r5\n\tit ne\n\tbxne lr\n\tldr r0, [sp, #72]\n"
        /* the next line */
        "4:\tldr r1, [r0, #60]\n\tldr r2, [r0, #72]\n\tldr r3, [r0, #64]\n\tldr r4, [r0, #68]\n\tldr r5, [r0, #80]\n\t"
        "adds r1, r1, r2\n\tadds r3, r3, r4\n\tstr r1, [r0, #60]\n\tstr r3, [r0, #64]\n\tsubs r5, #1\n\t"
        "str r5, [r0, #80]\n\tbne.w 9b\n\tadd sp, #84\n\tpop {r4-r11, pc}\n"
        /* clamped, or less than four channels */
        "5:\tldr.w r8, [r0, #40]\n\tldr.w r11, [r0, #44]\n\tssub8 r9, r6, r8\n\tsel r6, r6, r8\n\tssub8 r9, r11, r6\n\t"
        "sel r6, r6, r11\n\tssub8 r9, r10, r8\n\tsel r10, r10, r8\n\tssub8 r9, r11, r10\n\tsel r10, r10, r11\n\t"
        "cmp r3, #4\n\titt eq\n\tstreq r6, [r1]\n\tbeq.n 2b\n\tmov r9, r1\n"
        "6:\tstrb r6, [r9], #1\n\tlsrs r6, r6, #8\n\tsubs r3, #1\n\tbne.n 6b\n\tldr r3, [r0, #36]\n\tadd.w r9, r1, r2\n\t"
        "subs r4, #2\n\tblt.n 4b\n"
        "7:\tstrb r10, [r9], #1\n\tlsr.w r10, r10, #8\n\tsubs r3, #1\n\tbne.n 7b\n\tcmp r4, #0\n\tb.n 3b\n\t"
        ".p2align 2\n10:\n\t" WINDOWS_2 "b.w 11b\n");
}

#else

void NAME(struct micronets_four *n)
{
    micronets_four_lines(n);
}

#endif
