/* The application under Zephyr (3.6 or newer): a microphone through the "dmic" audio API, and text through printk.
 *
 * The microphone is the board's devicetree node `dmic_dev`; other boards need an overlay that defines it. */
#include <zephyr/audio/dmic.h>
#include <zephyr/device.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "app.h"
#include "output.h"
#include "sensor.h"

#define BLOCK_SAMPLES 320
#define BLOCK_BYTES (BLOCK_SAMPLES * (int32_t)sizeof(int16_t))
#define BLOCKS 16       /* blocks that can be pending while the network runs */
#define TIMEOUT_MS 2000 /* time after which a microphone without samples counts as failed */

K_MEM_SLAB_DEFINE_STATIC(blocks, BLOCK_BYTES, BLOCKS, 4);

static const struct device *const microphone = DEVICE_DT_GET(DT_NODELABEL(dmic_dev));
static void *block;          /* the block being read, or NULL */
static uint32_t taken, held; /* samples already taken from the block, and its number of samples */

int32_t sensor_start(int32_t rate)
{
    struct pcm_stream_cfg stream = {
        .pcm_rate = (uint32_t)rate,
        .pcm_width = 16,
        .block_size = BLOCK_BYTES,
        .mem_slab = &blocks,
    };
    struct dmic_cfg config = {
        .io = {.min_pdm_clk_freq = 1000000, .max_pdm_clk_freq = 3500000, .min_pdm_clk_dc = 40, .max_pdm_clk_dc = 60},
        .streams = &stream,
        .channel = {.req_num_streams = 1,
                    .req_num_chan = 1,
                    .req_chan_map_lo = dmic_build_channel_map(0, 0, PDM_CHAN_LEFT)},
    };
    if (!device_is_ready(microphone) || dmic_configure(microphone, &config) < 0 ||
        dmic_trigger(microphone, DMIC_TRIGGER_START) < 0) {
        output_line("the microphone dmic_dev does not start at the rate of the network");
        return -1;
    }
    return 0;
}

/* Gets the next block of samples. Returns 0, or a negative number if the microphone failed. */
static int32_t next_block(uint32_t *lost)
{
    uint32_t bytes = 0;
    if (dmic_read(microphone, 0, &block, &bytes, TIMEOUT_MS) < 0) {
        /* A driver that ran out of blocks has stopped. The length of the gap is unknown; count all blocks as lost. */
        *lost = BLOCK_SAMPLES * BLOCKS;
        if (dmic_trigger(microphone, DMIC_TRIGGER_START) < 0 ||
            dmic_read(microphone, 0, &block, &bytes, TIMEOUT_MS) < 0) {
            block = NULL;
            return -1;
        }
    }
    taken = 0;
    held = bytes / sizeof(int16_t);
    return 0;
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    *lost = 0;
    if (block == NULL && next_block(lost) < 0) {
        return -1;
    }
    int32_t count = 0;
    while (count < most && taken < held) {
        samples[count++] = ((const int16_t *)block)[taken++];
    }
    if (taken == held) {
        k_mem_slab_free(&blocks, block);
        block = NULL;
    }
    return count;
}

void sensor_stop(void)
{
    (void)dmic_trigger(microphone, DMIC_TRIGGER_STOP);
}

void output_line(const char *text)
{
    printk("%s\n", text);
}

int main(void)
{
    return app_run() != 0;
}
