"""A network in C, written by hand, with the interface of generated code: three layers over 64 values."""

import numpy as np
import numpy.typing as npt

HEADER = """
#include <stdint.h>
#define MICRONETS_MODEL_ARENA_BYTES 128
#define MICRONETS_MODEL_LAYERS 3
int8_t *micronets_model_input(void *arena);
const int8_t *micronets_model_output(const void *arena);
void micronets_model_invoke(void *arena);
"""
CODE = """
#include <string.h>
#include "model.h"
#ifndef MICRONETS_LAYER
#define MICRONETS_LAYER(index) ((void)0)
#endif
static const int8_t weights[64] = {%s};
int8_t *micronets_model_input(void *arena) { return arena; }
const int8_t *micronets_model_output(const void *arena) { return (const int8_t *)arena + 64; }
static int8_t clamp(int32_t v) { return (int8_t)(v > 127 ? 127 : v < -128 ? -128 : v); }
void micronets_model_invoke(void *arena) {
    int8_t *x = arena, *y = x + 64;
    MICRONETS_LAYER(0);
    for (int i = 0; i < 64; i++) y[i] = clamp((x[i] * weights[i]) >> 4);
    MICRONETS_LAYER(1);
    memcpy(x, y, 64);
    MICRONETS_LAYER(2);
    for (int i = 0; i < 64; i++) y[i] = clamp(x[i] + x[63 - i]);
    MICRONETS_LAYER(3);
}
"""
WEIGHTS = [(7 * i) % 64 - 32 for i in range(64)]
SOURCES: dict[str, str | bytes] = {"model.h": HEADER, "model.c": CODE % ", ".join(map(str, WEIGHTS))}


def expected(x: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Returns what the network computes: int8 `[N, 64]` of int8 `[N, 64]`."""
    y = np.clip((x.astype(int) * np.array(WEIGHTS)) >> 4, -128, 127)
    return np.clip(y + y[:, ::-1], -128, 127).astype(np.int8)
