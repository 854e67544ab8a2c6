/* From reset to main on a Cortex-M: the vector table, the FPU if there is one, initialised and cleared data. */
#include <stdint.h>

#include "initialise.h"

extern uint32_t firmware_stack_top[];

int main(void);
void firmware_reset(void);
void firmware_fault(void);

typedef union {
    uint32_t *stack;
    void (*handler)(void);
} vector_t;

__attribute__((section(".vectors"), used)) const vector_t firmware_vectors[16] = {
    {.stack = firmware_stack_top},
    {.handler = firmware_reset},
    {.handler = firmware_fault},
    {.handler = firmware_fault},
    {.handler = firmware_fault},
    {.handler = firmware_fault},
    {.handler = firmware_fault},
    {0},
    {0},
    {0},
    {0},
    {.handler = firmware_fault},
    {.handler = firmware_fault},
    {0},
    {.handler = firmware_fault},
    {.handler = firmware_fault},
};

/* The entry at reset: the core has loaded the stack pointer from the vector table. */
void firmware_reset(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: access to the FPU */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
#if defined(__ARM_ARCH_6M__)
    /* CCR.UNALIGN_TRP: unaligned accesses fault. It is always set on ARMv6-M, but perhaps not on a simulator's core. */
    *(volatile uint32_t *)0xE000ED14u |= 1u << 3;
#endif
    firmware_initialise();
    (void)main();
    firmware_fault();
}

/* Stops forever, so that the simulator or a debugger finds the processor here. */
void firmware_fault(void)
{
    for (;;) {
        __asm volatile("");
    }
}
