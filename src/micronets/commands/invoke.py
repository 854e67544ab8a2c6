"""`invoke` and `tensors`: run a model on this machine, for its outputs or for every tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.arguments import checked
from micronets.commands.evaluate import REFERENCE, checked_runtime, outputs
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir.layers import INPUT
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, dtype_of, quantize
from micronets.quantized.model import QuantizedModel
from micronets.runtimes import TFLM
from micronets.tflite import ModelSource, model_file

Array = npt.NDArray[Any]


@checked
def invoke(model: ModelSource, x: npt.ArrayLike, runtime: str = REFERENCE) -> Array:
    """Computes outputs `[N, *output_shape]` of a model for inputs `[N, *input_shape]`.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `x`: real numbers, which are quantised as the model's input is, or codes of it, in its type (usually int8);
      outputs are of the same kind.
    - `runtime`: `reference` (integers in numpy, which define a model's outputs), `c` (the C that `compile` writes,
      built for this machine) or `tflm` (TensorFlow Lite Micro, if it is installed). All three give the same bytes.

    Raises `SpecError` for inputs of another shape, `DeviceError` if a runtime cannot be built or run.
    """
    checked_runtime(runtime)
    file = model_file(model)
    codes, real = _codes(file.model, x)
    out = outputs(file, codes, runtime)
    return _real(file.model, file.model.arch.output, out) if real else out


@checked
def tensors(model: ModelSource, x: npt.ArrayLike, runtime: str = REFERENCE) -> dict[str, Array]:
    """Computes every tensor of a model, `[N, *shape]` by the name of its layer, the input first.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `x`: real numbers or codes `[N, *input_shape]`, as for `invoke`; the tensors are of the same kind.
    - `runtime`: `reference` or `tflm`. Our C keeps no tensors, so `c` is refused.

    Raises the errors of `invoke`, and `SpecError` for the runtime `c`.
    """
    checked_runtime(runtime)
    if runtime not in (REFERENCE, TFLM.name):
        raise SpecError(
            f"runtime = {runtime}: keeps no tensors, as they share memory; allowed: {REFERENCE}, {TFLM.name}"
        )
    file = model_file(model)
    codes, real = _codes(file.model, x)
    found = reference.tensors(file.model, codes) if runtime == REFERENCE else interpreter.tensors(file.content, codes)
    return {name: _real(file.model, name, t) if real else t for name, t in found.items()}


def _codes(model: QuantizedModel, x: npt.ArrayLike) -> tuple[Array, bool]:
    """Returns inputs as codes, and whether they were given as real numbers. Raises `SpecError`."""
    model.arch.check_one_input()
    given = np.asarray(x)
    shape = model.arch.input_shape
    if given.ndim != len(shape) + 1 or given.shape[1:] != shape or not len(given) or given.dtype.kind not in "fiu":
        want = ", ".join(map(str, shape))
        raise SpecError(f"x is {given.dtype} {list(given.shape)}; need numbers [N, {want}], N inputs of the model")
    if given.dtype == dtype_of(model.arch.input_type) and INPUT in model.quant:
        return given, False
    if not np.isfinite(given).all():
        raise SpecError("x holds values that are not finite numbers; remove or repair them")
    real = given.astype(np.float32)
    return (quantize(real, model.quant[INPUT], model.arch.input_type) if INPUT in model.quant else real), True


def _real(model: QuantizedModel, name: str, codes: Array) -> Array:
    return dequantize(codes, model.quant[name]) if name in model.quant else codes
