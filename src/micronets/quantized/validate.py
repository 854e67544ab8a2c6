"""`validate`: checks that a `QuantizedModel` is complete and consistent.

Every function that takes a model from outside calls it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from micronets.arguments import MISFITS, check_records
from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Step
from micronets.ir.layers import ACTIVATION_LIMITS, Activation
from micronets.ir.ops import Weights
from micronets.ir.ops.int16 import Symmetric
from micronets.ir.ops.lstm import GATES
from micronets.ir.ops.record import LARGEST_MULTIPLIER, Scale
from micronets.ir.types import UNSCALED, code_range
from micronets.quantized.arithmetic import bit_range, dtype_of
from micronets.quantized.lstm import FUNCTION_SCALE, GATE_SCALE, cell_power
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant

FIXED: Mapping[Scale, TensorQuant] = {
    "1/256": TensorQuant(1 / 256, -128),
    "1/65536": TensorQuant(1 / 65536, -32768),
    "1/128": TensorQuant(1 / 128, 0),
    "1/32768": TensorQuant(1 / 32768, 0),
    "1/16": TensorQuant(1 / 16, 127),
    "1": TensorQuant(1.0, 0),
}
"""The quantisation of outputs of those scales, which their kernels presuppose."""
TOLERANCES: Mapping[Scale, float] = {"1/65536": 0.001}
"""By what part of it a scale may differ from that in `FIXED`; others may not differ."""

LARGEST_BIAS_DIFFERENCE = 1e-5
"""By how much TFLM's SVDF lets the scale of the bias differ from that of the sums."""

CELL_POWERS = range(-40, 3)
"""The powers of two that the scale of an LSTM's cells may be next to; beyond them a shift of TFLM's tanh overflows."""

LOG_SOFTMAX_SCALE = 2.0**-26
"""What the input's scale of a LOG_SOFTMAX must be above: differences of codes have 26 fractional bits in its kernel."""

WIDE_SUM_LIMIT = 2**47
"""What sums of products of int16, with their bias, must stay below."""

_LARGEST_SCALE = 2.0**120  # 255 steps of this scale are still a float32


def validate(model: QuantizedModel) -> None:
    """Raises `SpecError` unless every layer has the weights, and every integer tensor the scale, that it needs."""
    try:
        _validate(model)
    except MISFITS:
        check_records(model)
        check_records(*model.quant.values(), *model.weights.values())
        raise


def _validate(model: QuantizedModel) -> None:
    """Does what `validate` says for a model whose fields are of the kinds that their annotations say."""
    arch = model.arch
    specs = (*arch.constants, *arch.own_variables().values())
    types = arch.types() | {spec.name: spec.type for spec in specs}
    for name, kind in types.items():
        if (kind in UNSCALED) == (name in model.quant):
            what = f"{kind} and has {'a scale' if kind in UNSCALED else 'no scale and zero point'}"
            raise SpecError(f"tensor '{name}' is {what}; integers need a scale, float32 has none")
    for name, quant in model.quant.items():
        if name not in types:
            raise SpecError(f"tensor '{name}' has a scale but is not in the architecture")
        lo, hi = code_range(types[name])
        scale = float(np.float32(quant.scale))
        if not 0 < scale < _LARGEST_SCALE:
            raise SpecError(f"tensor '{name}': scale {quant.scale} is not a positive float32 below 2**120")
        if not lo <= quant.zero_point <= hi:
            what = f"tensor '{name}': zero point {quant.zero_point}"
            raise SpecError(f"{what} is outside [{lo}, {hi}], the codes of {types[name]}")
    _check_initial(model)
    for constant in arch.constants:
        codes = model.constants.get(constant.name)
        want = dtype_of(constant.type)
        if codes is None or codes.dtype != want or codes.shape != constant.shape:
            found = "no values" if codes is None else f"{codes.dtype} {codes.shape}"
            raise SpecError(f"constant '{constant.name}' has {found}; need {want} {constant.shape}")
    for step in arch.steps():
        _check_step(model, step)


def _check_initial(model: QuantizedModel) -> None:
    """Raises `SpecError` for initial codes of no variable, or of another shape or type than the variable's."""
    variables = model.arch.variables()
    for name, codes in model.initial.items():
        if name not in variables:
            raise SpecError(f"variable '{name}' has initial codes but is not in the architecture")
        kept = variables[name]
        if codes.shape != kept.shape or codes.dtype != dtype_of(kept.type):
            want = f"{dtype_of(kept.type)} {kept.shape}"
            raise SpecError(f"variable '{name}': its initial codes are {codes.dtype} {codes.shape}; need {want}")


