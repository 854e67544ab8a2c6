/* The application on an STM32F4 or STM32F7 with ST's HAL: an I2S microphone (an INMP441 or similar, left channel) on
 * I2S2, and text on the serial port of the board's debugger at 115,200 baud.
 *
 *     word select  PB12
 *     bit clock    PB13
 *     data         PB15
 *
 * The core runs at 168 MHz from the internal oscillator, which the STM32F446, F746 and F767 all support. */
#if defined(STM32F7)
#include "stm32f7xx_hal.h"
#else
#include "stm32f4xx_hal.h"
#endif

#include "app.h"
#include "output.h"
#include "sensor.h"

#define RING_LOCK __disable_irq
#define RING_UNLOCK __enable_irq
#include "ring.h"

#if defined(STM32F446xx) /* NUCLEO-64: USART2 on PA2 */
#define SERIAL USART2
#define SERIAL_PORT GPIOA
#define SERIAL_PIN GPIO_PIN_2
#define SERIAL_FUNCTION GPIO_AF7_USART2
#else /* NUCLEO-144: USART3 on PD8 */
#define SERIAL USART3
#define SERIAL_PORT GPIOD
#define SERIAL_PIN GPIO_PIN_8
#define SERIAL_FUNCTION GPIO_AF7_USART3
#endif

/* Right shift from the microphone's 24-bit sample, in the upper bits of a 32-bit word, to 16 bits. It is 2 less than
 * 16, which gives a gain of 12 dB. */
#define MICROPHONE_SHIFT 14
#define HALF_FRAMES 160    /* frames of a left and a right sample in each half of the DMA buffer */
#define FRAME_HALF_WORDS 4 /* half-words of a frame: left, then right, upper half first */

static UART_HandleTypeDef serial;
static I2S_HandleTypeDef microphone;
static DMA_HandleTypeDef receiver;
static uint16_t buffer[2 * HALF_FRAMES * FRAME_HALF_WORDS];

void SysTick_Handler(void)
{
    HAL_IncTick();
}

void DMA1_Stream3_IRQHandler(void)
{
    HAL_DMA_IRQHandler(&receiver);
}

/* Puts the left samples of half a buffer into the ring. */
static void put_half(const uint16_t *half)
{
    for (int32_t i = 0; i < HALF_FRAMES; i++) {
        const uint16_t *const frame = half + i * FRAME_HALF_WORDS;
        const int32_t value = (int32_t)((uint32_t)frame[0] << 16 | frame[1]) / (1 << MICROPHONE_SHIFT);
        ring_put((int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value));
    }
}

void HAL_I2S_RxHalfCpltCallback(I2S_HandleTypeDef *i2s)
{
    (void)i2s;
    put_half(buffer);
}

void HAL_I2S_RxCpltCallback(I2S_HandleTypeDef *i2s)
{
    (void)i2s;
    put_half(buffer + HALF_FRAMES * FRAME_HALF_WORDS);
}

/* Connects pins to a peripheral. */
static void connect(GPIO_TypeDef *port, uint32_t pins, uint32_t function)
{
    GPIO_InitTypeDef pin = {.Pin = pins,
                            .Mode = GPIO_MODE_AF_PP,
                            .Pull = GPIO_NOPULL,
                            .Speed = GPIO_SPEED_FREQ_HIGH,
                            .Alternate = function};
    HAL_GPIO_Init(port, &pin);
}

/* Sets all clocks: the core's to 16 MHz / 16 * 336 / 2, the buses' to a quarter and half of that. */
static HAL_StatusTypeDef start_clocks(void)
{
    RCC_OscInitTypeDef oscillator = {
        .OscillatorType = RCC_OSCILLATORTYPE_HSI,
        .HSIState = RCC_HSI_ON,
        .HSICalibrationValue = RCC_HSICALIBRATION_DEFAULT,
        .PLL = {.PLLState = RCC_PLL_ON, .PLLSource = RCC_PLLSOURCE_HSI, .PLLM = 16, .PLLN = 336, .PLLQ = 7},
    };
    oscillator.PLL.PLLP = RCC_PLLP_DIV2;
#if defined(STM32F446xx) || (defined(STM32F7) && defined(RCC_PLLCFGR_PLLR))
    oscillator.PLL.PLLR = 2;
#endif
    RCC_ClkInitTypeDef clocks = {
        .ClockType = RCC_CLOCKTYPE_SYSCLK | RCC_CLOCKTYPE_HCLK | RCC_CLOCKTYPE_PCLK1 | RCC_CLOCKTYPE_PCLK2,
        .SYSCLKSource = RCC_SYSCLKSOURCE_PLLCLK,
        .AHBCLKDivider = RCC_SYSCLK_DIV1,
        .APB1CLKDivider = RCC_HCLK_DIV4,
        .APB2CLKDivider = RCC_HCLK_DIV2,
    };
    __HAL_RCC_PWR_CLK_ENABLE();
    __HAL_PWR_VOLTAGESCALING_CONFIG(PWR_REGULATOR_VOLTAGE_SCALE1);
    const HAL_StatusTypeDef done = HAL_RCC_OscConfig(&oscillator);
    return done != HAL_OK ? done : HAL_RCC_ClockConfig(&clocks, FLASH_LATENCY_5);
}

