#include "micronets_depthwise_lanes.h"
#include "micronets_mve_requantize.h"

#if MICRONETS_MVE

#define CHANNELS 8 /* that are computed together */

/* The sums of eight channels, those of the even ones and those of the odd ones apart. */
typedef struct {
    int32x4_t even, odd;
} channel_sums;

/* Adds the products of a tap, whose values are at x, with eight weights. */
MICRONETS_INLINE channel_sums add_tap(channel_sums sums, const int8_t *x, const int8_t *w)
{
    const int16x8_t u = vldrbq_s16(x), v = vldrbq_s16(w);
    const channel_sums more = {vaddq_s32(sums.even, vmullbq_int_s16(u, v)), vaddq_s32(sums.odd, vmulltq_int_s16(u, v))};
    return more;
}

/* Returns the sums of eight channels over the taps of any window. */
MICRONETS_INLINE channel_sums sums_of(const micronets_tap_steps *steps, const int8_t *x, const int8_t *w)
{
    channel_sums sums = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int32_t rows = steps->rows; rows > 0; rows--, x += steps->row) {
        const int8_t *tap = x;
        for (int32_t columns = steps->columns; columns > 0; columns--, tap += steps->column, w += CHANNELS) {
            sums = add_tap(sums, tap, w);
        }
    }
    return sums;
}

/* clang-format off */
/* Adds the products of the tap that lies STEP bytes behind the last one. */
#define NEXT_TAP(STEP)                           \
    "add %[x], %[x], %[" #STEP "]\n\t"           \
    "vldrb.s16 q0, [%[x]]\n\t"                   \
    "vldrb.s16 q1, [%[w]], #8\n\t"               \
    "vmullb.s16 q2, q0, q1\n\t"                  \
    "vmullt.s16 q0, q0, q1\n\t"                  \
    "vadd.i32 %q[even], %q[even], q2\n\t"        \
    "vadd.i32 %q[odd], %q[odd], q0\n\t"
/* clang-format on */

/* Returns the sums of eight channels over the taps of a window of 3 x 3. GCC takes twice as many instructions.
 *
 * column: bytes from a tap to the next. next_row: bytes from the last tap of a row to the first one of the next. */
MICRONETS_INLINE channel_sums sums_of_3x3(const int8_t *x, const int8_t *w, int32_t column, int32_t next_row)
{
    channel_sums sums;
    __asm__ volatile("vldrb.s16 q0, [%[x]]\n\t"
                     "vldrb.s16 q1, [%[w]], #8\n\t"
                     "vmullb.s16 %q[even], q0, q1\n\t"
                     "vmullt.s16 %q[odd], q0, q1\n\t" NEXT_TAP(column) NEXT_TAP(column) NEXT_TAP(next_row)
                         NEXT_TAP(column) NEXT_TAP(column) NEXT_TAP(next_row) NEXT_TAP(column) NEXT_TAP(column)
                     : [even] "=&w"(sums.even), [odd] "=&w"(sums.odd), [x] "+l"(x), [w] "+l"(w)
                     : [column] "r"(column), [next_row] "r"(next_row)
                     : "q0", "q1", "q2", "memory");
    return sums;
}

/* Returns the codes of four sums without their biases, before they are clamped.
 *
 * bias, multiplier: of the tables. shift: of the tables; where these are packed, it is not read. */
MICRONETS_INLINE int32x4_t scaled(int32x4_t sums, const int32_t *bias, const int32_t *multiplier, const int32_t *shift,
                                  int32_t packed)
{
    if (packed) {
        return micronets_scale4(sums, micronets_unpack_scales(vldrwq_s32(bias), vldrwq_s32(multiplier)));
    }
    return micronets_multiply4(vaddq_s32(sums, vldrwq_s32(bias)), vldrwq_s32(multiplier), vldrwq_s32(shift));
}

/* Computes all channels; packed: whether the tables are; is_3x3: whether the window has 3 x 3 taps. */
MICRONETS_INLINE void channels_of(const micronets_tap_steps *steps, const int8_t *x, int8_t *output, const int8_t *w,
                                  int32_t channels, const micronets_requant *requant, int32_t packed, int32_t is_3x3)
{
    const int16x8_t lowest = vdupq_n_s16(requant->lowest), highest = vdupq_n_s16(requant->highest);
    const int32_t column = steps->column, next_row = steps->row - 2 * column;
    const int32_t block = CHANNELS * steps->rows * steps->columns;
    const int16_t zero = requant->zero_point;
    const int32_t *bias = requant->bias, *multiplier = requant->multiplier, *shift = multiplier + requant->shift_count;
    for (const int8_t *const end = x + channels; x != end; x += CHANNELS, output += CHANNELS, w += block) {
        const channel_sums sums = is_3x3 ? sums_of_3x3(x, w, column, next_row) : sums_of(steps, x, w);
        const int32x4_t even = scaled(sums.even, bias, multiplier, shift, packed);
        const int32x4_t odd = scaled(sums.odd, bias + 4, multiplier + 4, shift + 4, packed);
        bias += CHANNELS;
        multiplier += CHANNELS;
        shift += CHANNELS;
        /* Saturated to 16 bits, a value lies on the same side of the limits. */
        const int16x8_t both = vqmovntq_s32(vqmovnbq_s32(lowest, even), odd);
        vstrbq_s16(output, vaddq_n_s16(vminq_s16(vmaxq_s16(both, lowest), highest), zero));
    }
}

void micronets_depthwise_pixel(const micronets_tap_steps *steps, const int8_t *x, int8_t *output, const int8_t *weights,
                               int32_t channels, const micronets_requant *requant)
{
    if (requant->shift_count > 0) {
        channels_of(steps, x, output, weights, channels, requant, 0, 0);
    } else if (steps->rows == 3 && steps->columns == 3) {
        channels_of(steps, x, output, weights, channels, requant, 1, 1);
    } else {
        channels_of(steps, x, output, weights, channels, requant, 1, 0);
    }
}

#endif
