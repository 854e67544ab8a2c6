/* The functions of port.h and cortex_m.h that are common to all Cortex-M processors. For registers and their bits see
 * the Armv7-M Architecture Reference Manual (DDI 0403). */
#include "cortex_m.h"

#define PATTERN 0xA5A5A5A5u
#define DEMCR 0xE000EDFCu
#define DWT_CTRL 0xE0001000u
#define DWT_CYCCNT 0xE0001004u
#define DWT_LAR 0xE0001FB0u
#define SYSTICK_CTRL 0xE000E010u
#define SYSTICK_RELOAD 0xE000E014u
#define SYSTICK_VALUE 0xE000E018u
#define CCR 0xE000ED14u
#define CCSIDR 0xE000ED80u
#define CSSELR 0xE000ED84u
#define ICIALLU 0xE000EF50u
#define DCISW 0xE000EF60u
#define SYSTICK_MASK 0xFFFFFFu

extern uint32_t firmware_stack_bottom[];

static int has_cycles;             /* 1 if DWT counts cycles, 0 if SysTick counts */
static uint32_t *painted;          /* end of the stack area that holds the pattern */
static uint32_t ticks, last_value; /* ticks of SysTick so far, and its last value */

int cortex_m_wait(uint32_t address, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < 2000000; i++) {
        if ((REGISTER(address) & mask) == value) {
            return 1;
        }
    }
    return 0;
}

void cortex_m_start_counter(void)
{
    REGISTER(DEMCR) |= 1u << 24;    /* TRCENA */
    REGISTER(DWT_LAR) = 0xC5ACCE55; /* unlocks DWT on a Cortex-M7 */
    REGISTER(DWT_CYCCNT) = 0;
    REGISTER(DWT_CTRL) |= 1; /* CYCCNTENA */
    const uint32_t before = REGISTER(DWT_CYCCNT);
    for (int i = 0; i < 100; i++) {
        __asm volatile("nop");
    }
    has_cycles = REGISTER(DWT_CYCCNT) != before;
    if (has_cycles) {
        return;
    }
    REGISTER(SYSTICK_RELOAD) = SYSTICK_MASK;
    REGISTER(SYSTICK_VALUE) = 0;
    REGISTER(SYSTICK_CTRL) = 5; /* counts core cycles, without interrupts */
}

uint32_t port_count(void)
{
    if (has_cycles) {
        return REGISTER(DWT_CYCCNT);
    }
    const uint32_t value = REGISTER(SYSTICK_VALUE); /* counts down in 24 bits: must be read before each wrap */
    ticks += (last_value - value) & SYSTICK_MASK;
    last_value = value;
    return ticks;
}

port_info_t cortex_m_info(uint32_t clock_hz, const char *settings)
{
    const port_info_t info = {has_cycles ? MACHINE_BOARD : MACHINE_EMULATOR,
                              has_cycles ? COUNTER_CYCLES : COUNTER_TICKS, clock_hz, clock_hz, settings};
    return info;
}

void port_paint_stack(void)
{
    uint32_t *top;
    __asm volatile("mov %0, sp" : "=r"(top));
    for (volatile uint32_t *at = firmware_stack_bottom; at < top; at++) {
        *at = PATTERN;
    }
    painted = top;
}

uint32_t port_stack_bytes(void)
{
    const volatile uint32_t *at = firmware_stack_bottom;
    while (at < painted && *at == PATTERN) {
        at++;
    }
    return (uint32_t)((uintptr_t)painted - (uintptr_t)at);
}

/* Waits until all memory accesses are complete and prefetched instructions are discarded. */
static void barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

void cortex_m7_caches_on(void)
{
    barrier();
    REGISTER(ICIALLU) = 0;
    barrier();
    REGISTER(CCR) |= 1u << 17; /* instruction cache */
    REGISTER(CSSELR) = 0;      /* the level 1 data cache: invalidate all its lines first */
    barrier();
    const uint32_t size = REGISTER(CCSIDR), sets = (size >> 13) & 0x7FFF, ways = (size >> 3) & 0x3FF;
    const uint32_t line_bits = (size & 7) + 4, way_shift = ways ? (uint32_t)__builtin_clz(ways) : 0;
    for (uint32_t set = 0; set <= sets; set++) {
        for (uint32_t way = 0; way <= ways; way++) {
            REGISTER(DCISW) = way << way_shift | set << line_bits;
        }
    }
    barrier();
    REGISTER(CCR) |= 1u << 16;
    barrier();
}
