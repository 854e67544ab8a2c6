/* From reset to main on a RISC-V core in machine mode: the stack, the trap handler, initialised and cleared data. */
#include "initialise.h"

int main(void);
void firmware_reset(void);
void firmware_start(void);
void firmware_fault(void);

/* The entry at reset: it is first in flash, where QEMU's machines start. The assembler treats the control registers as
 * an extension (Zicsr), which every core has. */
__attribute__((naked, section(".vectors"), used)) void firmware_reset(void)
{
    __asm volatile(".option push\n\t"
                   ".option arch, +zicsr\n\t"
                   "la sp, firmware_stack_top\n\t"
                   "la t0, firmware_fault\n\t"
                   "csrw mtvec, t0\n\t"
                   "j firmware_start\n\t"
                   ".option pop");
}

/* Continues firmware_reset in C, now that there is a stack. */
__attribute__((used)) void firmware_start(void)
{
    firmware_initialise();
    (void)main();
    firmware_fault();
}

/* Handles every trap: stops forever. It is aligned to 4 bytes, as the two lowest bits of a handler's address select the
 * vector mode. */
__attribute__((aligned(4))) void firmware_fault(void)
{
    for (;;) {
        __asm volatile("");
    }
}
