#include "micronets_copy_rows.h"
#include "micronets_dsp.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Of the words a and b: bytes 0 and 2 of both in turn. */
#define EVEN(a, b) (((a) & 0x00ff00ffu) | ((b) & 0x00ff00ffu) << 8)
/* Of the words a and b: bytes 1 and 3 of both in turn. */
#define ODD(a, b) (((a) >> 8 & 0x00ff00ffu) | ((b) & 0xff00ff00u))

/* Transposes the whole blocks of four by four bytes of four lines of the output, which are neighbouring
 * bytes of the input.
 *
 * source: [in] the first byte of the first line; from one byte of a line to the next it is `step` bytes.
 * target: [out] four lines of `count` bytes. Returns how many bytes of each line are done. */
static int32_t transpose_lines(const int8_t *source, int8_t *target, int32_t count, int32_t step)
{
    int32_t i = 0;
    for (; i + 4 <= count; i += 4, source += 4 * step, target += 4) {
        const uint32_t a = micronets_load4(source), b = micronets_load4(source + step);
        const uint32_t c = micronets_load4(source + 2 * step), d = micronets_load4(source + 3 * step);
        const uint32_t even = EVEN(a, b), odd = ODD(a, b), other_even = EVEN(c, d), other_odd = ODD(c, d);
        micronets_store4(target, (even & 0xffffu) | other_even << 16);
        micronets_store4(target + count, (odd & 0xffffu) | other_odd << 16);
        micronets_store4(target + 2 * count, even >> 16 | (other_even & 0xffff0000u));
        micronets_store4(target + 3 * count, odd >> 16 | (other_odd & 0xffff0000u));
    }
    return i;
}

#endif

/* Copies the two inner dimensions and returns the end of the target. */
static int8_t *copy_plane(int8_t *target, const int8_t *source, const micronets_copy_params *params)
{
    const micronets_copy_params *const n = params;
    const int32_t count = n->count[4], step = n->step[4], lines = n->count[3];
    int32_t line = 0;
#if MICRONETS_DSP
    if (n->run == 1 && n->step[3] == 1) {
        for (; line + 4 <= lines; line += 4, source += 4, target += 4 * count) {
            const int32_t done = transpose_lines(source, target, count, step);
            for (int32_t k = 0; k < 4 && done < count; k++) {
                micronets_copy_rows(target + k * count + done, 1, source + k + done * step, step, count - done, 1);
            }
        }
    }
#endif
    for (; line < lines; line++, source += n->step[3], target += count * n->run) {
        micronets_copy_rows(target, n->run, source, step, count, n->run);
    }
    return target;
}

void micronets_copy_strided(const int8_t *input, int8_t *output, const micronets_copy_params *params)
{
    const micronets_copy_params *const n = params;
    const int8_t *const first = input + n->start;
    for (int32_t a = 0; a < n->count[0]; a++) {
        for (int32_t b = 0; b < n->count[1]; b++) {
            for (int32_t c = 0; c < n->count[2]; c++) {
                output = copy_plane(output, first + a * n->step[0] + b * n->step[1] + c * n->step[2], n);
            }
        }
    }
}
