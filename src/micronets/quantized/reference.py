"""The numpy integer interpreter, which defines what a `QuantizedModel` computes.

Every tensor has the same bytes as in TensorFlow Lite Micro. Sums of products use float BLAS and are exact: float32 if
no partial sum can reach 2**24, otherwise float64 (2**53).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, assert_never

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Step
from micronets.ir.layers import INPUT, Binary, Shape
from micronets.ir.types import Type, code_range, stored
from micronets.quantized.arithmetic import (
    IntArray,
    activation_range,
    add_bits,
    add_rescale,
    dequantize,
    dtype_of,
    mean_rescale,
    mul_rescale,
    multiply_by_quantized_multiplier,
    prelu_rescale,
    quantize,
    rescale,
    square_bits,
    squared_difference_rescale,
)
from micronets.quantized.comparison import compared, real_values
from micronets.quantized.hard_swish import hard_swish_codes
from micronets.quantized.int16 import int16_logistic_codes, int16_softmax_codes, int16_tanh_codes
from micronets.quantized.log_softmax import log_softmax_codes
from micronets.quantized.lstm import lstm_steps
from micronets.quantized.model import InputArrays, QuantizedModel, TensorQuant, input_offsets
from micronets.quantized.numbers import combined, function_of, normalised, reduced, softmax_of
from micronets.quantized.places import nearest_places, resized, with_box
from micronets.quantized.products import (
    convolved,
    convolved_transposed,
    exact_products,
    multiplied_matrices,
    requantised,
    tap_windows,
)
from micronets.quantized.signal import signal_outputs
from micronets.quantized.softmax import softmax_codes
from micronets.quantized.state import first_state
from micronets.quantized.svdf import svdf_step
from micronets.quantized.totals import running_sums, total_codes
from micronets.quantized.unary import (
    abs_codes,
    elu_codes,
    leaky_relu_codes,
    logistic_codes,
    normalised_codes,
    rsqrt_codes,
    tanh_codes,
)
from micronets.quantized.validate import validate

Array = npt.NDArray[Any]

_CHUNK_VALUES = 1 << 20  # values of the largest working array, so that it fits the processor's cache


def run(model: QuantizedModel, x: InputArrays, state: dict[str, Array] | None = None) -> Array:
    """Returns the output `[N, *output_shape]` of a network with one output.

    - model: the network.
    - x: the input `[N, *input_shape]`; for a network with several inputs, an array for each by its name.
    - state: see `outputs`.

    Input and output have the types of `arch.types()`; 4-bit tensors are int8. Raises `SpecError` for inputs of another
    shape or type, for an inconsistent model, and for a model with several outputs.
    """
    return outputs(model, x, state)[model.arch.only_output]


def outputs(model: QuantizedModel, x: InputArrays, state: dict[str, Array] | None = None) -> dict[str, Array]:
    """Returns every output by its name, in the order of `arch.outputs`.

    - model: the network.
    - x: the input `[N, *input_shape]`, or an array for each of several inputs by its name.
    - state: the codes of the variables, as `first_state` returns them. They are updated to the state after the last
      inference, so that another call continues from there. None starts from the initial state.

    Inputs and outputs, `[N, *shape]`, have the types of `arch.types()`; 4-bit tensors are int8. Raises `SpecError` for
    inputs of another shape or type, and for an inconsistent model.
    """
    given = checked_inputs(model, x)
    size, names = _chunk(model), model.arch.outputs
    state = first_state(model) if state is None else state
    found: dict[str, list[Array]] = {name: [] for name in names}
    for i in range(0, max(1, len(given[INPUT])), size):
        for name, y in _execute(model, {name: v[i : i + size] for name, v in given.items()}, state):
            if name in found:
                found[name].append(y)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def output_bytes(model: QuantizedModel, x: InputArrays) -> npt.NDArray[np.int8]:
    """Returns all outputs as bytes, int8 `[N, bytes]`: the outputs of each sample one after another, in order.

    The arguments and the errors are those of `outputs`.
    """
    return packed(outputs(model, x))


def packed(found: Mapping[str, Array]) -> npt.NDArray[np.int8]:
    """Returns outputs `[N, *shape]`, given by name and in order, as bytes, int8 `[N, bytes]`."""
    rows = [np.ascontiguousarray(y).reshape(len(y), -1).view(np.int8) for y in found.values()]
    return np.concatenate(rows, axis=1)


def tensors(model: QuantizedModel, x: InputArrays) -> dict[str, Array]:
    """Returns every tensor by its name, `INPUT` first, each `[N, *shape]`.

    The arguments and the errors are those of `outputs`.
    """
    given = checked_inputs(model, x)
    size, state = _chunk(model), first_state(model)
    starts = range(0, max(1, len(given[INPUT])), size)
    parts = [dict(_execute(model, {name: v[i : i + size] for name, v in given.items()}, state)) for i in starts]
    return given | {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def checked_inputs(model: QuantizedModel, x: InputArrays) -> dict[str, Array]:
    """Returns the inputs by name, in order.

    - model: the network.
    - x: an array for the only input, or an array for each input by its name.

    Raises `SpecError` for wrong names, shapes or types, for unequal numbers of samples, and for an inconsistent model.
    """
    validate(model)
    specs = model.arch.inputs
    names = [spec.name for spec in specs]
    if not isinstance(x, Mapping):
        model.arch.check_one_input()
        x = {INPUT: np.asarray(x)}
    if set(x) != set(names):
        raise SpecError(f"the model takes the inputs {', '.join(names)}, not {', '.join(map(str, x))}")
    for spec in specs:
        dtype, given = dtype_of(spec.type), x[spec.name]
        if given.dtype != dtype or given.shape[1:] != spec.shape:
            want = f"{dtype} [N, {', '.join(map(str, spec.shape))}]"
            of = f" for '{spec.name}'" if len(specs) > 1 else ""
            raise SpecError(
                f"the model takes {want}{of}, not {given.dtype} {list(given.shape)}; quantise with quant.quantize"
            )
        if len(given) != len(x[names[0]]):
            raise SpecError(f"{len(x[names[0]])} samples of '{names[0]}' and {len(given)} of '{spec.name}'")
    return {name: x[name] for name in names}


def inputs_of_codes(model: QuantizedModel, draw: Callable[[Shape, Type], Array]) -> InputArrays:
    """Returns inputs made from codes, which `draw` returns for a shape and a type.

    A float32 input gets the real values of codes with the quantisation of the network's first quantised tensor. An
    input of indices, which a Lookup reads, gets valid indices. The result is an array for a network with one input, and
    a mapping by name for several.
    """
    types = model.arch.types()
    codes = next((name for name in types if name in model.quant), None)
    found: dict[str, Array] = {}
    for spec in model.arch.inputs:
        if spec.type != "float32":
            found[spec.name] = draw(spec.shape, spec.type)
        elif codes is not None:
            found[spec.name] = dequantize(draw(spec.shape, types[codes]), model.quant[codes])
        else:  # nothing is quantised; the values resemble normalised data
            found[spec.name] = dequantize(draw(spec.shape, "int8"), TensorQuant(1 / 32, 0))
    for step in model.arch.steps():
        if isinstance(step.layer, layers.Lookup) and step.layer.inputs[1] in found:
            found[step.layer.inputs[1]] %= step.input_shapes[0][step.layer.axis]
    return found if model.arch.more_inputs else found[INPUT]


def packed_inputs(model: QuantizedModel, x: InputArrays) -> npt.NDArray[np.int8]:
    """Returns the inputs of every sample as bytes, int8 `[N, bytes]`, laid out as in the arena of the network's C.

    The arguments and the errors are those of `checked_inputs`.
    """
    given = checked_inputs(model, x)
    offsets = input_offsets(model.arch)
    rows = np.zeros((len(given[INPUT]), offsets[-1]), np.int8)
    for at, values in zip(offsets, given.values(), strict=False):
        piece = np.ascontiguousarray(values).reshape(len(rows), -1).view(np.int8)
        rows[:, at : at + piece.shape[1]] = piece
    return rows


def _chunk(model: QuantizedModel) -> int:
    """Returns the number of samples to run together: one if each inference needs the state of the last one."""
    if model.arch.variables():
        return 1
    sizes = [math.prod(spec.shape) for spec in model.arch.inputs]
    for step in model.arch.steps():
        sizes += [math.prod(shape) for shape in step.output_shapes]
        sizes.append(int(step.operator.gathered(step.input_shapes, step.output_shapes)))
    return max(1, _CHUNK_VALUES // max(sizes))


def _execute(model: QuantizedModel, given: Mapping[str, Array], state: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yields every tensor as it is computed, and drops it after its last reader has run.

    - model: the network.
    - given: the inputs by name; only one sample if the network has variables.
    - state: the codes of the variables, which are updated.
    """
    count = len(given[INPUT])
    values = dict(given) | {name: np.broadcast_to(v, (count, *v.shape)) for name, v in model.constants.items()}
    steps = model.arch.steps()
    last = {name: k for k, step in enumerate(steps) for name in step.layer.inputs}
    for k, step in enumerate(steps):
        layer = step.layer
        match layer:
            case layers.ReadVariable():
                results: tuple[Array, ...] = (state[layer.variable][None],)
            case layers.AssignVariable():
                state[layer.variable], results = np.array(values[layer.inputs[0]][0]), ()
            case layers.Svdf():
                codes, state[layer.variable] = svdf_step(
                    model, layer, values[layer.inputs[0]][0], state[layer.variable]
                )
                results = (codes[None],)
            case layers.UnidirectionalSequenceLstm(hidden=hidden, cell=cell):
                codes, state[hidden], state[cell] = lstm_steps(
                    model, layer, values[layer.inputs[0]][0], state[hidden], state[cell]
                )
                results = (codes[None],)
            case layers.SignalLayer():
                results = signal_outputs(layer, [values[i] for i in layer.inputs], state)
            case _:
                results = _layer_outputs(model, step, [values[i] for i in layer.inputs])
        for name, y in zip(layer.outputs, results, strict=True):
            values[name] = np.ascontiguousarray(y)
            yield name, values[name]
        for name in set(layer.inputs):
            if last[name] == k:
                del values[name]


