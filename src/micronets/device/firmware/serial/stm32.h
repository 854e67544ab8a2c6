/* The common clock tree of STM32F4 and STM32F7: RM0390 and RM0385, chapters PWR, RCC and FLASH. */
#ifndef MICRONETS_STM32_H
#define MICRONETS_STM32_H

#include <stdint.h>

enum { RCC_AHB1ENR = 0x40023830, RCC_APB1ENR = 0x40023840 };

/* Sets the core clock to FIRMWARE_CLOCK_HZ with the PLL and the internal 16 MHz oscillator, APB1 to a quarter and APB2
 * to half of that, and the flash to FIRMWARE_WAIT_STATES. Returns the core clock in Hz: 16 MHz if the PLL failed.
 *
 * flash_caches: bits of FLASH_ACR that enable prefetch and the caches in front of the flash. */
uint32_t stm32_start_clock(uint32_t flash_caches);

#endif
