#include "micronets_bytes.h"
#include "micronets_kernels.h"

/* Copies `count` single bytes that lie `step` apart and returns the end of the target. */
static int8_t *copy_bytes(int8_t *target, const int8_t *source, int32_t count, int32_t step)
{
#if MICRONETS_DSP
    const int32_t twice = 2 * step, thrice = 3 * step;
    for (; count >= 4; count -= 4, source += 4 * step, target += 4) {
        micronets_store4(target, micronets_pack4(source[0], source[step], source[twice], source[thrice]));
    }
#endif
    for (; count > 0; count--, source += step) {
        *target++ = *source;
    }
    return target;
}

/* Copies the innermost dimension and returns the end of the target. */
static int8_t *copy_line(int8_t *target, const int8_t *source, const micronets_copy_params *params)
{
    const int32_t step = params->step[4], run = params->run;
    if (run == 1) {
        return copy_bytes(target, source, params->count[4], step);
    }
    for (int32_t i = params->count[4]; i > 0; i--, source += step) {
        target = micronets_copy(target, source, run);
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
                const int8_t *line = first + a * n->step[0] + b * n->step[1] + c * n->step[2];
                for (int32_t d = n->count[3]; d > 0; d--, line += n->step[3]) {
                    output = copy_line(output, line, n);
                }
            }
        }
    }
}
