#include "micronets_bytes.h"
#include "micronets_kernels.h"

/* Copies one to three bytes, or more, and returns the end of the target. */
static int8_t *copy_run(int8_t *target, const int8_t *source, int32_t run)
{
    if (run > 3) {
        return micronets_copy(target, source, run);
    }
    target[0] = source[0];
    if (run > 1) {
        target[1] = source[1];
    }
    if (run > 2) {
        target[2] = source[2];
    }
    return target + run;
}

/* Copies the runs of a line and returns the end of the target; runs that lie together are copied at once. */
static int8_t *copy_line(int8_t *target, const int8_t *line, const int32_t *columns, int32_t count, int32_t run)
{
    for (int32_t c = 0; c < count;) {
        const int8_t *const source = line + columns[c];
        int32_t bytes = run;
        for (c++; c < count && line + columns[c] == source + bytes; c++) {
            bytes += run;
        }
        target = copy_run(target, source, bytes);
    }
    return target;
}

void micronets_take(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count, const int32_t *columns,
                    int32_t column_count, int32_t run)
{
    const int32_t line_bytes = column_count * run;
    for (int32_t r = 0; r < row_count; r++) {
        if (r > 0 && rows[r] == rows[r - 1]) { /* the line before it, once more */
            output = copy_run(output, output - line_bytes, line_bytes);
        } else {
            output = copy_line(output, input + rows[r], columns, column_count, run);
        }
    }
}