def _layer_outputs(model: QuantizedModel, step: Step, inputs: list[Array]) -> tuple[Array, ...]:
    """Returns the layer's outputs, clamped to the range of their type and of the fused activation.

    A large layer that computes each value, or each vector along the last dimension, independently runs in parts, so
    that its working arrays stay small. If each output code depends on one input byte alone, the layer runs once for
    each of the 256 bytes, and the results are looked up.
    """
    shape = inputs[0].shape
    if isinstance(step.layer, layers.Softmax | layers.LogSoftmax | layers.L2Normalization):
        alone = shape[-1]
    elif step.operator.codewise or (isinstance(step.layer, Binary) and inputs[1].shape == shape):
        alone = 1
    else:
        return _clamped_outputs(model, step, inputs)
    rows = [x.reshape(-1, alone) for x in inputs]
    size = max(1, _CHUNK_VALUES // alone)
    if len(rows[0]) <= size:
        return _clamped_outputs(model, step, inputs)
    starts = range(0, len(rows[0]), size)
    if step.operator.codewise and inputs[0].dtype in (np.int8, np.uint8):
        every = np.arange(256, dtype=np.uint8).view(inputs[0].dtype)
        table = _clamped_outputs(model, step, [every.reshape(256, 1)])[0].ravel()
        parts = [table[rows[0][i : i + size].view(np.uint8)] for i in starts]
    else:
        parts = [_clamped_outputs(model, step, [x[i : i + size] for x in rows])[0] for i in starts]
    return (np.concatenate(parts).reshape(shape),)


def _clamped_outputs(model: QuantizedModel, step: Step, inputs: list[Array]) -> tuple[Array, ...]:
    """Returns the clamped outputs of a layer for all of its inputs at once.

    Float outputs and copied codes are not clamped.
    """
    facts, activation, kind = step.operator, step.operator.activation or "none", step.output_type
    clamped = []
    for name, y in zip(step.layer.outputs, _unclamped_outputs(model, step, inputs), strict=True):
        quant = model.quant.get(name)
        if (
            quant is None
            or facts.scale == "copied codes"
            or isinstance(step.layer, layers.Cast | layers.Select)
            or kind == "bool"
        ):
            clamped.append(y)
            continue
        lo, hi = activation_range(activation, quant, kind)
        # If the lower bound is above the upper one, the result is the upper one, as in C.
        clamped.append(np.asarray(np.minimum(np.maximum(y, lo), hi), dtype_of(kind)))
    return tuple(clamped)


def _unclamped_outputs(model: QuantizedModel, step: Step, inputs: list[Array]) -> tuple[Array, ...]:
    """Returns the unclamped outputs of a layer; the arithmetic of every kind is chosen here."""
    layer = step.layer
    x, source = inputs[0], model.quant.get(layer.inputs[0])
    quants = [model.quant[name] for name in (*layer.inputs, *layer.outputs) if name in model.quant]  # floats have none
    match layer:
        case layers.Conv2D() | layers.DepthwiseConv2D():
            return (requantised(model, layer, step.input_types[0], convolved(model, layer, x, quants[0]), *quants),)
        case layers.TransposeConv2D():
            return (
                requantised(
                    model, layer, step.input_types[0], convolved_transposed(model, layer, x, quants[0]), *quants
                ),
            )
        case layers.FullyConnected():
            w = model.weights[layer.name].centred
            vectors = x if layer.keep_dims else x.reshape(len(x), w.shape[1])
            return (requantised(model, layer, step.input_types[0], exact_products(vectors, w.T, quants[0]), *quants),)
        case layers.BatchMatMul():
            return (multiplied_matrices(layer, x, inputs[1], *quants),)
        case layers.AveragePool2D():
            return (_average(layer, x),)
        case layers.MaxPool2D():
            return (tap_windows(x, layer.window, code_range(step.output_type)[0]).max(axis=(-2, -1)),)
        case layers.Mean() | layers.Sum() | layers.ReduceMax() | layers.ReduceMin() if step.output_type == "float32":
            return (reduced(layer, x),)
        case layers.Mean() | layers.Sum():
            return (_sum_codes(layer, x, *quants),)
        case layers.ReduceMax():
            return (x.max(axis=_with_batch(layer.axes), keepdims=layer.keep_dims),)
        case layers.ReduceMin() | layers.ReduceAll():
            return (x.min(axis=_with_batch(layer.axes), keepdims=layer.keep_dims),)
        case layers.CumSum():
            if step.output_type == "float32":
                return (running_sums(layer, x),)
            return (total_codes(running_sums(layer, x.astype(np.int64) - quants[0].zero_point), quants[0], quants[-1]),)
        case layers.AddN():
            if step.output_type == "float32":
                return (_float_sum(inputs),)
            total = np.asarray(np.sum(inputs, axis=0, dtype=np.int64)) - len(inputs) * quants[0].zero_point
            return (total_codes(total, quants[0], quants[-1]),)
        case layers.ArgMax():
            return (_arg_extreme(layer, x),)
        case (
            layers.Add()
            | layers.Mul()
            | layers.Sub()
            | layers.Div()
            | layers.Minimum()
            | layers.Maximum()
            | layers.SquaredDifference()
            | layers.Prelu()
        ):
            first, second = aligned(*inputs)
            if step.output_type in ("int32", "float32"):
                return (combined(layer, first, second),)
            return (_binary_codes(layer, step.output_type, first, second, *quants),)
        case layers.NumberFunction():
            return (function_of(layer, x),)
        case (
            layers.Relu() | layers.LeakyRelu() | layers.Logistic() | layers.Abs() | layers.HardSwish() | layers.Rsqrt()
        ) if step.output_type == "float32":
            return (function_of(layer, x),)
        case layers.L2Normalization():
            return (normalised(x) if step.output_type == "float32" else normalised_codes(x, quants[0]),)
        case layers.Compare():
            first, second = aligned(*inputs)
            if step.input_types[0] == "int8":
                first, second = real_values(first, quants[0]), real_values(second, quants[1])
            return (compared(layer, first, second),)
        case layers.Logical():
            return ((np.logical_or if layer.either else np.logical_and)(*aligned(*inputs)),)
        case layers.LogicalNot():
            return (np.logical_not(x),)
        case layers.Select():
            return (np.where(*aligned(*inputs)),)
        case layers.Concatenation():
            return (np.concatenate(inputs, axis=layer.axis + 1),)
        case layers.Split():
            ends = np.cumsum(layer.sizes)[:-1] if layer.sizes else len(layer.outputs)
            return tuple(np.split(x, ends, axis=layer.axis + 1))
        case layers.Pad():
            zero = 0 if source is None else quants[1].zero_point
            fill = zero if layer.value is None else layer.value
            return (np.pad(x, ((0, 0), *layer.paddings), constant_values=fill),)
        case layers.Reshape():
            return (x.reshape(len(x), *layer.shape),)
        case layers.ExpandDims():
            return (np.expand_dims(x, layer.axis + 1),)
        case layers.Squeeze():
            return (np.squeeze(x, tuple(axis + 1 for axis in layer.axes)),)
        case layers.Transpose():
            return (x.transpose(0, *(axis + 1 for axis in layer.permutation)),)
        case layers.Slice() | layers.StridedSlice():
            return (sliced(layer, x),)
        case layers.Pack():
            return (np.stack(inputs, layer.axis + 1),)
        case layers.Unpack():
            return tuple(np.moveaxis(x, layer.axis + 1, 0))
        case layers.Gather():
            return (np.take(x, layer.indices, layer.axis + 1),)
        case layers.Lookup():
            return (np.stack([np.take(v, i, layer.axis, mode="clip") for v, i in zip(*inputs, strict=True)]),)
        case layers.BroadcastTo():
            missing = (1,) * (len(layer.shape) + 1 - x.ndim)
            return (np.broadcast_to(x.reshape(len(x), *missing, *x.shape[1:]), (len(x), *layer.shape)),)
        case layers.DynamicUpdateSlice():
            return (with_box(x, inputs[1], inputs[2][:, 1:] if layer.begin is None else layer.begin),)
        case layers.MirrorPad():
            mode: Literal["symmetric", "reflect"] = "symmetric" if layer.symmetric else "reflect"
            return (np.pad(x, ((0, 0), *layer.paddings), mode),)
        case layers.ResizeNearestNeighbor():
            rows, columns = (
                nearest_places(size, made, layer.align_corners, layer.half_pixel_centers)
                for size, made in zip(x.shape[1:3], layer.size, strict=True)
            )
            return (x[:, rows][:, :, columns],)
        case layers.ResizeBilinear():
            return (resized(x, layer.size, layer.align_corners, layer.half_pixel_centers),)
        case layers.Softmax():
            if step.input_types[0] == "int16":
                return (int16_softmax_codes(x, layer.beta, quants[0]),)
            if step.input_types[0] == "float32":
                return (softmax_of(x, layer.beta),)
            return (softmax_codes(x, layer.beta, quants[0].scale, layer.to),)
        case layers.LogSoftmax():
            return (log_softmax_codes(x, quants[0].scale),)
        case layers.Relu():
            return (_relu_codes(layer, stored(step.output_type), x, *quants),)
        case layers.HardSwish():
            return (hard_swish_codes(x, *quants),)
        case layers.Logistic():
            return ((int16_logistic_codes if step.output_type == "int16" else logistic_codes)(x, quants[0]),)
        case layers.Tanh():
            return ((int16_tanh_codes if step.output_type == "int16" else tanh_codes)(x, quants[0]),)
        case layers.LeakyRelu():
            return (leaky_relu_codes(x, layer.alpha, *quants),)
        case layers.Elu():
            return (elu_codes(x, *quants),)
        case layers.Abs():
            return (abs_codes(x, *quants),)
        case layers.Rsqrt():
            return (rsqrt_codes(x, *quants),)
        case layers.Quantize():
            return (quantize(x, quants[0], step.output_type) if source is None else _recode(x, *quants),)
        case layers.Cast():
            return (_cast(x, step.output_type),)
        case layers.Dequantize():
            return (x if source is None else dequantize(x, source),)
        case (
            layers.ReadVariable()
            | layers.AssignVariable()
            | layers.Svdf()
            | layers.UnidirectionalSequenceLstm()
            | layers.SignalLayer()
        ):
            raise AssertionError("_execute runs what works with variables")
        case _:
            assert_never(layer)


def _float_sum(inputs: list[Array]) -> Array:
    """Returns the sum of float32 tensors, added to 0 one after another."""
    total = np.zeros_like(inputs[0])
    with np.errstate(all="ignore"):
        for x in inputs:
            total = total + x
    return total


def _arg_extreme(layer: layers.ArgMax, x: Array) -> Array:
    """Returns the index of the first largest, or first smallest, value along a dimension.

    NaNs are skipped, except a NaN at index 0, for which the result is 0.
    """
    axis = layer.axis + 1
    find = np.argmin if layer.smallest else np.argmax
    if x.dtype != np.float32:
        return np.asarray(find(x, axis=axis))
    first = np.isnan(np.take(x, 0, axis))
    return np.where(first, 0, find(np.where(np.isnan(x), np.inf if layer.smallest else -np.inf, x), axis=axis))


def _cast(x: Array, to: Type) -> Array:
    """Returns the same numbers in another type: floats are truncated, and integers keep their lowest bits.

    As a truth value, everything except 0 is true.

    In C++ the conversion of a float outside the integer type's range is undefined. Arm's processors saturate it to 32
    bits first and convert NaN to 0.
    """
    if to == "bool":
        return np.asarray(x != 0)
    if x.dtype == np.float32 and to != "float32":
        lowest, highest = code_range("int32")
        x = np.clip(np.nan_to_num(np.trunc(x.astype(np.float64)), nan=0), lowest, highest).astype(np.int64)
    return np.asarray(x.astype(dtype_of(to)))


def _recode(x: Array, qx: TensorQuant, qy: TensorQuant) -> Array:
    """Returns codes of quantisation `qx` as codes of `qy`, not yet clamped."""
    return multiply_by_quantized_multiplier(x.astype(np.int64) - qx.zero_point, *rescale(qx, qy)) + qy.zero_point


def _divide(total: Array, count: Array | int) -> Array:
    """Returns `total / count` rounded to nearest, halves away from zero."""
    return np.asarray(np.sign(total) * ((np.abs(total) + count // 2) // count))


def _average(layer: layers.AveragePool2D, x: Array) -> Array:
    """Returns the rounded means over windows, not yet clamped; values in the padding are not counted."""

    def sums(a: Array) -> Array:
        return np.asarray(tap_windows(a, layer.window, 0).sum(axis=(-2, -1), dtype=np.int64))

    return _divide(sums(x), sums(np.ones_like(x[:1, :, :, :1])))


def _sum_codes(layer: layers.Mean | layers.Sum, x: Array, qx: TensorQuant, qy: TensorQuant) -> Array:
    """Returns the codes of sums or means over dimensions of the input, not yet clamped."""
    axes = _with_batch(layer.axes)
    count = math.prod(x.shape[axis] for axis in axes)
    total = x.sum(axis=axes, dtype=np.int64, keepdims=layer.keep_dims)
    total -= qx.zero_point * count
    scale = mean_rescale(count, qx, qy) if isinstance(layer, layers.Mean) else rescale(qx, qy)
    return multiply_by_quantized_multiplier(total, *scale) + qy.zero_point


def _with_batch(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the numbers of dimensions, counted with the batch."""
    return tuple(axis + 1 for axis in axes)


def aligned(*tensors: Array) -> tuple[Array, ...]:
    """Returns tensors `[N, *shape]`, all reshaped to the same number of dimensions, so that numpy broadcasts them."""
    rank = max(x.ndim for x in tensors)
    return tuple(x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in tensors)


def _binary_codes(
    layer: Binary, of: Type, a: Array, b: Array, qa: TensorQuant, qb: TensorQuant, qy: TensorQuant
) -> Array:
    """Returns the codes of two tensors combined value by value, not yet clamped; `of` is the type of all codes."""
    x, y = a.astype(np.int64) - qa.zero_point, b.astype(np.int64) - qb.zero_point
    match layer:
        case layers.Add():
            of_a, of_b, of_sum = add_rescale(qa, qb, qy, of)
            total = _on_grid(x, add_bits(of), of_a) + _on_grid(y, add_bits(of), of_b)
            return multiply_by_quantized_multiplier(total, *of_sum) + qy.zero_point
        case layers.Sub():
            of_a, of_b, of_sum = add_rescale(qa, qb, qy, of)
            total = _on_grid(x, add_bits(of), of_a) - _on_grid(y, add_bits(of), of_b)
            return multiply_by_quantized_multiplier(total, *of_sum) + qy.zero_point
        case layers.Mul():
            return multiply_by_quantized_multiplier(x * y, *mul_rescale(qa, qb, qy)) + qy.zero_point
        case layers.Minimum():
            return np.asarray(np.minimum(a, b))
        case layers.Maximum():
            return np.asarray(np.maximum(a, b))
        case layers.SquaredDifference():
            of_a, of_b, of_square = squared_difference_rescale(qa, qb, qy, of)
            square = (_on_grid(x, square_bits(of), of_a) - _on_grid(y, square_bits(of), of_b)) ** 2
            return multiply_by_quantized_multiplier(square, *of_square) + qy.zero_point
        case layers.Prelu():
            of_x, of_product = prelu_rescale(qa, qb, qy)
            positive, negative = (
                multiply_by_quantized_multiplier(x, *of_x),
                multiply_by_quantized_multiplier(x * y, *of_product),
            )
            return np.asarray(np.where(x >= 0, positive, negative) + qy.zero_point)
        case layers.Div():
            raise AssertionError("a Div reads numbers alone")
        case _:
            assert_never(layer)


def _on_grid(x: Array, bits: int, scale: tuple[IntArray, IntArray]) -> Array:
    """Returns values (codes minus zero point) on a common grid with `bits` extra bits; scale: multiplier and shift."""
    return multiply_by_quantized_multiplier(x << bits, *scale)


def sliced(layer: layers.Slice | layers.StridedSlice, x: Array) -> Array:
    """Returns the values of a tensor that a slice selects."""
    strides, shrink = (
        (layer.strides, layer.shrink) if isinstance(layer, layers.StridedSlice) else ((1,) * (x.ndim - 1), ())
    )
    for axis, (begin, size, stride) in enumerate(zip(layer.begin, layer.size, strides, strict=True), start=1):
        x = np.take(x, range(begin, begin + size * stride, stride), axis)
    return np.squeeze(x, tuple(axis + 1 for axis in shrink))


def _relu_codes(layer: layers.Relu, of: Type, x: Array, qx: TensorQuant, qy: TensorQuant) -> Array:
    """Returns the codes of the rectified values, not yet clamped to the output's bits; `of` is their type."""
    if layer.six:  # TFLM clamps the codes and looks at the input's scale only
        lo, hi = activation_range("relu6", qx, of)
        return np.asarray(np.clip(x, lo, hi))
    y = _recode(x, qx, qy)
    return np.asarray(np.maximum(y, qy.zero_point))
