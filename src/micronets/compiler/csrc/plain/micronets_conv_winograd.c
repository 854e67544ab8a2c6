#include "micronets_bytes.h"
#include "micronets_requantize.h"
#include "micronets_winograd.h"

/* Transforms one row of the input, or a row of padding, under all tiles of an output row.
 *
 * row: [in] the row's first value; 0 for padding. n: [in] the layer's window. v: [out] the row's words of the first
 * tile. strip: [scratch] six pixels, for tiles that extend beyond the edge. */
MICRONETS_SMALL
MICRONETS_APART void transform_row(const int8_t *row, const micronets_window *n, uint32_t *v, int8_t *strip)
{
    const int32_t c = n->in_c;
    for (int32_t x = 0; x < n->out_w; x += MICRONETS_TILE, v++) {
        const int32_t left = x - n->pad_left;
        const int8_t *source = strip;
        if (row && left >= 0 && left + MICRONETS_TILE_INPUTS <= n->in_w) {
            source = row + left * c;
        } else {
            for (int32_t i = 0; i < MICRONETS_TILE_INPUTS; i++) {
                if (row && left + i >= 0 && left + i < n->in_w) {
                    micronets_copy(strip + i * c, row + (left + i) * c, c);
                } else {
                    micronets_fill_words(strip + i * c, n->pad_value, c);
                }
            }
        }
        micronets_winograd_transform(source, c, v);
        if (x & MICRONETS_TILE) {
            v += MICRONETS_WINOGRAD_WORDS * c - MICRONETS_TILES;
        }
    }
}

MICRONETS_SMALL
void micronets_conv_winograd(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                             const micronets_window *n, const micronets_requant *requant)
{
    const int32_t c = n->in_c, together = MICRONETS_TILE * MICRONETS_TILES;
    const int32_t words = MICRONETS_WINOGRAD_WORDS * c, groups = (n->out_w + together - 1) / together;
    const int32_t lowest = requant->lowest + requant->zero_point, highest = requant->highest + requant->zero_point;
    micronets_winograd_block block = {
        .weights = weights,
        .bias = requant->bias,
        .multiplier = requant->multiplier,
        .filters = n->filters,
        .bytes = 12 * c,
        .pitch = n->out_c,
        .zero_point = requant->zero_point,
        .saturates = lowest == -128 && highest == 127,
        .lowest4 = micronets_limit4(requant, requant->lowest),
        .highest4 = micronets_limit4(requant, requant->highest),
        .turn = 0,
        .requant = requant,
    };
    int32_t slot = 0; /* of the ring of three rows: where the next row goes */
    for (int32_t y = -2; y < n->out_h; y++) {
        const int32_t in_y = y + 2 - n->pad_top;
        const int8_t *const row = in_y >= 0 && in_y < n->in_h ? input + in_y * n->in_w * c : 0;
        transform_row(row, n, scratch + MICRONETS_TILES * slot, (int8_t *)(void *)(scratch + groups * words));
        slot = slot == 2 ? 0 : slot + 1;
        if (y >= 0) {
            block.turn = slot == 0 ? 0 : 3 - slot; /* the slot that comes next has the window's first row */
            const uint32_t *v = scratch;
            for (int32_t x = 0; x < n->out_w; x += together, v += words) {
                micronets_winograd_multiply(&block, v, output + x * n->out_c, n->out_w - x);
            }
            output += n->out_w * n->out_c;
        }
    }
}
