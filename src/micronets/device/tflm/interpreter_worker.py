"""The process in which TensorFlow Lite Micro runs, since TFLM ends the process that it runs in when it refuses a model.

Requests come pickled on stdin and are answered, pickled, on what was stdout at first: `("ok", value)` or `("error",
text)`. Only `interpreter.py` starts it and talks to it.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def main() -> None:
    """Reads and answers requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that nothing the library prints can mix with the answers
    from tflite_micro.python.tflite_micro import runtime

    commands: dict[str, Callable[..., Any]] = {"outputs": _outputs, "tensors": _tensors, "probe": _probe}
    while True:
        try:
            name, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = ("ok", commands[name](runtime, *arguments))
        except (RuntimeError, ValueError, MemoryError) as e:
            answer = ("error", f"{type(e).__name__}: {e}")
        sys.stderr.flush()
        pickle.dump(answer, answers, protocol=5)
        answers.flush()


def _outputs(runtime: Any, data: bytes, x: Array, arena_bytes: int, count: int) -> list[Array]:
    """Returns the model's first `count` outputs, each `[N, *output shape]`, for inputs `[N, *input shape]`."""
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)
    found: list[list[Array]] = [[] for _ in range(count)]
    for sample in _batches(interpreter, x):
        interpreter.set_input(sample, 0)
        interpreter.invoke()
        for k, seen in enumerate(found):
            y = interpreter.get_output(k)
            seen.append(y.reshape(_layer_shape(y.shape)).copy())
    return [np.stack(seen) for seen in found]


def _tensors(runtime: Any, data: bytes, x: Array, arena_bytes: int, indices: list[int]) -> list[Array]:
    """Returns the tensors of these indices, each `[N, *shape]`, for inputs `[N, *input shape]`."""
    keep = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes, intrepreter_config=keep)
    seen: list[list[Array]] = [[] for _ in indices]
    for sample in _batches(interpreter, x):
        interpreter.set_input(sample, 0)
        interpreter.invoke()
        for k, index in enumerate(indices):
            tensor = interpreter.GetTensor(index, 0)
            seen[k].append(np.array(tensor["tensor_data"]).reshape(_layer_shape(tuple(tensor["shape"]))))
    return [np.stack(s) for s in seen]


def _probe(runtime: Any, data: bytes, arena_bytes: int) -> None:
    """Runs one inference, of zeros, which fails where the arena is too small."""
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)
    details = interpreter.get_input_details(0)
    interpreter.set_input(np.zeros(details["shape"], details["dtype"]), 0)
    interpreter.invoke()


def _batches(interpreter: Any, x: Array) -> Array:
    """Returns inputs as `[N, *shape in the file]`. Raises `ValueError` for another shape or type than the model's."""
    details = interpreter.get_input_details(0)
    shape, dtype = tuple(int(n) for n in details["shape"]), np.dtype(details["dtype"])
    if x.dtype != dtype or x.shape[1:] != _layer_shape(shape):
        raise ValueError(f"the model takes {dtype} {shape}, the input is {x.dtype} {x.shape}")
    return np.ascontiguousarray(x).reshape(len(x), *shape)


def _layer_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape that layers give a tensor of that shape in a file: without a batch of one in front."""
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


if __name__ == "__main__":
    main()
