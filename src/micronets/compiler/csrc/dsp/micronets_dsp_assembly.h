/* What every kernel in assembly begins with: Thumb-2 code, and a macro that begins a function.
 *
 * The files are preprocessed (.S) and are accepted by the assemblers of GCC and of Clang. They follow the procedure call
 * standard of the Arm architecture (AAPCS): arguments in r0 to r3 and then on the stack, r4 to r11 and sp kept. */
#ifndef MICRONETS_DSP_ASSEMBLY_H
#define MICRONETS_DSP_ASSEMBLY_H

#include "micronets_target.h"

/* The files need no executable stack; on Linux, an object that does not say so gets one. */
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif

#if MICRONETS_DSP_ASSEMBLY
    .syntax unified
    .thumb

    /* Begins the global function `name`, in a section of its own so that linkers can leave it out. */
    .macro function name
    .section .text.\name, "ax", %progbits
    .p2align 2
    .global \name
    .type \name, %function
    .thumb_func
\name:
    .endm

    /* Ends the function `name`. */
    .macro end_function name
    .size \name, . - \name
    .endm
#endif

#endif
