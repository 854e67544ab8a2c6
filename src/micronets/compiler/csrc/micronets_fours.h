/* Depthwise convolutions of four channels at a time: their values side by side in a word, as they are in the map. */
#ifndef MICRONETS_FOURS_H
#define MICRONETS_FOURS_H

#include "micronets_requantize_block.h"

/* What is the same for all lines of a strip, and where it is in them. Offsets are for the assembly. */
typedef struct micronets_four {
    int32_t scales[8];               /* 0: words of the quick tables: bias and multiplier of each channel */
    int32_t zero_point;              /* 32: of the output */
    int32_t bytes;                   /* 36: channels to clamp and to write one by one; 0: whole words, saturated */
    uint32_t lowest4, highest4;      /* 40, 44 */
    const uint32_t *weights;         /* 48 */
    int32_t x_step, out_step;        /* 52, 56: bytes from an output to the next */
    int8_t *out_end;                 /* 60: of the line */
    const uint32_t *x;               /* 64: the line */
    int32_t x_line, out_line;        /* 68, 72: bytes from a line of outputs to the next */
    int32_t channel;                 /* 76 */
    int32_t lines;                   /* 80 */
    int32_t next;                    /* 84: bytes from behind one line of the kernel to the next */
    int32_t row;                     /* 88: bytes of weights of a line of the kernel */
    int32_t back;                    /* 92: bytes from the end of a line of outputs to its begin, negative */
    const uint32_t *weights_end;     /* 96 */
    int32_t skipped;                 /* 100: bytes of the loop over taps that its first round leaves out */
    uint32_t entry;                  /* 104: of that loop */
    int32_t count, left;             /* 108, 112: outputs of a line; how many of them are still to compute */
    int8_t *to;                      /* 116: where the next one goes */
    const uint32_t *at;              /* 120: its window */
    const micronets_requant *requant;
    int32_t channels;
} micronets_four;

/* Computes the lines in plain C. */
MICRONETS_INLINE void micronets_four_lines(micronets_four *n)
{
    for (; n->lines > 0; n->lines--) {
        const uint32_t *x = n->x;
        for (int8_t *output = n->out_end + n->back; output != n->out_end; output += n->out_step, x += n->x_step / 4) {
            for (int32_t c = 0; c < n->channels; c++) {
                const uint32_t *value = x;
                int32_t sum = 0;
                for (const uint32_t *w = n->weights; w != n->weights_end; value += n->next / 4) {
                    for (const uint32_t *const end = w + n->row / 4; w != end; w++, value++) {
                        sum += (int8_t)(uint8_t)(*value >> 8 * c) * (int8_t)(uint8_t)(*w >> 8 * c);
                    }
                }
                output[c] = micronets_requantize(sum, n->requant, n->channel + c);
            }
        }
        n->x += n->x_line / 4;
        n->out_end += n->out_line;
    }
}

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)
#define MICRONETS_FOURS

/* r0: values, r1: weights, lr: micronets_fours; r6 to r9: sums. MUL is smul or smla, S0 to S3 what smla adds to. A tap has 40
 * bytes. */
#define MICRONETS_TAP_BY(LOAD, MUL, S0, S1, S2, S3)                                            \
    LOAD "ldr.w r3, [r1], #4\n\tsxtb16 r4, r2, ror #8\n\tsxtb16 r2, r2\n\t"                \
         "sxtb16 r5, r3, ror #8\n\tsxtb16 r3, r3\n\t" MUL "bb r6, r2, r3" S0 "\n\t" MUL   \
         "tt r8, r2, r3" S2 "\n\t" MUL "bb r7, r4, r5" S1 "\n\t" MUL "tt r9, r4, r5" S3 "\n\t"
#define MICRONETS_TAP(LOAD) MICRONETS_TAP_BY(LOAD, "smla", ", r6", ", r7", ", r8", ", r9")
#define MICRONETS_FIRST_TAP(LOAD) MICRONETS_TAP_BY(LOAD, "smul", "", "", "", "")

/* Lines of outputs. r11: values under the window, r12: output; WINDOW makes the sums. */
#define MICRONETS_CODES(A, B, FROM)                                                                                    \
    "ldr.w r0, [lr, #" FROM "]\n\tldr.w r1, [lr, #" FROM " + 4]\n\tldr.w r2, [lr, #" FROM " + 8]\n\t"                  \
    "ldr.w r3, [lr, #" FROM " + 12]\n\tldr.w r4, [lr, #32]\n\t"                                                        \
    "add.w " A ", " A ", r0, asr #8\n\tadd.w " B ", " B ", r2, asr #8\n\t"                                             \
    "smmlar " A ", " A ", r1, " A "\n\tsmmlar " B ", " B ", r3, " B "\n\t"                                             \
    "add.w " A ", " A ", " A ", asr #31\n\tadd.w " B ", " B ", " B ", asr #31\n\t"                                     \
    "asrs.w " A ", " A ", r0\n\tadc.w " A ", " A ", r4\n\tasrs.w " B ", " B ", r2\n\tadc.w " B ", " B ", r4\n\t"       \
    "ssat " A ", #8, " A "\n\tssat " B ", #8, " B "\n\t"
#define MICRONETS_LINES(PREPARE, WINDOW)                                                                               \
    "push {r4-r11, lr}\n\tmov lr, r0\n\t" PREPARE "ldr.w r11, [lr, #64]\n\tldr.w r12, [lr, #60]\n\t"                   \
    "ldr.w r1, [lr, #92]\n\tadd r12, r1\n\t"                                                                           \
    ".p2align 2\n1:\n\t" WINDOW MICRONETS_CODES("r6", "r7", "0") MICRONETS_CODES("r8", "r9", "16")                     \
    "bfi r6, r7, #8, #8\n\tbfi r6, r8, #16, #8\n\tbfi r6, r9, #24, #8\n\t"                                             \
    "ldr.w r0, [lr, #52]\n\tldr.w r1, [lr, #56]\n\tldr.w r2, [lr, #60]\n\tldr.w r3, [lr, #36]\n\t"                     \
    "cmp r3, #0\n\tbne.n 5f\n\tstr.w r6, [r12]\n"                                                                      \
    "2:\n\tadd r11, r0\n\tadd r12, r1\n\tcmp r12, r2\n\tbne.w 1b\n\t"                                                  \
    "ldr.w r3, [lr, #80]\n\tldr.w r4, [lr, #72]\n\tldr.w r5, [lr, #68]\n\tldr.w r11, [lr, #64]\n\t"                    \
    "adds r2, r2, r4\n\tadd r11, r5\n\tldr.w r5, [lr, #92]\n\tadd.w r12, r2, r5\n\t"                                       \
    "str.w r2, [lr, #60]\n\tstr.w r11, [lr, #64]\n\tsubs r3, #1\n\tstr.w r3, [lr, #80]\n\tbne.w 1b\n\t"                \
    "pop {r4-r11, pc}\n"                                                                                               \
    "5:\n\tldr.w r4, [lr, #40]\n\tldr.w r5, [lr, #44]\n\tssub8 r7, r6, r4\n\tsel r6, r6, r4\n\t"                       \
    "ssub8 r7, r5, r6\n\tsel r6, r6, r5\n\tmov r4, r12\n"                                                              \
    "6:\n\tstrb r6, [r4], #1\n\tlsrs r6, r6, #8\n\tsubs r3, #1\n\tbne.n 6b\n\tb.n 2b\n"
#endif

#endif
