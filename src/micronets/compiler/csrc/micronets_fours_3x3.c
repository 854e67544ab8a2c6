#include "micronets_fours.h"

#ifdef MICRONETS_FOURS

#define LOAD "ldr.w r2, [r0], #4\n\t"
#define ROW MICRONETS_TAP(LOAD) MICRONETS_TAP(LOAD) MICRONETS_TAP(LOAD)

__attribute__((naked)) void micronets_fours_3x3(struct micronets_four *n __attribute__((unused)))
{
    __asm__ volatile(MICRONETS_LINES("ldr.w r10, [lr, #84]\n\t",
                                     "ldr.w r1, [lr, #48]\n\tmov r0, r11\n\t" MICRONETS_FIRST_TAP(LOAD) MICRONETS_TAP(LOAD)
                                     MICRONETS_TAP(LOAD) "add r0, r10\n\t" ROW "add r0, r10\n\t" ROW));
}

#else

void micronets_fours_3x3(struct micronets_four *n)
{
    micronets_four_lines(n);
}

#endif
