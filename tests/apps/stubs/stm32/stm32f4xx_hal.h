/* What stm32.c uses of ST's HAL, on a computer: while the core waits, DMA fills half a buffer. */
#ifndef STUB_STM32_HAL_H
#define STUB_STM32_HAL_H

#include "recording.h"

typedef enum { HAL_OK, HAL_ERROR } HAL_StatusTypeDef;
typedef int GPIO_TypeDef, USART_TypeDef, SPI_TypeDef, DMA_Stream_TypeDef, IRQn_Type;
typedef struct {
    uint32_t Pin, Mode, Pull, Speed, Alternate;
} GPIO_InitTypeDef;
typedef struct {
    uint32_t PLLState, PLLSource, PLLM, PLLN, PLLP, PLLQ, PLLR;
} RCC_PLLInitTypeDef;
typedef struct {
    uint32_t OscillatorType, HSIState, HSICalibrationValue;
    RCC_PLLInitTypeDef PLL;
} RCC_OscInitTypeDef;
typedef struct {
    uint32_t ClockType, SYSCLKSource, AHBCLKDivider, APB1CLKDivider, APB2CLKDivider;
} RCC_ClkInitTypeDef;
typedef struct {
    uint32_t PeriphClockSelection, I2sApb1ClockSelection;
    struct {
        uint32_t PLLI2SM, PLLI2SN, PLLI2SP, PLLI2SQ, PLLI2SR;
    } PLLI2S;
} RCC_PeriphCLKInitTypeDef;
typedef struct {
    uint32_t Channel, Direction, PeriphInc, MemInc, PeriphDataAlignment, MemDataAlignment, Mode, Priority, FIFOMode;
} DMA_InitTypeDef;
typedef struct {
    DMA_Stream_TypeDef *Instance;
    DMA_InitTypeDef Init;
} DMA_HandleTypeDef;
typedef struct {
    uint32_t Mode, Standard, DataFormat, MCLKOutput, AudioFreq, CPOL, ClockSource, FullDuplexMode;
} I2S_InitTypeDef;
typedef struct {
    SPI_TypeDef *Instance;
    I2S_InitTypeDef Init;
    DMA_HandleTypeDef *hdmarx;
} I2S_HandleTypeDef;
typedef struct {
    uint32_t BaudRate, WordLength, StopBits, Parity, Mode;
} UART_InitTypeDef;
typedef struct {
    USART_TypeDef *Instance;
    UART_InitTypeDef Init;
} UART_HandleTypeDef;

static int32_t stub_part;
#define GPIOA (&stub_part)
#define GPIOB (&stub_part)
#define USART2 (&stub_part)
#define SPI2 (&stub_part)
#define DMA1_Stream3 (&stub_part)

enum {
    GPIO_PIN_2 = 4,
    GPIO_PIN_12 = 0x1000,
    GPIO_PIN_13 = 0x2000,
    GPIO_PIN_15 = 0x8000,
    GPIO_AF5_SPI2 = 5,
    GPIO_AF7_USART2 = 7,
    GPIO_MODE_AF_PP,
    GPIO_NOPULL,
    GPIO_SPEED_FREQ_HIGH,
    RCC_OSCILLATORTYPE_HSI,
    RCC_HSI_ON,
    RCC_HSICALIBRATION_DEFAULT,
    RCC_PLL_ON,
    RCC_PLLSOURCE_HSI,
    RCC_PLLP_DIV2,
    RCC_CLOCKTYPE_SYSCLK,
    RCC_CLOCKTYPE_HCLK,
    RCC_CLOCKTYPE_PCLK1,
    RCC_CLOCKTYPE_PCLK2,
    RCC_SYSCLKSOURCE_PLLCLK,
    RCC_SYSCLK_DIV1,
    RCC_HCLK_DIV4,
    RCC_HCLK_DIV2,
    RCC_PERIPHCLK_I2S_APB1,
    RCC_PLLI2SP_DIV2,
    RCC_I2SAPB1CLKSOURCE_PLLI2S,
    PWR_REGULATOR_VOLTAGE_SCALE1,
    FLASH_LATENCY_5,
    DMA_CHANNEL_0,
    DMA_PERIPH_TO_MEMORY,
    DMA_PINC_DISABLE,
    DMA_MINC_ENABLE,
    DMA_PDATAALIGN_HALFWORD,
    DMA_MDATAALIGN_HALFWORD,
    DMA_CIRCULAR,
    DMA_PRIORITY_HIGH,
    DMA_FIFOMODE_DISABLE,
    DMA1_Stream3_IRQn,
    I2S_MODE_MASTER_RX,
    I2S_STANDARD_PHILIPS,
    I2S_DATAFORMAT_32B,
    I2S_MCLKOUTPUT_DISABLE,
    I2S_CPOL_LOW,
    I2S_CLOCK_PLL,
    UART_WORDLENGTH_8B,
    UART_STOPBITS_1,
    UART_PARITY_NONE,
    UART_MODE_TX,
    HAL_MAX_DELAY
};

