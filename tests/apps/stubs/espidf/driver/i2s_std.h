/* ESP-IDF's driver of I2S, on a computer; it tells an overflow of 100 samples after the 16,000th. */
#ifndef STUB_I2S_STD_H
#define STUB_I2S_STD_H

#include <stdbool.h>
#include <stddef.h>

#include "recording.h"

typedef int esp_err_t;
typedef int i2s_chan_handle_t;
typedef struct {
    int id, role;
} i2s_chan_config_t;
typedef struct {
    size_t size;
} i2s_event_data_t;
typedef bool (*i2s_isr_callback_t)(i2s_chan_handle_t, i2s_event_data_t *, void *);
typedef struct {
    i2s_isr_callback_t on_recv, on_recv_q_ovf, on_sent, on_send_q_ovf;
} i2s_event_callbacks_t;
typedef struct {
    uint32_t rate;
} i2s_std_clk_config_t;
typedef struct {
    int bits, mode;
} i2s_std_slot_config_t;
typedef struct {
    int mclk, bclk, ws, dout, din;
} i2s_std_gpio_config_t;
typedef struct {
    i2s_std_clk_config_t clk_cfg;
    i2s_std_slot_config_t slot_cfg;
    i2s_std_gpio_config_t gpio_cfg;
} i2s_std_config_t;

enum { ESP_OK, I2S_NUM_AUTO, I2S_ROLE_MASTER, I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO };
#define I2S_GPIO_UNUSED (-1)
#define I2S_CHANNEL_DEFAULT_CONFIG(number, i2s_role) {.id = number, .role = i2s_role}
#define I2S_STD_CLK_DEFAULT_CONFIG(sample_rate) {.rate = sample_rate}
#define I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(width, slots) {.bits = width, .mode = slots}

static i2s_event_callbacks_t stub_callbacks;

static inline esp_err_t i2s_new_channel(const i2s_chan_config_t *config, i2s_chan_handle_t *tx, i2s_chan_handle_t *rx)
{
    *rx = 1;
    return config->role == I2S_ROLE_MASTER && tx == NULL ? ESP_OK : -1;
}

static inline esp_err_t i2s_channel_init_std_mode(i2s_chan_handle_t handle, const i2s_std_config_t *config)
{
    return handle == 1 && config->clk_cfg.rate == 16000 ? ESP_OK : -1;
}

static inline esp_err_t i2s_channel_register_event_callback(i2s_chan_handle_t handle,
                                                            const i2s_event_callbacks_t *callbacks, void *context)
{
    (void)context;
    stub_callbacks = *callbacks;
    return handle == 1 ? ESP_OK : -1;
}

static inline esp_err_t i2s_channel_enable(i2s_chan_handle_t handle)
{
    return handle == 1 ? ESP_OK : -1;
}

static inline esp_err_t i2s_channel_disable(i2s_chan_handle_t handle)
{
    return handle == 1 ? ESP_OK : -1;
}

static inline esp_err_t i2s_del_channel(i2s_chan_handle_t handle)
{
    return handle == 1 ? ESP_OK : -1;
}

static inline esp_err_t i2s_channel_read(i2s_chan_handle_t handle, void *to, size_t bytes, size_t *read,
                                         uint32_t timeout)
{
    static int32_t heard;
    int32_t count = 0;
    int16_t sample;
    (void)handle;
    (void)timeout;
    while ((size_t)count < bytes / 4 && recorded(&sample, 1) == 1) {
        ((int32_t *)to)[count++] = (int32_t)sample * (1 << 14);
    }
    *read = 4u * (size_t)count;
    if (getenv("OVERRUN") != NULL && heard < 16000 && heard + count >= 16000) {
        i2s_event_data_t event = {400};
        stub_callbacks.on_recv_q_ovf(handle, &event, NULL);
    }
    heard += count;
    return ESP_OK;
}

#endif
