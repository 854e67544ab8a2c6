/* The port of STM32F4 on a Nucleo-64 (RM0390; NUCLEO-F446RE: UM1724): the line is USART2 on PA2 and PA3, which the
 * ST-LINK forwards to USB. */
#include "cortex_m.h"
#include "identity.h"
#include "stm32.h"

enum { GPIOA_MODER = 0x40020000, GPIOA_AFRL = 0x40020020 };
enum { USART2_SR = 0x40004400, USART2_DR = 0x40004404, USART2_BRR = 0x40004408, USART2_CR1 = 0x4000440C };

static uint32_t clock_hz;

void port_start(void)
{
    clock_hz = stm32_start_clock(7u << 8); /* prefetch, instruction cache, data cache */
    const uint32_t usart_hz = clock_hz == FIRMWARE_CLOCK_HZ ? clock_hz / 4 : clock_hz;
    REGISTER(RCC_AHB1ENR) |= 1;        /* GPIOA */
    REGISTER(RCC_APB1ENR) |= 1u << 17; /* USART2 */
    (void)REGISTER(RCC_APB1ENR);
    REGISTER(GPIOA_AFRL) = (REGISTER(GPIOA_AFRL) & ~0xFF00u) | 0x7700u; /* AF7 */
    REGISTER(GPIOA_MODER) = (REGISTER(GPIOA_MODER) & ~0xF0u) | 0xA0u;   /* alternate function */
    REGISTER(USART2_BRR) = FIRMWARE_UART_DIVISOR(usart_hz);
    REGISTER(USART2_CR1) = 1u << 13 | 1u << 3 | 1u << 2; /* USART, transmitter, receiver on */
    cortex_m_start_counter();
}

port_info_t port_info(void)
{
    return cortex_m_info(clock_hz,
                         clock_hz == FIRMWARE_CLOCK_HZ
                             ? "PLL from HSI; flash wait states of the full clock, prefetch and both caches on"
                             : "16 MHz HSI: the clock could not be set");
}

int port_get(void)
{
    while (!(REGISTER(USART2_SR) & 1u << 5)) { /* RXNE */
    }
    return (int)(REGISTER(USART2_DR) & 0xFF); /* reading it after SR also clears an overrun */
}

void port_put(uint8_t byte)
{
    while (!(REGISTER(USART2_SR) & 1u << 7)) {
    } /* TXE */
    REGISTER(USART2_DR) = byte;
}