/* Sets the clock of I2S2: 16 MHz / 16 * 256 / 5 = 51.2 MHz, which is 16 kHz * 64 * 50. */
static HAL_StatusTypeDef start_i2s_clock(void)
{
    RCC_PeriphCLKInitTypeDef clock = {0};
    clock.PLLI2S.PLLI2SN = 256;
    clock.PLLI2S.PLLI2SR = 5;
#if defined(STM32F446xx)
    clock.PeriphClockSelection = RCC_PERIPHCLK_I2S_APB1;
    clock.PLLI2S.PLLI2SM = 16;
    clock.PLLI2S.PLLI2SP = RCC_PLLI2SP_DIV2;
    clock.PLLI2S.PLLI2SQ = 2;
    clock.I2sApb1ClockSelection = RCC_I2SAPB1CLKSOURCE_PLLI2S;
#else
    clock.PeriphClockSelection = RCC_PERIPHCLK_I2S;
    clock.PLLI2S.PLLI2SP = RCC_PLLI2SP_DIV2;
    clock.PLLI2S.PLLI2SQ = 2;
    clock.I2sClockSelection = RCC_I2SCLKSOURCE_PLLI2S;
#endif
    return HAL_RCCEx_PeriphCLKConfig(&clock);
}

int32_t sensor_start(int32_t rate)
{
    __HAL_RCC_GPIOB_CLK_ENABLE();
    __HAL_RCC_DMA1_CLK_ENABLE();
    __HAL_RCC_SPI2_CLK_ENABLE();
    connect(GPIOB, GPIO_PIN_12 | GPIO_PIN_13 | GPIO_PIN_15, GPIO_AF5_SPI2);
    receiver.Instance = DMA1_Stream3;
    receiver.Init = (DMA_InitTypeDef){.Channel = DMA_CHANNEL_0,
                                      .Direction = DMA_PERIPH_TO_MEMORY,
                                      .PeriphInc = DMA_PINC_DISABLE,
                                      .MemInc = DMA_MINC_ENABLE,
                                      .PeriphDataAlignment = DMA_PDATAALIGN_HALFWORD,
                                      .MemDataAlignment = DMA_MDATAALIGN_HALFWORD,
                                      .Mode = DMA_CIRCULAR,
                                      .Priority = DMA_PRIORITY_HIGH,
                                      .FIFOMode = DMA_FIFOMODE_DISABLE};
    microphone.Instance = SPI2;
    microphone.Init = (I2S_InitTypeDef){.Mode = I2S_MODE_MASTER_RX,
                                        .Standard = I2S_STANDARD_PHILIPS,
                                        .DataFormat = I2S_DATAFORMAT_32B,
                                        .MCLKOutput = I2S_MCLKOUTPUT_DISABLE,
                                        .AudioFreq = (uint32_t)rate,
                                        .CPOL = I2S_CPOL_LOW,
                                        .ClockSource = I2S_CLOCK_PLL};
    __HAL_LINKDMA(&microphone, hdmarx, receiver);
    HAL_NVIC_SetPriority(DMA1_Stream3_IRQn, 1, 0);
    HAL_NVIC_EnableIRQ(DMA1_Stream3_IRQn);
    /* HAL counts each 32-bit sample once and transfers two half-words for it. */
    if (start_i2s_clock() != HAL_OK || HAL_DMA_Init(&receiver) != HAL_OK || HAL_I2S_Init(&microphone) != HAL_OK ||
        HAL_I2S_Receive_DMA(&microphone, buffer, 2 * HALF_FRAMES * FRAME_HALF_WORDS / 2) != HAL_OK) {
        output_line("the I2S microphone does not start at the rate of the network");
        return -1;
    }
    return 0;
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    int32_t count = ring_take(samples, most, lost);
    while (count == 0) {
        uint32_t further;
        __WFI(); /* until the next interrupt */
        count = ring_take(samples, most, &further);
        *lost += further;
    }
    return count;
}

void sensor_stop(void)
{
    (void)HAL_I2S_DMAStop(&microphone);
}

void output_line(const char *text)
{
    uint16_t length = 0;
    while (text[length]) {
        length++;
    }
    (void)HAL_UART_Transmit(&serial, (const uint8_t *)text, length, HAL_MAX_DELAY);
    (void)HAL_UART_Transmit(&serial, (const uint8_t *)"\r\n", 2, HAL_MAX_DELAY);
}

/* Starts the serial port to which output_line writes. */
static void start_serial(void)
{
#if defined(STM32F446xx)
    __HAL_RCC_USART2_CLK_ENABLE();
    __HAL_RCC_GPIOA_CLK_ENABLE();
#else
    __HAL_RCC_USART3_CLK_ENABLE();
    __HAL_RCC_GPIOD_CLK_ENABLE();
#endif
    connect(SERIAL_PORT, SERIAL_PIN, SERIAL_FUNCTION);
    serial.Instance = SERIAL;
    serial.Init = (UART_InitTypeDef){.BaudRate = 115200,
                                     .WordLength = UART_WORDLENGTH_8B,
                                     .StopBits = UART_STOPBITS_1,
                                     .Parity = UART_PARITY_NONE,
                                     .Mode = UART_MODE_TX};
    (void)HAL_UART_Init(&serial);
}

int main(void)
{
    HAL_Init();
    if (start_clocks() != HAL_OK) {
        return 1;
    }
#if defined(STM32F7)
    SCB_EnableICache(); /* the data cache stays off, since DMA writes bypass it */
#endif
    start_serial();
    return app_run() != 0;
}
