/* The detector: from a network's outputs in successive runs to detected classes, in integer arithmetic.
 *
 * micronets.streaming.detector computes the same bits in numpy. It uses no heap, no float and no libm. */
#ifndef MICRONETS_DETECTOR_H
#define MICRONETS_DETECTOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The score that represents 1. */
#define MICRONETS_SCORE_ONE 32768

/* A detected class.
 *
 * - class_index: the index of the class.
 * - score: the averaged score of the class, 0 .. MICRONETS_SCORE_ONE.
 * - time: the number of samples from the start of the stream to the end of the frame after which the class was
 *     detected. */
typedef struct {
    int32_t class_index;
    int32_t score;
    uint64_t time;
} micronets_decision;

/* The parameters of one detector, in flash.
 *
 * - classes: the number of classes, one for each output.
 * - average: the number of runs whose scores are averaged.
 * - softmax: 1 if `table` holds exponentials, indexed by the difference between the largest code and a code; 0 if it
 *     holds the score of each code, starting with that of -128.
 * - table: [256], 0 .. MICRONETS_SCORE_ONE.
 * - least: [classes], the threshold of each class: the smallest sum of the last `average` scores for a detection.
 * - refractory: [classes], the number of runs after which a class may be detected again, at least 1.
 * - least_loudness: the smallest sum of the newest frames' pixels for a detection. */
typedef struct {
    int32_t classes;
    int32_t average;
    int32_t softmax;
    const uint16_t *table;
    const int32_t *least;
    const int32_t *refractory;
    int32_t least_loudness;
} micronets_detector;

/* 32-bit words of a detector's state: the index of the next scores; for each class, the sum of its last scores and the
 * remaining runs in which it may not be detected; and the last scores. All are 0 before the first run. */
#define MICRONETS_DETECTOR_WORDS(classes, average) (1 + (classes) * (2 + (average)))

/* Takes the output of one run of the network. Returns the detected class, or -1 if there is none.
 *
 * - state: in and out, [MICRONETS_DETECTOR_WORDS(classes, average)].
 * - output: in, [classes].
 * - loudness: the sum of the newest frames' pixels. */
int32_t micronets_detector_step(const micronets_detector *detector, int32_t *state, const int8_t *output,
                                int32_t loudness);

/* Returns the averaged score of a class after the last run, 0 .. MICRONETS_SCORE_ONE. */
int32_t micronets_detector_score(const micronets_detector *detector, const int32_t *state, int32_t class_index);

#ifdef __cplusplus
}
#endif

#endif
