/* What the ports of Cortex-M processors share: counter, stack and caches. */
#ifndef MICRONETS_CORTEX_M_H
#define MICRONETS_CORTEX_M_H

#include <stdint.h>

#include "port.h"

/* The register of the processor or of a peripheral at an address. */
#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Waits until the masked bits of a register have a value. Returns 1, or 0 if they do not have it after a long time. */
int cortex_m_wait(uint32_t address, uint32_t mask, uint32_t value);

/* Starts the counter that port_count reads: CYCCNT of DWT; where that does not count, as in an emulator, SysTick. */
void cortex_m_start_counter(void);

/* Returns what port_info returns. A processor whose cycle counter does not count is taken for an emulator's.
 *
 * clock_hz: clock of the core and of SysTick. settings: clock source, wait states and caches, one line for people. */
port_info_t cortex_m_info(uint32_t clock_hz, const char *settings);

/* Switches the instruction cache and the data cache of a Cortex-M7 on. */
void cortex_m7_caches_on(void);

#endif
