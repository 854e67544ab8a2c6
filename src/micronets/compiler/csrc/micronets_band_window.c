#include "micronets_kernels.h"

void micronets_band_window(const micronets_window *whole, const micronets_band *band, micronets_window *part)
{
    *part = *whole;
    part->in_h = band->in_h;
    part->out_h = band->rows;
    part->pad_top = band->pad_top;
}
