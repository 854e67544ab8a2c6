/* What the ports of Cortex-M processors share: counter, stack, caches (Armv7-M Architecture Reference Manual, DDI
 * 0403). */
#ifndef MICRONETS_CORTEX_M_H
#define MICRONETS_CORTEX_M_H

#include <stdint.h>

#include "port.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Waits until the masked bits of a register have a value; 0 if they have not after a long time. */
int cortex_m_wait(uint32_t address, uint32_t mask, uint32_t value);

/* Starts the counter that port_count reads: DWT's CYCCNT, or, where that stands still as in an emulator, SysTick. */
void cortex_m_start_counter(void);

/* Tells which counter it is: counter, counter_hz and machine (a processor without a cycle counter is taken for an
 * emulator's).
   clock_hz: of the core and of SysTick. */
port_info_t cortex_m_info(uint32_t clock_hz, const char *settings);

/* Switches a Cortex-M7's instruction and data cache on. */
void cortex_m7_caches_on(void);

#endif
