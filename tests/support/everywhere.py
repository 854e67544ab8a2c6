"""One network computed by all that compute networks here, each compared with the reference byte by byte."""

from __future__ import annotations

import numpy as np

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.tflm import interpreter
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.runtimes import OUR_C, on_sim
from micronets.runtimes.base import MeasureOptions
from micronets.tflite import ModelFile, read, write
from tests.support.generated_c import libraries


def same_everywhere(model: QuantizedModel, x: np.ndarray, data: bytes | None = None) -> None:
    """Asserts that the reference, TFLM (every tensor), our C (both forms, whole and in patches) and the simulated board
    give the same bytes, that the file reads back, and that TFLM's arena is as predicted. What is not installed is left
    out, but for the compiler of this machine.

    - data: the model's file; None for the one that we write.
    """
    written = write(model)
    assert read(written).arch == model.arch
    file = ModelFile("network", written if data is None else data, model)
    tensors = reference.tensors(model, x)
    if interpreter.available():
        for name, theirs in interpreter.tensors(file.content, x).items():
            ours = tensors[name]
            assert theirs.dtype == ours.dtype, name
            assert np.array_equal(theirs.reshape(ours.shape), ours, equal_nan=True), name
        predicted = file.arena_tflm_bytes(8)
        needed = interpreter.min_arena(file.content, predicted)
        assert needed <= predicted <= max(1.02 * needed, needed + 48)
    want = reference.output_bytes(model, x)
    compiled = [compile_model(model, arena_limit=limit) for limit in (None, 0)]
    for which, library in enumerate(libraries(compiled)):
        for number in range(len(compiled)):
            assert np.array_equal(reference.packed(library.outputs(number, x)), want), (which, number)
    board = load_board("NUCLEO-F446RE")
    if on_sim.unavailable(board) is None:
        assert OUR_C.measure(file, board, MeasureOptions(samples=3)).bit_exact