def _check_step(model: QuantizedModel, step: Step) -> None:
    """Raises `SpecError` where one layer's weights or scales are not what its kind needs."""
    layer, facts = step.layer, step.operator
    where = f"layer '{layer.name}'"
    if step.weights is not None:
        if layer.name not in model.weights:
            raise SpecError(f"{where}: {type(layer).__name__} has no weights")
        _check_weights(model.weights[layer.name], step, step.weights, where)
    elif layer.name in model.weights:
        raise SpecError(f"{where}: {type(layer).__name__} takes no weights")
    if step.input_types[:1] == ("int16",) and isinstance(layer, Symmetric):
        of_int16 = (name for name, of in zip(layer.inputs, step.input_types, strict=True) if of == "int16")
        for name in (*of_int16, *layer.outputs):
            if model.quant[name].zero_point:
                raise SpecError(
                    f"{where}: '{name}' has the zero point {model.quant[name].zero_point}; TFLM's {facts.tflite_name} "
                    "takes int16 tensors of the zero point 0 only"
                )
    if step.output_type == "int32" and isinstance(layer, layers.Add | layers.Sub | layers.Div):
        for name in layer.inputs:
            if model.quant[name] != FIXED["1"]:
                raise SpecError(f"{where}: '{name}' has a scale; TFLM's {facts.tflite_name} takes int32 without one")
    if facts.largest_rescale is not None:
        _check_rescale(model, step, facts.largest_rescale)
    match layer:
        case layers.Svdf():
            _check_svdf(model, layer, where)
        case layers.UnidirectionalSequenceLstm():
            _check_lstm(model, layer, where)
        case layers.SignalFilterBank():
            _check_filter_bank(model, layer, where)
        case layers.AddN() if step.output_type != "float32":
            first = model.quant[layer.inputs[0]]
            for name in layer.inputs[1:]:
                other = model.quant[name]
                if np.float32(first.scale) != np.float32(other.scale) or first.zero_point != other.zero_point:
                    raise SpecError(
                        f"{where}: TFLM's ADD_N takes inputs of one scale and zero point; '{layer.inputs[0]}' has "
                        f"{first.scale} and {first.zero_point}, '{name}' {other.scale} and {other.zero_point}"
                    )
        case layers.LogSoftmax():
            scale = model.quant[layer.inputs[0]].scale
            if scale <= LOG_SOFTMAX_SCALE:
                raise SpecError(
                    f"{where}: the scale of '{layer.inputs[0]}' is {scale:.4g}; a LOG_SOFTMAX takes one above 2**-26"
                )
        case _:
            pass
    if facts.activation is not None and step.output_type != "float32":
        for name in layer.outputs:
            _check_limit(model.quant[name], facts.activation, f"{where}: output '{name}'")
    if isinstance(layer, layers.Relu) and layer.six and step.output_type != "float32":
        _check_limit(model.quant[layer.inputs[0]], "relu6", f"{where}: input '{layer.inputs[0]}'")
    if facts.scale == "the input's":
        x = model.quant[layer.inputs[0]]
        for y in (model.quant[name] for name in layer.outputs):
            if abs(x.scale - y.scale) > 1e-6 or x.zero_point != y.zero_point:
                raise SpecError(
                    f"{where}: {type(layer).__name__} keeps scale and zero point, {x.scale} and {x.zero_point}; not {y}"
                )
    if facts.scale == "all inputs'":
        x = model.quant[layer.inputs[0]]
        for name in (*layer.inputs[1:], *layer.outputs):
            y = model.quant[name]
            if np.float32(x.scale) != np.float32(y.scale) or x.zero_point != y.zero_point:
                raise SpecError(
                    f"{where}: TFLM's {facts.tflite_name} takes tensors of one scale and zero point; "
                    f"'{layer.inputs[0]}' has {x.scale} and {x.zero_point}, '{name}' {y.scale} and {y.zero_point}"
                )
    if facts.scale in FIXED:
        fixed = FIXED[facts.scale]
        room = TOLERANCES.get(facts.scale, 0.0) * fixed.scale
        for q in (model.quant[name] for name in layer.outputs):
            if abs(q.scale - fixed.scale) > room or q.zero_point != fixed.zero_point:
                what = f"{where}: {type(layer).__name__} gives scale {facts.scale} and zero point {fixed.zero_point}"
                raise SpecError(f"{what}, not {q.scale} and {q.zero_point}")


