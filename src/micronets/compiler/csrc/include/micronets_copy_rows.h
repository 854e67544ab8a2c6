/* Copying of rows of bytes with constant strides. */
#ifndef MICRONETS_COPY_ROWS_H
#define MICRONETS_COPY_ROWS_H

#include <stdint.h>

/* Copies rows of bytes.
 *
 * target: [out] `rows` rows of `run` bytes, `target_step` bytes apart, at least `run`; the bytes between them do not
 * change. source: [in] as many rows, `source_step` bytes apart, which may be negative. The two must not overlap, but a
 * row may be copied onto itself.
 * rows: at least 0. run: at least 1. */
void micronets_copy_rows(int8_t *target, int32_t target_step, const int8_t *source, int32_t source_step, int32_t rows,
                         int32_t run);

#endif
