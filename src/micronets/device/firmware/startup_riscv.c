/* From reset to main on a RISC-V core in machine mode: the stack, the trap handler, initialised and cleared data. */
#include "initialise.h"

int main(void);
void firmware_reset(void);
void firmware_start(void);
void firmware_fault(void);

/* Lies first in flash, where QEMU's machines begin. By name the control registers are an extension (Zicsr), which
   every core has. */
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

__attribute__((used)) void firmware_start(void)
{
    firmware_initialise();
    (void)main();
    firmware_fault();
}

/* The two lowest bits of a trap handler's address are no part of it. */
__attribute__((aligned(4))) void firmware_fault(void)
{
    for (;;) {
        __asm volatile("");
    }
}