def _check_lstm(model: QuantizedModel, layer: layers.UnidirectionalSequenceLstm, where: str) -> None:
    """Raises `SpecError` for scales and zero points with which TFLM's kernel of an LSTM does not compute one."""
    weights = layer.inputs[1 : 1 + 2 * GATES]
    for name in (*weights, layer.cell):
        if model.quant[name].zero_point:
            what = f"'{name}' has the zero point {model.quant[name].zero_point}"
            raise SpecError(f"{where}: {what}; TFLM's UNIDIRECTIONAL_SEQUENCE_LSTM takes weights and cells with 0 only")
    power = cell_power(model, layer)
    if power not in CELL_POWERS:
        raise SpecError(
            f"{where}: the scale of its cells is about 2**{power}; TFLM's UNIDIRECTIONAL_SEQUENCE_LSTM computes with "
            f"2**{CELL_POWERS.start} to 2**{CELL_POWERS.stop - 1}"
        )
    for k, name in enumerate(weights):
        vectors = layer.hidden if k >= GATES else layer.inputs[0]
        sums = float(np.float32(model.quant[vectors].scale)) * float(np.float32(model.quant[name].scale))
        if sums >= LARGEST_MULTIPLIER * GATE_SCALE:
            raise SpecError(
                f"{where}: the scale of '{name}' times that of its vectors is {sums:.4g}; TFLM's "
                f"UNIDIRECTIONAL_SEQUENCE_LSTM takes less than {LARGEST_MULTIPLIER * GATE_SCALE:,.0f}"
            )
    least = FUNCTION_SCALE**2 / LARGEST_MULTIPLIER
    if float(np.float32(model.quant[layer.hidden].scale)) <= least:
        scale = model.quant[layer.hidden].scale
        raise SpecError(f"{where}: the scale of '{layer.hidden}' is {scale:.4g}; TFLM takes more than {least:.4g}")


def _check_filter_bank(model: QuantizedModel, layer: layers.SignalFilterBank, where: str) -> None:
    """Raises `SpecError` for intervals of a SignalFilterBank that reach beyond its bins or its weights."""
    weights, _, *names = layer.inputs[1:]
    starts, weight_starts, widths = (model.constants[name].astype(np.int64) for name in names)
    bins = model.arch.shapes()[layer.inputs[0]][0]
    for name, first, count in ((names[0], starts, bins), (names[1], weight_starts, len(model.constants[weights]))):
        wrong = (widths > 0) & ((first < 0) | (first + widths > count))
        if wrong.any():
            k = int(wrong.argmax())
            raise SpecError(
                f"{where}: interval {k} of '{name}' has {widths[k]} numbers from {first[k]} on; there are {count}"
            )


def _check_svdf(model: QuantizedModel, layer: layers.Svdf, where: str) -> None:
    """Raises `SpecError` for scales and zero points that TFLM's kernel of an Svdf does not take or passes over."""
    _, features, ages, bias = layer.inputs
    for name in (features, ages, bias):
        if model.quant[name].zero_point:
            what = f"'{name}' has the zero point {model.quant[name].zero_point}"
            raise SpecError(f"{where}: {what}; TFLM's SVDF takes weights and biases with 0 only")
    sums = np.float32(model.quant[layer.variable].scale) * np.float32(model.quant[ages].scale)
    scale = float(np.float32(model.quant[bias].scale))
    if abs(scale - float(sums)) >= LARGEST_BIAS_DIFFERENCE:
        raise SpecError(
            f"{where}: the bias '{bias}' has the scale {scale:.4g}, the sums that it is added to have "
            f"{float(sums):.4g}; TFLM's SVDF takes a difference below {LARGEST_BIAS_DIFFERENCE:g}"
        )
    x, kept, target = (float(np.float32(model.quant[n].scale)) for n in (layer.inputs[0], layer.variable, layer.name))
    products = x * float(np.float32(model.quant[features].scale))
    for what, scale, of in (("products", products, kept), ("sums", float(sums), target)):
        if scale >= LARGEST_MULTIPLIER * of:
            raise SpecError(
                f"{where}: the scale of its {what}, {scale:.4g}, is {scale / of:.4g} times that of their codes; TFLM's "
                f"SVDF takes less than {LARGEST_MULTIPLIER:,.0f}"
            )


