/* Functions common to the ports of Cortex-M processors: counter, stack and caches. */
#ifndef MICRONETS_CORTEX_M_H
#define MICRONETS_CORTEX_M_H

#include <stdint.h>

#include "port.h"

/* The register of the processor or of a peripheral at an address. */
#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Waits until the masked bits of a register have a value. Returns 1, or 0 after a timeout. */
int cortex_m_wait(uint32_t address, uint32_t mask, uint32_t value);

/* Starts the counter that port_count reads: CYCCNT of DWT or, if that does not count, as in an emulator, SysTick. */
void cortex_m_start_counter(void);

/* Returns the result of port_info. A processor whose cycle counter does not count is considered emulated.
 *
 * clock_hz: clock of the core and of SysTick. settings: clock source, wait states and caches, one readable line. */
port_info_t cortex_m_info(uint32_t clock_hz, const char *settings);

/* Enables the instruction cache and the data cache of a Cortex-M7. */
void cortex_m7_caches_on(void);

#endif
