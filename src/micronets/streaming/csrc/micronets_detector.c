/* The detector; see micronets_detector.h. */
#include "micronets_detector.h"

/* Computes the score of every class from the codes of the output. */
static void scores_of(const micronets_detector *detector, const int8_t *output, int32_t *scores)
{
    const int32_t classes = detector->classes;
    if (!detector->softmax) {
        for (int32_t i = 0; i < classes; i++) {
            scores[i] = detector->table[output[i] + 128];
        }
        return;
    }
    int32_t largest = -128;
    for (int32_t i = 0; i < classes; i++) {
        largest = output[i] > largest ? output[i] : largest;
    }
    uint32_t sum = 0;
    for (int32_t i = 0; i < classes; i++) {
        sum += detector->table[largest - output[i]];
    }
    for (int32_t i = 0; i < classes; i++) {
        scores[i] = (int32_t)(((uint32_t)detector->table[largest - output[i]] << 15) / sum);
    }
}

int32_t micronets_detector_step(const micronets_detector *detector, int32_t *state, const int8_t *output,
                                int32_t loudness)
{
    const int32_t classes = detector->classes;
    int32_t *const sums = state + 1, *const quiet = sums + classes;
    int32_t *const newest = quiet + classes + state[0] * classes;
    for (int32_t i = 0; i < classes; i++) {
        sums[i] -= newest[i];
    }
    scores_of(detector, output, newest);
    state[0] = state[0] + 1 < detector->average ? state[0] + 1 : 0;
    int32_t best = 0;
    for (int32_t i = 0; i < classes; i++) {
        sums[i] += newest[i];
        quiet[i] -= quiet[i] > 0;
        best = sums[i] > sums[best] ? i : best;
    }
    if (sums[best] < detector->least[best] || loudness < detector->least_loudness || quiet[best] > 0) {
        return -1;
    }
    quiet[best] = detector->refractory[best];
    return best;
}

int32_t micronets_detector_score(const micronets_detector *detector, const int32_t *state, int32_t class_index)
{
    return state[1 + class_index] / detector->average;
}
