#include "micronets_requantize.h"
#include "micronets_state.h"

/* Returns a number of the table, between two of its entries, times 2^bits.
 *
 * place: the place in the table with `bits` fractional bits, at least 0. beyond: what is returned from the last entry
 * on. */
MICRONETS_INLINE int32_t interpolated(const uint16_t *table, uint32_t place, int32_t bits, int32_t beyond)
{
    const uint32_t k = place >> bits;
    if (k >= 255) {
        return beyond;
    }
    return (int32_t)(((uint32_t)table[k] << bits) +
                     (place & ((1u << bits) - 1u)) * (uint32_t)(table[k + 1] - table[k]));
}

/* Returns the sigmoid of a sum of a gate, with 15 fractional bits. */
MICRONETS_INLINE int32_t sigmoid(const uint16_t *table, int32_t x)
{
    const int32_t place = 3 * x;
    const int32_t y = interpolated(table, (uint32_t)(place < 0 ? -place : place), 9, 0x7fff << 10);
    return (place < 0 ? (1 << 25) - y + 511 : y + 512) >> 10;
}

/* Returns the tanh of x, which has 12 - shift fractional bits, with 15. */
MICRONETS_INLINE int32_t hyperbolic_tangent(const uint16_t *table, int32_t x, int32_t shift)
{
    const int32_t place = shift < 0 ? (3 * x + (1 << (-shift - 1))) >> -shift : x * (3 << shift);
    const int32_t y = interpolated(table, (uint32_t)(place < 0 ? -place : place), 8, 0xffff << 8);
    return (place < 0 ? (1 << 23) - y + 127 : y - (1 << 23) + 128) >> 8;
}

/* Returns `value` saturated to 16 bits. */
MICRONETS_INLINE int32_t saturated(int32_t value)
{
    return micronets_clamp(value, -32768, 32767);
}

void micronets_lstm_s8(const int8_t *input, int8_t *output, const int8_t *arena, int32_t hidden, int32_t cell,
                       int16_t *gates, const micronets_lstm *lstm)
{
    const micronets_lstm *const n = lstm;
    const uint16_t *const table = n->sigmoid;
    const int32_t units = n->hidden[0].outputs, zero = n->zero_point;
    int8_t *const last = micronets_state_of(arena) + hidden;
    int16_t *const cells = (int16_t *)(void *)(micronets_state_of(arena) + cell);
    int16_t *const other = gates + 4 * units;
    for (int32_t step = 0; step < n->steps; step++, input += n->vectors[0].inputs, output += units) {
        for (int32_t k = 0; k < 4; k++) {
            int16_t *const gate = gates + k * units;
            micronets_dense_s16(input, gate, &n->vectors[k]);
            micronets_dense_s16(last, other, &n->hidden[k]);
            for (int32_t u = 0; u < units; u++) {
                gate[u] = (int16_t)saturated(gate[u] + other[u]);
            }
        }
        for (int32_t u = 0; u < units; u++) {
            const int32_t into = sigmoid(table, gates[u]), forget = sigmoid(table, gates[units + u]);
            const int32_t made = hyperbolic_tangent(table, gates[2 * units + u], 0);
            const int32_t kept = saturated(micronets_multiply(forget * cells[u], 1 << 30, -14));
            const int32_t fresh = saturated(micronets_multiply(into * made, n->cell_multiplier, n->cell_shift));
            const int32_t state = micronets_clamp(saturated(kept + fresh), -n->clip, n->clip);
            const int32_t product =
                hyperbolic_tangent(table, state, n->tanh_shift) * sigmoid(table, gates[3 * units + u]);
            const int32_t value = micronets_multiply(product, n->output_multiplier, n->output_shift);
            cells[u] = (int16_t)state;
            last[u] = output[u] = (int8_t)(micronets_clamp(value, -128 - zero, 127 - zero) + zero);
        }
    }
}
