/* The application under ESP-IDF (5.1 or newer): an I2S microphone (an INMP441 or similar, left channel), and text on
 * the console. `idf.py menuconfig`, "Listening", sets the pins. */
#include <stdio.h>

#include "app.h"
#include "driver/i2s_std.h"
#include "freertos/FreeRTOS.h"
#include "output.h"
#include "sdkconfig.h"
#include "sensor.h"

#define BLOCK_SAMPLES 160

/* Right shift from the microphone's 24-bit sample, in the upper bits of a 32-bit word, to 16 bits. It is 2 less than
 * 16, which gives a gain of 12 dB. */
#define MICROPHONE_SHIFT 14

static i2s_chan_handle_t microphone;
static volatile uint32_t lost_bytes; /* bytes that the driver had no room for, 4 per sample */

/* Counts lost samples; the driver calls it in an interrupt when its buffers are full. */
static bool on_overflow(i2s_chan_handle_t handle, i2s_event_data_t *event, void *context)
{
    (void)handle;
    (void)context;
    lost_bytes = lost_bytes + (uint32_t)event->size;
    return false;
}

int32_t sensor_start(int32_t rate)
{
    const i2s_chan_config_t channel = I2S_CHANNEL_DEFAULT_CONFIG(I2S_NUM_AUTO, I2S_ROLE_MASTER);
    const i2s_event_callbacks_t callbacks = {.on_recv_q_ovf = on_overflow};
    const i2s_std_config_t config = {
        .clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG((uint32_t)rate),
        .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO),
        .gpio_cfg = {.mclk = I2S_GPIO_UNUSED,
                     .bclk = CONFIG_APP_I2S_BCLK,
                     .ws = CONFIG_APP_I2S_WS,
                     .dout = I2S_GPIO_UNUSED,
                     .din = CONFIG_APP_I2S_DIN},
    };
    if (i2s_new_channel(&channel, NULL, &microphone) != ESP_OK ||
        i2s_channel_init_std_mode(microphone, &config) != ESP_OK ||
        i2s_channel_register_event_callback(microphone, &callbacks, NULL) != ESP_OK ||
        i2s_channel_enable(microphone) != ESP_OK) {
        output_line("the I2S microphone does not start at the rate of the network");
        return -1;
    }
    return 0;
}

/* Returns a 32-bit sample as a 16-bit one, with that gain, clamped. */
static int16_t sample_of(int32_t value)
{
    const int32_t scaled = value / (1 << MICROPHONE_SHIFT);
    return (int16_t)(scaled > INT16_MAX ? INT16_MAX : scaled < INT16_MIN ? INT16_MIN : scaled);
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    static int32_t block[BLOCK_SAMPLES];
    size_t bytes = 0;
    const int32_t wanted = most < BLOCK_SAMPLES ? most : BLOCK_SAMPLES;
    *lost = lost_bytes / sizeof block[0];
    lost_bytes = 0;
    if (i2s_channel_read(microphone, block, (size_t)wanted * sizeof block[0], &bytes, portMAX_DELAY) != ESP_OK) {
        return -1;
    }
    const int32_t count = (int32_t)(bytes / sizeof block[0]);
    for (int32_t i = 0; i < count; i++) {
        samples[i] = sample_of(block[i]);
    }
    return count;
}

void sensor_stop(void)
{
    (void)i2s_channel_disable(microphone);
    (void)i2s_del_channel(microphone);
}

void output_line(const char *text)
{
    puts(text);
}

void app_main(void)
{
    (void)app_run();
}