def _check_rescale(model: QuantizedModel, step: Step, limit: float) -> None:
    """Raises `SpecError` unless what a layer brings to the scale of its output is below `limit` of that scale.

    That is every input's scale, times that of the weights where there are any; the product of both scales where codes
    of two inputs are multiplied, and the square of the larger one where their difference is squared.
    """
    layer, facts = step.layer, step.operator
    scales = [float(np.float32(model.quant[name].scale)) for name in layer.inputs if name in model.quant]
    match layer:
        case layers.BatchMatMul() | layers.Mul() | layers.Prelu():
            what, products = "the product of its inputs' scales", [math.prod(scales)]
        case layers.SquaredDifference():
            what, products = "the square of its inputs' larger scale", [max(scales) ** 2]
        case _ if step.weights is not None:
            largest = float(model.weights[layer.name].scales.max())
            what, products = "its input's scale times that of its weights", [scale * largest for scale in scales]
        case _:
            what, products = "its input's scale", scales
    for product in products:
        for y in (model.quant[name] for name in layer.outputs if name in model.quant):
            scale = float(np.float32(y.scale))
            if product >= limit * scale:
                raise SpecError(
                    f"layer '{layer.name}': {what} {product:.4g} is {product / scale:.4g} times that of its output; "
                    f"TFLM's {facts.tflite_name} takes less than {limit:,.0f}"
                )


def _check_limit(quant: TensorQuant, activation: Activation, where: str) -> None:
    """Raises `SpecError` for a scale at which TFLM cannot hold the code of the activation's limit in 32 bits."""
    limit = ACTIVATION_LIMITS[activation][1]
    if math.isfinite(limit) and 2.0**31 * float(np.float32(quant.scale)) < limit:
        raise SpecError(
            f"{where}: at the scale {quant.scale:.4g} the {limit:g} of its {activation.upper()} has no code in 32 bits"
        )


def _check_weights(w: LayerWeights, step: Step, sizes: Weights, where: str) -> None:
    """Raises `SpecError` where the weights of a layer have not the types, shapes or ranges that its sizes ask for."""
    of_int16 = step.input_types == ("int16",)
    shape, outputs, bits = sizes.shape, sizes.channels, sizes.bits
    lo, hi = bit_range(bits)
    if w.weights.dtype != np.int8 or w.weights.shape != shape:
        raise SpecError(f"{where}: weights are {w.weights.dtype} {w.weights.shape}; need int8 {shape}")
    if int(w.weights.min()) < lo or int(w.weights.max()) > hi:
        raise SpecError(f"{where}: weights span [{w.weights.min()}, {w.weights.max()}]; {bits} bits hold [{lo}, {hi}]")
    if w.scales.dtype != np.float32 or w.scales.shape not in ((1,), (outputs,)):
        raise SpecError(f"{where}: scales are {w.scales.dtype} {w.scales.shape}; need float32 ({outputs},) or (1,)")
    if not (np.isfinite(w.scales).all() and (w.scales >= 0).all()):
        raise SpecError(f"{where}: a weight scale is negative or no number")
    if w.zero_point != 0 and (not sizes.one_scale or len(w.scales) > 1 or bits != 8 or not lo <= w.zero_point <= hi):
        raise SpecError(
            f"{where}: its weights have the zero point {w.zero_point}; only one from {lo} to {hi} is supported, of "
            "8-bit weights of a FullyConnected layer with one scale"
        )
    if of_int16:
        _check_int16(w, step, where)
    allowed = (
        [np.int32]
        if not of_int16
        else [np.int64]
        if isinstance(step.layer, layers.DepthwiseConv2D | layers.TransposeConv2D)
        else [np.int64, np.int32]
    )
    if w.bias is not None and (w.bias.dtype not in allowed or w.bias.shape != (outputs,)):
        need = " or ".join(np.dtype(kind).name for kind in allowed)
        raise SpecError(f"{where}: bias is {w.bias.dtype} {w.bias.shape}; need {need} ({outputs},)")


def _check_int16(w: LayerWeights, step: Step, where: str) -> None:
    """Raises `SpecError` for weights and biases that TFLM does not multiply with int16."""
    if w.zero_point:
        raise SpecError(
            f"{where}: its weights have the zero point {w.zero_point}; with int16 activations only 0 is known"
        )
    assert step.weights is not None
    largest = int(step.weights.taps) * 2**22 + (0 if w.bias is None else int(np.abs(w.bias.astype(np.float64)).max()))
    if largest >= WIDE_SUM_LIMIT:
        raise SpecError(f"{where}: its sums may reach {largest:,}; TFLM takes less than 2**47")
