/* The detector: from the outputs of a network, one run after the other, to classes that fire, in integers.
 *
 * micronets.streaming.detector computes the same in numpy, to the last bit. There is no heap, no float and no libm. */
#ifndef MICRONETS_DETECTOR_H
#define MICRONETS_DETECTOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The score of certainty. */
#define MICRONETS_SCORE_ONE 32768

/* A class that fired.
 *
 * - class_index: its number.
 * - score: its averaged score, 0 .. MICRONETS_SCORE_ONE.
 * - time: samples of the stream up to the end of the frame after which the class fired. */
typedef struct {
    int32_t class_index;
    int32_t score;
    uint64_t time;
} micronets_decision;

/* The numbers of one detector; they lie in flash.
 *
 * - classes: how many outputs there are.
 * - average: the number of runs whose scores are averaged.
 * - softmax: 1 where `table` has exponentials, by how far a code is below the largest one; 0 where it has the score of
 *   each code, beginning with that of -128.
 * - table: [256], 0 .. MICRONETS_SCORE_ONE.
 * - least: [classes], the sum of the last `average` scores from which on a class fires.
 * - refractory: [classes], after how many runs a class may fire again, at least 1.
 * - least_loudness: the sum of the pixels of the newest frames from which on a class may fire. */
typedef struct {
    int32_t classes;
    int32_t average;
    int32_t softmax;
    const uint16_t *table;
    const int32_t *least;
    const int32_t *refractory;
    int32_t least_loudness;
} micronets_detector;

/* Words of the state of a detector: where the next scores go; for each class the sum of its last scores, and the number
 * of runs in which it may not fire yet; and the last scores. All are 0 before the first run. */
#define MICRONETS_DETECTOR_WORDS(classes, average) (1 + (classes) * (2 + (average)))

/* Takes the output of a run of the network. Returns the class that fires, or -1.
 *
 * - state: in and out, [MICRONETS_DETECTOR_WORDS(classes, average)].
 * - output: in, [classes].
 * - loudness: the sum of the pixels of the newest frames. */
int32_t micronets_detector_step(const micronets_detector *detector, int32_t *state, const int8_t *output,
                                int32_t loudness);

/* Returns the averaged score of a class after the last run, 0 .. MICRONETS_SCORE_ONE. */
int32_t micronets_detector_score(const micronets_detector *detector, const int32_t *state, int32_t class_index);

#ifdef __cplusplus
}
#endif

#endif
