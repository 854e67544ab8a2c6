/* From reset to main: the vector table, the FPU, initialised and cleared data. */
#include <stdint.h>

extern uint32_t firmware_stack_top[], firmware_data_begin[], firmware_data_end[], firmware_bss_begin[],
    firmware_bss_end[];
extern const uint32_t firmware_data_image[];

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

void firmware_reset(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: access to the FPU */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *from = firmware_data_image;
    for (uint32_t *to = firmware_data_begin; to < firmware_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = firmware_bss_begin; to < firmware_bss_end; to++) {
        *to = 0;
    }
    (void)main();
    firmware_fault();
}

void firmware_fault(void)
{
    for (;;) {
        __asm volatile("");
    }
}
