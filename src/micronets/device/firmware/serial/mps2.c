/* The port of Arm's MPS2 board (AN386, AN500) as emulated by QEMU: 25 MHz, the line is UART 0 of the CMSDK. */
#include "cortex_m.h"
#include "identity.h"

enum { UART_DATA = 0x40004000, UART_STATE = 0x40004004, UART_CTRL = 0x40004008, UART_BAUDDIV = 0x40004010 };

void port_start(void)
{
    REGISTER(UART_BAUDDIV) = FIRMWARE_UART_DIVISOR(25000000u);
    REGISTER(UART_CTRL) = 3; /* transmit and receive */
    cortex_m_start_counter();
}

port_info_t port_info(void)
{
    return cortex_m_info(25000000u, "25 MHz, no wait states");
}

int port_get(void)
{
    while (!(REGISTER(UART_STATE) & 2)) {
    }
    return (int)(REGISTER(UART_DATA) & 0xFF);
}

void port_put(uint8_t byte)
{
    while (REGISTER(UART_STATE) & 1) {
    }
    REGISTER(UART_DATA) = byte;
}
