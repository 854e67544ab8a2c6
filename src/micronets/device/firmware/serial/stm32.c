/* Sets the clock of an STM32F4 or STM32F7. For registers and bits see RM0390 and RM0385, chapters PWR, RCC and FLASH;
 * comments name the bits. */
#include "stm32.h"

#include "cortex_m.h"
#include "identity.h"

#define RCC_CR 0x40023800u
#define RCC_PLLCFGR 0x40023804u
#define RCC_CFGR 0x40023808u
#define PWR_CR 0x40007000u
#define PWR_CSR 0x40007004u
#define FLASH_ACR 0x40023C00u
#define HSI_HZ 16000000u

uint32_t stm32_start_clock(uint32_t flash_caches)
{
    REGISTER(RCC_APB1ENR) |= 1u << 28; /* PWR */
    (void)REGISTER(RCC_APB1ENR);
    REGISTER(PWR_CR) |= 3u << 14; /* VOS: scale 1, the reset value; may only change while the PLL is off */
    /* The PLL: 16 MHz / 8 = 2 MHz, times the core's clock in MHz, divided by 2. Its outputs Q and R are not used; their
       divisors keep them within their limits. */
    REGISTER(RCC_PLLCFGR) = 8u | FIRMWARE_CLOCK_HZ / 1000000u << 6 | 9u << 24 | 2u << 28;
    REGISTER(RCC_CR) |= 1u << 24; /* PLLON */
    if (FIRMWARE_CLOCK_HZ > 168000000u) {
        REGISTER(PWR_CR) |= 1u << 16; /* ODEN: over-drive */
        if (!cortex_m_wait(PWR_CSR, 1u << 16, 1u << 16)) {
            return HSI_HZ;
        }
        REGISTER(PWR_CR) |= 1u << 17; /* ODSWEN */
        if (!cortex_m_wait(PWR_CSR, 1u << 17, 1u << 17)) {
            return HSI_HZ;
        }
    }
    REGISTER(FLASH_ACR) = FIRMWARE_WAIT_STATES | flash_caches;
    if (!cortex_m_wait(FLASH_ACR, 15, FIRMWARE_WAIT_STATES)) {
        return HSI_HZ;
    }
    if (!cortex_m_wait(RCC_CR, 1u << 25, 1u << 25)) {
        return HSI_HZ; /* PLLRDY */
    }
    REGISTER(RCC_CFGR) = 5u << 10 | 4u << 13 | 2u; /* APB1 / 4, APB2 / 2, core clocked by the PLL */
    return cortex_m_wait(RCC_CFGR, 12, 8) ? FIRMWARE_CLOCK_HZ : HSI_HZ;
}
