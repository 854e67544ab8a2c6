"""`invoke` and `tensors`: run a model on this machine, for its outputs or for every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.arguments import checked
from micronets.commands.evaluate import REFERENCE, checked_runtime, outputs
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir.layers import INPUT, TensorSpec
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, dtype_of, quantize
from micronets.quantized.model import InputArrays, QuantizedModel
from micronets.runtimes import TFLM
from micronets.tflite import ModelSource, model_file

Array = npt.NDArray[Any]
Inputs = npt.ArrayLike | Mapping[str, npt.ArrayLike]
"""The inputs of a model as users give them: an array, or one for each input, in order or by name."""


@checked
def invoke(model: ModelSource, x: Inputs, runtime: str = REFERENCE) -> Array:
    """Computes outputs `[N, *output_shape]` of a model for inputs `[N, *input_shape]`.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `x`: real numbers, which are quantised as the model's input is, or codes of it, in its type (usually int8);
      outputs are of the same kind. A model with several inputs takes a list of arrays in its order, or a dict of arrays
      by the names of its inputs (`mn.read(path).arch.inputs`); outputs are then codes if no quantised input is given
      as real numbers.
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
def tensors(model: ModelSource, x: Inputs, runtime: str = REFERENCE) -> dict[str, Array]:
    """Computes every tensor of a model, `[N, *shape]` by the name of its layer, the input first.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `x`: real numbers or codes, as `invoke` takes them; the tensors are of the same kind.
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


def _codes(model: QuantizedModel, x: Inputs) -> tuple[InputArrays, bool]:
    """Returns inputs as the model takes them, and whether they were given as real numbers. Raises `SpecError`."""
    specs = model.arch.inputs
    given = _by_name(x, [spec.name for spec in specs])
    codes: dict[str, Array] = {}
    reals = set[str]()
    for spec in specs:
        label = "x" if len(specs) == 1 else f"x['{spec.name}']"
        codes[spec.name], real = _codes_of_one(model, spec, np.asarray(given[spec.name]), label)
        reals |= {spec.name} if real else set()
    quantised = model.quant.keys() & codes.keys()
    return codes if model.arch.more_inputs else codes[INPUT], not quantised or not reals.isdisjoint(quantised)


def _by_name(x: Inputs, names: list[str]) -> Mapping[str, npt.ArrayLike]:
    """Returns the arrays of a model's inputs by name. Raises `SpecError` unless there is one for each of `names`."""
    need = f"{names[0]}" if len(names) == 1 else f"a list of {len(names)} arrays, or a dict with {', '.join(names)}"
    if isinstance(x, Mapping):
        if set(x) != set(names):
            raise SpecError(f"x has the inputs {', '.join(map(str, x)) or 'of nothing'}; need {need}")
        return x
    if len(names) == 1:
        return {INPUT: x}
    if not isinstance(x, list | tuple) or len(x) != len(names):
        count = f" of {len(x)}" if isinstance(x, list | tuple) else ""
        raise SpecError(f"x is a {type(x).__name__}{count}, and the model has {len(names)} inputs; need {need}")
    return {name: np.asarray(values) for name, values in zip(names, x, strict=True)}


def _codes_of_one(model: QuantizedModel, spec: TensorSpec, given: Array, label: str) -> tuple[Array, bool]:
    """Returns one input as the model takes it, and whether it was given as real numbers. Raises `SpecError`.

    - model: the model.
    - spec: the name, shape and type of the input.
    - given: real numbers or codes.
    - label: what errors call them.
    """
    wrong = given.ndim != len(spec.shape) + 1 or given.shape[1:] != spec.shape
    if wrong or not len(given) or given.dtype.kind not in "fiu":
        want = ", ".join(map(str, ("N", *spec.shape)))
        raise SpecError(f"{label} is {given.dtype} {list(given.shape)}; need numbers [{want}], N inputs of the model")
    if given.dtype == dtype_of(spec.type) and spec.name in model.quant:
        return given, False
    if not np.isfinite(given).all():
        raise SpecError(f"{label} holds values that are not finite numbers; remove or repair them")
    real = given.astype(np.float32)
    return (quantize(real, model.quant[spec.name], spec.type) if spec.name in model.quant else real), True


def _real(model: QuantizedModel, name: str, codes: Array) -> Array:
    return dequantize(codes, model.quant[name]) if name in model.quant else codes
