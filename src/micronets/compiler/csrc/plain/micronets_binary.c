#include "micronets_bytes.h"
#include "micronets_kernels.h"

#define CHUNK 128 /* codes of an operand, with repeated values written out, that are combined together */

/* An operand within the two inner loops. */
typedef struct {
    const int8_t *codes;      /* the first code */
    int32_t row_step, step;   /* codes from a row to the next, and from a value to the next */
    int32_t row_count, count; /* rows, and values of a row */
} operand;

/* Writes rows of an operand one after another, with repeated values written out, and returns them.
 *
 * x: [in] the operand. row: the first row. rows, count: how many rows, and how many values of each; at most CHUNK
 * values together. chunk: [out] the values. */
MICRONETS_SMALL
static const int8_t *gathered(const operand *x, int32_t row, int32_t rows, int32_t count, int8_t *chunk)
{
    const int8_t *from = x->codes + row * x->row_step;
    int8_t *to = chunk;
    for (; rows > 0; rows--, from += x->row_step) {
        to = x->step ? micronets_copy(to, from, count) : micronets_fill_words(to, *from, count);
    }
    return chunk;
}

/* Returns whether the values of an operand lie one after another through all rows. */
static int32_t lies_together(const operand *x)
{
    return (x->step == 1 || x->count == 1) && (x->row_step == x->count || x->row_count == 1);
}

/* Combines the two inner loops and returns the end of the output. */
MICRONETS_SMALL
static int8_t *combine_rows(const operand *a, const operand *b, int8_t *output, const micronets_add_params *params,
                            micronets_row *row)
{
    const int32_t count = a->count, rows = a->row_count;
    const int32_t together_a = lies_together(a), together_b = lies_together(b);
    if (together_a && together_b) {
        row(a->codes, b->codes, output, rows * count, params);
        return output + rows * count;
    }
    int8_t chunk_a[CHUNK], chunk_b[CHUNK];
    if (count > CHUNK / 2) { /* a row at a time, or parts of one; a value that is repeated fills a chunk once */
        for (int32_t y = 0; y < rows; y++) {
            const int8_t *x1 = a->codes + y * a->row_step, *x2 = b->codes + y * b->row_step;
            const int32_t step_a = a->step, step_b = b->step, part = step_a && step_b ? count : CHUNK;
            x1 = step_a ? x1 : gathered(a, y, 1, count < part ? count : part, chunk_a);
            x2 = step_b ? x2 : gathered(b, y, 1, count < part ? count : part, chunk_b);
            for (int32_t done = 0; done < count; done += part) {
                const int32_t now = count - done < part ? count - done : part;
                row(x1 + done * step_a, x2 + done * step_b, output + done, now, params);
            }
            output += count;
        }
        return output;
    }
    int32_t together = CHUNK / count;                   /* rows that are combined together */
    together = together > 8 ? together & ~7 : together; /* then their codes are whole groups of eight, which is fast */
    for (int32_t y = 0; y < rows; y += together) {
        const int32_t now = rows - y < together ? rows - y : together;
        /* Rows that are repeated are written out once. */
        const int32_t ready_a = y > 0 && a->row_step == 0, ready_b = y > 0 && b->row_step == 0;
        const int8_t *const x1 = together_a ? a->codes + y * count
                                 : ready_a  ? chunk_a
                                            : gathered(a, y, now, count, chunk_a);
        const int8_t *const x2 = together_b ? b->codes + y * count
                                 : ready_b  ? chunk_b
                                            : gathered(b, y, now, count, chunk_b);
        row(x1, x2, output, now * count, params);
        output += now * count;
    }
    return output;
}

MICRONETS_SMALL
void micronets_binary(const int8_t *a, const int8_t *b, int8_t *output, const micronets_broadcast *shape,
                      const micronets_add_params *params, micronets_row *row)
{
    const micronets_broadcast *const n = shape;
    for (int32_t i = 0; i < n->size[0]; i++) {
        for (int32_t j = 0; j < n->size[1]; j++) {
            const operand x = {a + i * n->a[0] + j * n->a[1], n->a[2], n->a[3], n->size[2], n->size[3]};
            const operand y = {b + i * n->b[0] + j * n->b[1], n->b[2], n->b[3], n->size[2], n->size[3]};
            output = combine_rows(&x, &y, output, params, row);
        }
    }
}
