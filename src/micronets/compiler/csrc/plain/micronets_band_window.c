#include "micronets_kernels.h"

void micronets_band_window(const micronets_window *whole, const micronets_band *band, micronets_window *part)
{
    *part = *whole;
    part->in_h = (uint16_t)band->in_h;
    part->out_h = (uint16_t)band->rows;
    part->pad_top = (uint16_t)band->pad_top;
}
