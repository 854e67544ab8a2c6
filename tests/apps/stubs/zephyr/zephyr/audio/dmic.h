/* Zephyr's API of digital microphones, on a computer: after the tenth block it has run out of blocks once. */
#ifndef STUB_ZEPHYR_DMIC_H
#define STUB_ZEPHYR_DMIC_H

#include "recording.h"
#include "zephyr/device.h"
#include "zephyr/kernel.h"

enum pdm_lr { PDM_CHAN_RIGHT, PDM_CHAN_LEFT };
enum dmic_trigger { DMIC_TRIGGER_STOP, DMIC_TRIGGER_START };

struct pcm_stream_cfg {
    uint32_t pcm_rate;
    uint8_t pcm_width;
    uint16_t block_size;
    struct k_mem_slab *mem_slab;
};

struct dmic_cfg {
    struct {
        uint32_t min_pdm_clk_freq, max_pdm_clk_freq;
        uint8_t min_pdm_clk_dc, max_pdm_clk_dc;
    } io;
    struct pcm_stream_cfg *streams;
    struct {
        uint32_t req_chan_map_lo;
        uint8_t req_num_chan, req_num_streams;
    } channel;
};

static struct pcm_stream_cfg stub_stream;

static inline uint32_t dmic_build_channel_map(uint8_t channel, uint8_t pdm, enum pdm_lr lr)
{
    return (uint32_t)((pdm & 7u) << 1 | lr) << (channel * 4u);
}

static inline int dmic_configure(const struct device *device, struct dmic_cfg *config)
{
    (void)device;
    stub_stream = config->streams[0];
    return stub_stream.pcm_rate == 16000 && stub_stream.pcm_width == 16 ? 0 : -1;
}

static inline int dmic_trigger(const struct device *device, enum dmic_trigger command)
{
    (void)device;
    (void)command;
    return 0;
}

static inline int dmic_read(const struct device *device, uint8_t stream, void **block, uint32_t *bytes, int32_t timeout)
{
    static int32_t blocks;
    (void)device;
    (void)stream;
    (void)timeout;
    if (getenv("OVERRUN") != NULL && ++blocks == 10) {
        return -1;
    }
    *block = malloc(stub_stream.block_size);
    *bytes = 2u * (uint32_t)recorded((int16_t *)*block, stub_stream.block_size / 2);
    if (*bytes == 0) {
        free(*block);
        return -1;
    }
    stub_stream.mem_slab->used++;
    return 0;
}

#endif
