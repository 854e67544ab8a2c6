"""`QuantizedModel`: an `Arch` with integer weights, scales and zero points. Its file form is `.tflite`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.arch import Arch


@dataclass(frozen=True)
class TensorQuant:
    """Affine quantisation of an activation: real value = scale * (code - zero_point).

    - scale: the real value of one step, positive.
    - zero_point: the code of the real value 0, an integer of the tensor's type.
    """

    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """Integer parameters of a Conv2D, DepthwiseConv2D or FullyConnected layer.

    - weights: int8, laid out as in TensorFlow Lite: `[filters, kh, kw, C]`, `[1, kh, kw, C * multiplier]` or
      `[units, inputs]`. Values lie in [-127, 127], or in [-7, 7] for 4 bits; released models may use the full range.
    - scales: float32 `[outputs]`, one for each output channel, or `[1]`, one for the whole tensor; 0 for a filter that
      was pruned.
    - bias: int32 `[outputs]` in units of input scale * weight scale, or None. Where the input is int16, it may be int64
      as well; sums have 64 bits then, and where there is none, otherwise 32.
    - zero_point: the code of the weight 0. Only a FullyConnected layer whose weights have one scale may have another
      than 0.
    """

    weights: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    bias: npt.NDArray[np.int32] | npt.NDArray[np.int64] | None
    zero_point: int = 0

    @property
    def centred(self) -> npt.NDArray[np.int8] | npt.NDArray[np.int16]:
        """The weights less their zero point: int16 where that is not 0, and then from -255 to 255."""
        return self.weights if self.zero_point == 0 else self.weights.astype(np.int16) - np.int16(self.zero_point)


InputArrays = npt.ArrayLike | Mapping[str, npt.NDArray[Any]]
"""The inputs of a network: an array `[N, *input_shape]`; of one with several, an array for each by its name."""

INPUT_ALIGNMENT = 4
"""The alignment of each input, in bytes, if several inputs lie one after another."""


def input_offsets(arch: Arch) -> tuple[int, ...]:
    """Returns the offset of each input of a network, as they lie one after another, and lastly their end."""
    sizes, at, found = arch.tensor_bytes(), 0, []
    for spec in arch.inputs:
        at = -(-at // INPUT_ALIGNMENT) * INPUT_ALIGNMENT
        found.append(at)
        at += sizes[spec.name]
    return (*found, at)


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A network that computes in integers.

    - arch: its layers and shapes.
    - quant: quantisation of every activation tensor of integer type, by the tensor's name, `INPUT` included; also that
      of constants, and of what `arch.own_variables()` returns.
    - weights: parameters of every layer that has weights, by the layer's name.
    - constants: the codes of every constant of `arch`, in its shape, by its name; `quant` has their scales.
    - initial: the codes of variables of `arch` before the first inference, in their shape, by name; a variable that is
      not there begins with zero points.
    - metadata: texts that the file carries (labels, front end, training run), by name.
    """

    arch: Arch
    quant: Mapping[str, TensorQuant]
    weights: Mapping[str, LayerWeights]
    metadata: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    initial: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def input_bytes(self) -> int:
        """Returns the bytes of all inputs, one after another, each aligned to `INPUT_ALIGNMENT`."""
        return input_offsets(self.arch)[-1]

    def tensor_bytes(self, name: str) -> int:
        """Returns the bytes of a tensor in memory."""
        return self.arch.tensor_bytes()[name]