#define __HAL_RCC_PWR_CLK_ENABLE()
#define __HAL_RCC_GPIOA_CLK_ENABLE()
#define __HAL_RCC_GPIOB_CLK_ENABLE()
#define __HAL_RCC_DMA1_CLK_ENABLE()
#define __HAL_RCC_SPI2_CLK_ENABLE()
#define __HAL_RCC_USART2_CLK_ENABLE()
#define __HAL_PWR_VOLTAGESCALING_CONFIG(scale)
#define __HAL_LINKDMA(handle, field, dma) (handle)->field = &(dma)

void SysTick_Handler(void);
void DMA1_Stream3_IRQHandler(void);
void HAL_I2S_RxHalfCpltCallback(I2S_HandleTypeDef *i2s);
void HAL_I2S_RxCpltCallback(I2S_HandleTypeDef *i2s);

static uint16_t *stub_buffer;
static uint32_t stub_frames, stub_half;

static inline void __disable_irq(void)
{
}

static inline void __enable_irq(void)
{
}

/* An interrupt: half of the buffer has new frames. Left samples are those of the recording, right ones are not. */
static inline void __WFI(void)
{
    uint16_t *to = stub_buffer + stub_half * stub_frames * 2;
    for (uint32_t i = 0; i < stub_frames / 2; i++, to += 4) {
        int16_t sample = 0;
        if (recorded(&sample, 1) != 1 && i == 0) {
            exit(0);
        }
        const uint32_t value = (uint32_t)((int32_t)sample * (1 << 14));
        to[0] = (uint16_t)(value >> 16);
        to[1] = (uint16_t)value;
        to[2] = 0x7fff;
    }
    if (stub_half) {
        HAL_I2S_RxCpltCallback(NULL);
    } else {
        HAL_I2S_RxHalfCpltCallback(NULL);
    }
    stub_half = !stub_half;
}

static inline void HAL_Init(void)
{
}

static inline void HAL_IncTick(void)
{
}

static inline void HAL_GPIO_Init(GPIO_TypeDef *port, const GPIO_InitTypeDef *pin)
{
    (void)port;
    (void)pin;
}

static inline HAL_StatusTypeDef HAL_RCC_OscConfig(const RCC_OscInitTypeDef *config)
{
    return config->PLL.PLLM == 16 ? HAL_OK : HAL_ERROR;
}

static inline HAL_StatusTypeDef HAL_RCC_ClockConfig(const RCC_ClkInitTypeDef *config, uint32_t latency)
{
    (void)config;
    return latency == FLASH_LATENCY_5 ? HAL_OK : HAL_ERROR;
}

static inline HAL_StatusTypeDef HAL_RCCEx_PeriphCLKConfig(const RCC_PeriphCLKInitTypeDef *config)
{
    return config->PLLI2S.PLLI2SN == 256 ? HAL_OK : HAL_ERROR;
}

static inline void HAL_NVIC_SetPriority(IRQn_Type number, uint32_t priority, uint32_t sub)
{
    (void)number;
    (void)priority;
    (void)sub;
}

static inline void HAL_NVIC_EnableIRQ(IRQn_Type number)
{
    (void)number;
}

static inline HAL_StatusTypeDef HAL_DMA_Init(DMA_HandleTypeDef *dma)
{
    return dma->Init.Mode == DMA_CIRCULAR ? HAL_OK : HAL_ERROR;
}

static inline void HAL_DMA_IRQHandler(DMA_HandleTypeDef *dma)
{
    (void)dma;
}

static inline HAL_StatusTypeDef HAL_I2S_Init(I2S_HandleTypeDef *i2s)
{
    return i2s->Init.AudioFreq == 16000 && i2s->Init.DataFormat == I2S_DATAFORMAT_32B ? HAL_OK : HAL_ERROR;
}

/* - size: samples of 32 bits in both halves of the buffer. */
static inline HAL_StatusTypeDef HAL_I2S_Receive_DMA(I2S_HandleTypeDef *i2s, uint16_t *buffer, uint16_t size)
{
    stub_buffer = buffer;
    stub_frames = size / 2;
    return i2s->hdmarx != NULL ? HAL_OK : HAL_ERROR;
}

static inline HAL_StatusTypeDef HAL_I2S_DMAStop(I2S_HandleTypeDef *i2s)
{
    (void)i2s;
    return HAL_OK;
}

static inline HAL_StatusTypeDef HAL_UART_Init(UART_HandleTypeDef *uart)
{
    return uart->Init.BaudRate == 115200 ? HAL_OK : HAL_ERROR;
}

static inline HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *uart, const uint8_t *data, uint16_t bytes,
                                                  uint32_t timeout)
{
    (void)uart;
    (void)timeout;
    return fwrite(data, 1, bytes, stdout) == bytes ? HAL_OK : HAL_ERROR;
}

#endif
