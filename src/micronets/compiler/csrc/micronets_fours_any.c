#include "micronets_fours.h"

#ifdef MICRONETS_FOURS

/* Taps of a line of the kernel are the last ones of rounds of four: the loop is entered in the middle. r10: end of their
 * weights. */
#define TAP MICRONETS_TAP("ldr.w r2, [r0], #4\n\t")

__attribute__((naked)) void micronets_fours_any(struct micronets_four *n __attribute__((unused)))
{
    __asm__ volatile(MICRONETS_LINES(
        "adr.w r1, 8f\n\tldr.w r2, [lr, #100]\n\tadd r1, r2\n\torr r1, r1, #1\n\tstr.w r1, [lr, #104]\n\t",
        "ldr.w r1, [lr, #48]\n\tmov r0, r11\n\tmovs r6, #0\n\tmovs r7, #0\n\tmov.w r8, #0\n\tmov.w r9, #0\n"
        "7:\n\tldr.w r2, [lr, #88]\n\tldr.w r3, [lr, #104]\n\tadd.w r10, r1, r2\n\tbx r3\n\t"
        ".p2align 2\n8:\n\t" TAP TAP TAP TAP "cmp r1, r10\n\tbne.w 8b\n\t"
        "ldr.w r2, [lr, #84]\n\tldr.w r3, [lr, #96]\n\tadd r0, r2\n\tcmp r1, r3\n\tbne.w 7b\n\t"));
}

#else

void micronets_fours_any(struct micronets_four *n)
{
    micronets_four_lines(n);
}

#endif
