"""Checks for what TensorFlow Lite Micro cannot run although the model is sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from micronets.cost.tflm_arena import FileTensors
from micronets.errors import UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.ops import operator
from micronets.quantized.arithmetic import activation_range, bit_range
from micronets.quantized.model import QuantizedModel

_SOFTMAX_BITS = 26  # fractional bits of the differences that TFLM's kernel works with
_LEAST_SCALE, _SCALE_LIMIT = 2.0**-28, 2.0**34  # TFLM's Logistic and Tanh then shift left by 0 to 62
_ROOT_LIMIT = 4096  # TFLM's Rsqrt then shifts right by at most 31


def unset_values(arch: Arch) -> dict[str, npt.NDArray[np.bool_]]:
    """Returns which values TFLM leaves as they are in its arena, as a mask for each tensor that has any, by name.

    They are those that a SignalEnergy does not compute, and what a Cast or a Reshape makes of them. Here they are 0.
    """
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for step in arch.steps():
        layer = step.layer
        if isinstance(layer, layers.SignalEnergy):
            places = np.arange(step.output_shape[0])
            found[layer.name] = (places < layer.start) | (places >= layer.end)
        elif isinstance(layer, layers.Cast | layers.Reshape) and layer.inputs[0] in found:
            found[layer.name] = found[layer.inputs[0]].reshape(step.output_shape)
    return found


def why_tflm_cannot_run(model: QuantizedModel, tensors: FileTensors | None = None) -> str | None:
    """Returns why TFLM's kernels abort on a model or give what no rule foresees, in one line; None if they run it.

    Our C runs such a model all the same. TFLM's Softmax takes a multiplier above 1 only: `PreprocessSoftmaxScaling`
    ends the program for a smaller one. Logistic, Tanh and Rsqrt shift by numbers that follow from the scales, by more
    bits than C has a meaning for where these are extreme. CMSIS-NN, of which the kernels on a Cortex-M are, takes one
    scale for the weights of a FullyConnected layer of int16; TFLM's own kernel takes several. ADD, SUB and
    SQUARED_DIFFERENCE end the program for a scale of 0, which converters give to a constant of zeros alone. Of some
    operators that compute shapes TFLM has no kernel, and of a dilated convolution that was exported with an open batch
    it computes a part.

    What ends TFLM everywhere is named before what ends it on a Cortex-M.

    - model: the model.
    - tensors: the tensors of the file that it was read from; None for the file that we write, where no scale is 0.
    """
    if tensors is not None and tensors.missing is not None:
        return f"TFLM has no kernel of {tensors.missing}: TFLM cannot run this model"
    if tensors is not None and tensors.in_part is not None:
        return (
            f"TFLM would compute {tensors.in_part}: TFLM cannot run this model; export it with a batch of one "
            "(Input(shape, batch_size=1))"
        )
    on_cortex_m: str | None = None
    zero_scales = frozenset[str]() if tensors is None else tensors.zero_scales
    for step in model.arch.steps():
        layer = step.layer
        limit = None
        if step.input_types[:1] == ("float32",):  # no scale, no shift
            continue
        match layer:
            case layers.FullyConnected() if (
                step.input_types[0] == "int16" and len(model.weights[layer.name].scales) > 1
            ):
                scales = len(model.weights[layer.name].scales)
                on_cortex_m = on_cortex_m or (
                    f"layer '{layer.name}': CMSIS-NN's FULLY_CONNECTED of int16 takes one scale for all weights, not "
                    f"{scales}: TFLM cannot run this model on a Cortex-M"
                )
            case layers.Add() | layers.Sub() | layers.SquaredDifference() if layer.name in zero_scales:
                limit = "scales above 0, and that of its constant of zeros is 0"
            case layers.Softmax():
                scale = _scale(model, layer.inputs[0]) * float(np.float32(layer.beta))
                if scale * 2**_SOFTMAX_BITS <= 1:
                    limit = f"an input scale times beta above 2**-{_SOFTMAX_BITS}, not {scale:.3g}"
            case layers.Logistic() | layers.Tanh():
                scale = _scale(model, layer.inputs[0])
                if not _LEAST_SCALE <= scale < _SCALE_LIMIT:
                    limit = f"an input scale from 2**-28 to 2**34, not {scale:.3g}"
            case layers.Rsqrt():
                product = _scale(model, layer.inputs[0]) ** 0.5 * _scale(model, layer.name)
                if product > _ROOT_LIMIT:
                    limit = f"an output scale times the root of its input's of at most {_ROOT_LIMIT}, not {product:.3g}"
            case _:
                pass
        if limit is not None:
            name = operator(layer).tflite_name
            return f"layer '{layer.name}': TFLM's {name} takes {limit}: TFLM cannot run this model"
    return on_cortex_m


def _scale(model: QuantizedModel, name: str) -> float:
    """Returns the scale of a tensor as TFLM reads it from a file."""
    return float(np.float32(model.quant[name].scale))


def check_scales_of_four_bits(model: QuantizedModel) -> None:
    """Raises `UnsupportedError` for 4-bit weights with several scales, of a kind for which TFLM takes one only."""
    for step in model.arch.steps():
        layer, sizes = step.layer, step.weights
        if sizes is not None and sizes.one_scale and sizes.bits == 4 and len(model.weights[layer.name].scales) > 1:
            raise UnsupportedError(
                f"layer '{layer.name}': TFLM runs 4-bit {type(layer).__name__} weights with one scale only; use one "
                "per layer"
            )


def check_four_bit_outputs(model: QuantizedModel) -> None:
    """Raises `UnsupportedError` for an output of 4 bits whose codes no clamp keeps within 16 values."""
    types = model.arch.types()
    lo, hi = bit_range(4)
    for step in model.arch.steps():
        layer, facts = step.layer, step.operator
        if step.output_type != "int4":
            continue
        low, high = bit_range(8)
        if facts.activation is not None:
            low, high = activation_range(facts.activation, model.quant[layer.name])
        bordered = isinstance(layer, layers.Pad) and layer.value is not None  # by a code of 4 bits
        carried = (facts.within_input or bordered) and all(
            types.get(source) == "int4" and model.quant.get(source) == model.quant[layer.name]
            for source in layer.inputs
        )
        if not carried and not lo <= low <= high <= hi:
            raise UnsupportedError(
                f"layer '{layer.name}': TFLM has no 4-bit outputs, only clamps: the codes span [{low}, {high}], not "
                f"[{lo}, {hi}]; use activation 'relu6' with scale 0.4 and zero point -8, or 8 bits"
            )
