/* The port of STM32F7 on a Nucleo-144 (RM0385, RM0410; boards: UM1974): the line is USART3 on PD8 and PD9, which the
 * ST-LINK forwards to USB. */
#include "cortex_m.h"
#include "identity.h"
#include "stm32.h"

enum { GPIOD_MODER = 0x40020C00, GPIOD_AFRH = 0x40020C24 };
enum { USART3_CR1 = 0x40004800, USART3_BRR = 0x4000480C, USART3_ISR = 0x4000481C, USART3_ICR = 0x40004820 };
enum { USART3_RDR = 0x40004824, USART3_TDR = 0x40004828 };

static uint32_t clock_hz;

void port_start(void)
{
    /* Prefetch and ART are on, although the core reads the code over AXI through its own caches. */
    clock_hz = stm32_start_clock(3u << 8);
    cortex_m7_caches_on();
    const uint32_t usart_hz = clock_hz == FIRMWARE_CLOCK_HZ ? clock_hz / 4 : clock_hz;
    REGISTER(RCC_AHB1ENR) |= 1u << 3;  /* GPIOD */
    REGISTER(RCC_APB1ENR) |= 1u << 18; /* USART3, from APB1's clock */
    (void)REGISTER(RCC_APB1ENR);
    REGISTER(GPIOD_AFRH) = (REGISTER(GPIOD_AFRH) & ~0xFFu) | 0x77u;         /* AF7 */
    REGISTER(GPIOD_MODER) = (REGISTER(GPIOD_MODER) & ~0xF0000u) | 0xA0000u; /* alternate function */
    REGISTER(USART3_BRR) = FIRMWARE_UART_DIVISOR(usart_hz);
    REGISTER(USART3_CR1) = 1u << 3 | 1u << 2 | 1u; /* transmitter, receiver, USART on */
    cortex_m_start_counter();
}

port_info_t port_info(void)
{
    return cortex_m_info(clock_hz,
                         clock_hz == FIRMWARE_CLOCK_HZ
                             ? "PLL from HSI; flash wait states of the full clock, instruction and data cache on"
                             : "16 MHz HSI: the clock could not be set");
}

int port_get(void)
{
    while (!(REGISTER(USART3_ISR) & 1u << 5)) { /* RXNE */
    }
    REGISTER(USART3_ICR) = 1u << 3; /* an overrun, if there was one */
    return (int)(REGISTER(USART3_RDR) & 0xFF);
}

void port_put(uint8_t byte)
{
    while (!(REGISTER(USART3_ISR) & 1u << 7)) {
    } /* TXE */
    REGISTER(USART3_TDR) = byte;
}
