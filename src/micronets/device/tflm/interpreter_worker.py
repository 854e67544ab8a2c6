"""The separate process for TensorFlow Lite Micro, which terminates its process when it rejects a model.

Requests come pickled on stdin and are answered, pickled, on what was stdout at first: `("ok", value)`, `("error",
text)`, or `("crashed", text)` where TFLM ended its process. A separate fork answers each request, so that TFLM is
loaded only once even if it crashes. Only `interpreter.py` starts this process and communicates with it.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_ANSWERED = 42
"""The exit code of a fork that has answered; TFLM and the system end a process with others."""


def main() -> None:
    """Reads and answers requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that output of the library does not mix with the answers
    from tflite_micro.python.tflite_micro import runtime

    while True:
        try:
            name, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            pickle.dump(_answer(runtime, name, arguments), answers, protocol=5)
            answers.flush()
            sys.stderr.flush()
            os._exit(_ANSWERED)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != _ANSWERED:
            pickle.dump(("crashed", f"the process ended with status {code}"), answers, protocol=5)
            answers.flush()


def _answer(runtime: Any, name: str, arguments: list[Any]) -> tuple[str, Any]:
    """Returns the answer to a request.

    - runtime: the module of TFLM.
    - name: the command.
    - arguments: the other arguments of the command.
    """
    commands: dict[str, Callable[..., Any]] = {
        "outputs": _outputs,
        "tensors": _tensors,
        "probe": _probe,
        "set_up": _set_up,
    }
    try:
        return ("ok", commands[name](runtime, *arguments))
    except (RuntimeError, ValueError, MemoryError) as e:
        return ("error", f"{type(e).__name__}: {e}")


def _outputs(runtime: Any, data: bytes, x: tuple[Array, ...], arena_bytes: int, count: int) -> list[Array]:
    """Returns the model's first `count` outputs, each `[N, *output shape]`, for inputs `[N, *input shape]`."""
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)
    found: list[list[Array]] = [[] for _ in range(count)]
    for sample in _samples(interpreter, x):
        for k, values in enumerate(sample):
            interpreter.set_input(values, k)
        interpreter.invoke()
        for k, seen in enumerate(found):
            y = interpreter.get_output(k)
            seen.append(y.reshape(_layer_shape(y.shape)).copy())
    return [np.stack(seen) for seen in found]


def _tensors(runtime: Any, data: bytes, x: tuple[Array, ...], arena_bytes: int, indices: list[int]) -> list[Array]:
    """Returns the tensors of these indices, each `[N, *shape]`, for inputs `[N, *input shape]`."""
    keep = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes, intrepreter_config=keep)
    seen: list[list[Array]] = [[] for _ in indices]
    for sample in _samples(interpreter, x):
        for k, values in enumerate(sample):
            interpreter.set_input(values, k)
        interpreter.invoke()
        for k, index in enumerate(indices):
            tensor = interpreter.GetTensor(index, 0)
            seen[k].append(np.array(tensor["tensor_data"]).reshape(_layer_shape(tuple(tensor["shape"]))))
    return [np.stack(s) for s in seen]


def _set_up(runtime: Any, data: bytes, arena_bytes: int) -> None:
    """Sets up the model, which fails if the arena is too small."""
    runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)


def _probe(runtime: Any, data: bytes, arena_bytes: int) -> None:
    """Runs one inference on zeros, which fails if the arena is too small."""
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)
    for k in range(_input_count(interpreter)):
        details = interpreter.get_input_details(k)
        interpreter.set_input(np.zeros(details["shape"], details["dtype"]), k)
    interpreter.invoke()


def _samples(interpreter: Any, x: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    """Yields the inputs of one sample after another, each in its shape in the file.

    Raises `ValueError` for another shape or type than the model's.
    """
    given = []
    for k, values in enumerate(x):
        details = interpreter.get_input_details(k)
        shape, dtype = tuple(int(n) for n in details["shape"]), np.dtype(details["dtype"])
        if values.dtype != dtype or values.shape[1:] != _layer_shape(shape):
            raise ValueError(f"the model takes {dtype} {shape}, the input is {values.dtype} {values.shape}")
        given.append(np.ascontiguousarray(values).reshape(len(values), *shape))
    yield from zip(*given, strict=True)


def _input_count(interpreter: Any) -> int:
    """Returns the number of inputs of a model."""
    count = 1
    while True:
        try:
            interpreter.get_input_details(count)
        except (IndexError, ValueError, RuntimeError):
            return count
        count += 1


def _layer_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape that layers give a tensor of that shape in a file: without a batch of one in front."""
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


if __name__ == "__main__":
    main()
