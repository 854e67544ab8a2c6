"""One layer as C: its constant tables and its call. All arithmetic on constants is done here, ahead of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.compiler.generate import ctext
from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.depthwise_schedule import Planes, driver, planes
from micronets.compiler.limits import LEAST_SHIFT
from micronets.compiler.memory.plan import ArenaPlan, scratch_name
from micronets.compiler.passes.fold_lookups import code_table
from micronets.cost.tflm_plan import align
from micronets.errors import UnsupportedError
from micronets.ir.arch import Step
from micronets.ir.layers import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Shape,
    Softmax,
)
from micronets.ir.window import Pair, Window
from micronets.quantized.arithmetic import (
    activation_range,
    add_rescale,
    bit_range,
    conv_rescale,
    mean_rescale,
    pack_int4,
)
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.softmax import exponentials
from micronets.quantized.validate import Weighted

_SUM_LIMIT = 2**31  # of an int32 accumulator
_DOUBLED_LIMIT = 2**30  # of a sum with its bias, for quick tables
_BIAS_LIMIT = 2**23  # of a bias in a quick table
_WINDOW = (
    *("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w", "stride_h", "stride_w"),
    *("dilation_h", "dilation_w", "pad_top", "pad_left", "pad_value", "filters"),
)
_SIZE_LIMIT = 2**16 - 1  # of what is in a window
_COLUMNS = ("micronets_columns", "micronets_expand", "micronets_prepare")  # what the convolutions share
_ROW_LIMIT = 8191  # values of a softmax whose exponentials sum to less than 2**32

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Code:
    """C of one layer: constants at file scope, the statement that runs it (empty for none), the kernels it calls.

    run: instead of a statement, the function of micronets_layers.h that runs it from its record, `layer_INDEX`.
    """

    tables: str
    call: str
    kernels: tuple[str, ...]
    run: str = ""


@dataclass(frozen=True)
class Struct:
    """A constant: its type in C, the kind of its name, its value."""

    ctype: str
    kind: str
    value: str


@dataclass(frozen=True)
class Place:
    """Where a layer's C names and addresses come from.

    A layer that runs on a band of rows at a time has `rows`, C for how many it computes, and `starts`, C for the first byte
    of its tensors' rows; its sizes are then in a variable, `band_window` or `band_padding`.
    """

    index: int
    plan: ArenaPlan
    rows: str = ""
    starts: Mapping[str, str] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """Of a table."""
        return f"{kind}_{self.index}"

    def sizes(self, kind: str) -> str:
        """Address of the layer's window or padding."""
        return f"&band_{kind}" if self.rows else f"&{self.name(kind)}"

    def count(self, shape: Shape) -> str:
        """How many values of a tensor there are to compute."""
        return f"{self.rows} * {math.prod(shape[1:])}" if self.rows else str(math.prod(shape))

    def at(self, tensor: str, ctype: str = "int8_t", const: bool = False) -> str:
        """Address of a tensor, or of a layer's scratch memory."""
        qualifier = "const " if const else ""
        where = self.starts.get(tensor) or f"a + {self.plan.offsets[tensor]}"
        return where if ctype == "int8_t" else f"({qualifier}{ctype} *)(void *)({where})"

    def table(self, *structs: Struct) -> str:
        """Constants as tables of their own."""
        return "".join(ctext.constant(s.ctype, self.name(s.kind), s.value) for s in structs)

    def record(self, ctype: str, fields: Mapping[str, object]) -> str:
        """The record from which a function of micronets_layers.h runs the layer."""
        return ctext.struct(ctype, self.name("layer"), fields.items())

    def offset(self, tensor: str) -> int:
        """Bytes from the arena to a tensor, or to a layer's scratch memory; 0 where it has none."""
        return self.plan.offsets.get(tensor, 0)

    def weighted(self, layer: Weighted, requant: Struct) -> str:
        """What the records of layers with weights begin with."""
        fields = {
            "input": self.offset(layer.inputs[0]),
            "output": self.offset(layer.name),
            "scratch": self.offset(scratch_name(layer.name)),
            "weights": self.name("weights"),
            "requant": requant.value,
        }
        return ctext.braces(fields.items())


def emit(model: QuantizedModel, step: Step, place: Place) -> Code:
    """C of a step at its place. Raises `UnsupportedError` for numbers that the kernels cannot hold."""
    layer = step.layer
    x, y = place.at(layer.inputs[0]), place.at(layer.name)
    count = place.count(step.output_shape)
    match layer:
        case Conv2D():
            return _convolution(model, step, layer, place)
        case DepthwiseConv2D():
            return _depthwise(model, step, layer, place)
        case FullyConnected():
            return _dense(model, step, layer, model.weights[layer.name].weights, place)
        case AveragePool2D() | MaxPool2D():
            kernel = "micronets_average_pool" if isinstance(layer, AveragePool2D) else "micronets_max_pool"
            window = _window(step, place, layer.window, 0)
            lo, hi = activation_range(layer.activation, model.quant[layer.name], layer.act_bits)
            return Code(place.table(window), f"{kernel}({x}, {y}, {place.sizes('window')}, {lo}, {hi});", (kernel,))
        case Mean():
            return _mean(model, step, layer, place)
        case Add():
            return _add(model, layer, place, count)
        case Pad():
            return _pad(model, step, layer, place)
        case Reshape():
            return Code("", "", ())
        case Softmax():
            return _softmax(model, step, layer, place)
        case Quantize() if layer.inputs[0] not in model.quant:
            q, source = model.quant[layer.name], place.at(layer.inputs[0], "float", const=True)
            numbers = f"{ctext.real(q.scale)}, {q.zero_point}, {', '.join(map(str, bit_range(layer.act_bits)))}"
            return Code("", f"micronets_quantize({source}, {y}, {count}, {numbers});", ("micronets_quantize",))
        case Relu() | Quantize():
            codes = code_table(layer, model.quant[layer.inputs[0]], model.quant[layer.name])
            table = ctext.array("int8_t", place.name("table"), codes)
            return Code(table, f"micronets_lookup({x}, {y}, {place.name('table')}, {count});", ("micronets_lookup",))
        case Dequantize():
            q, target = model.quant[layer.inputs[0]], place.at(layer.name, "float")
            call = f"micronets_dequantize({x}, {target}, {count}, {ctext.real(q.scale)}, {q.zero_point});"
            return Code("", call, ("micronets_dequantize",))
        case _:
            assert_never(layer)


def _depthwise(model: QuantizedModel, step: Step, layer: DepthwiseConv2D, place: Place) -> Code:
    w, source, target = model.weights[layer.name], model.quant[layer.inputs[0]], model.quant[layer.name]
    p = planes(step, banded=bool(place.rows), only=driver(model.arch.steps()))
    filters = w.weights[0].transpose(2, 1, 0) if p.turned else w.weights[0].transpose(2, 0, 1)
    rows = filters.reshape(len(filters), -1)
    limits = activation_range(layer.activation, target, layer.act_bits)
    strip = place.plan.strips[layer.name]
    tables, requant, quick = _requant(model, layer, rows, place, folded=True)
    fours = p.fours and quick
    row = (
        (f"micronets_fours_3x3{_all_relu(model)}" if p.three else "micronets_fours_any")
        if fours
        else _row_kernel(p, rows, w.bias, conv_rescale(source, w.scales, target), target.zero_point)
    )
    paired = row != "micronets_rows_any"
    if fours:  # which want a multiplier for every channel
        tables, requant, _ = _requant(model, layer, rows, place, folded=True, spread=True)
    window = _oriented_window(step, place, p, source.zero_point)
    fields = (
        *(("turned", int(p.turned)), ("multiplier", layer.multiplier), ("phases", p.phases), ("strip", strip)),
        *(("pitch", p.cells if fours else p.pitch), ("narrow", int(limits != (-128, 127)))),
        *(("even", p.even * paired), ("odd", p.odd * paired)),
    )
    way = Struct("micronets_planes", "planes", ctext.braces(fields))
    weights, scratch = place.name("weights"), place.plan.offsets[scratch_name(layer.name)]
    call, kernel, kernels = "", "micronets_depthwise", {"micronets_depthwise", "micronets_rows_any", row}
    if fours:
        kernel, kernels = "micronets_depthwise_4", {"micronets_depthwise_4", row}
        tables += ctext.array("uint32_t", weights, _side_by_side(rows))
    elif layer.weight_bits == 4:
        tables += ctext.array("uint8_t", weights, pack_int4(rows))
        unpacked = f"a + {scratch + align(p.scratch_bytes(strip), 4)}"
        call = f"micronets_unpack_s4({weights}, {unpacked}, {rows.size});\n    "
        weights = unpacked
        kernels.add("micronets_unpack_s4")
    else:
        tables += ctext.array("int8_t", weights, rows)
    where = f"{place.at(layer.inputs[0])}, {place.at(layer.name)}, {weights}, a + {scratch}"
    sizes = f"{place.sizes('window')}, &{place.name('planes')}, &{place.name('requant')}"
    if place.rows or layer.weight_bits == 4:
        tables += place.table(window, way, requant)
        return Code(tables, f"{call}{kernel}({where}, {sizes}, {row});", tuple(sorted(kernels)))
    record = {"own": place.weighted(layer, requant), "window": window.value, "planes": way.value, "rows": row}
    tables += place.record("micronets_lines" if fours else "micronets_strips", record)
    return Code(tables, "", tuple(sorted(kernels)), kernel.replace("micronets_", "micronets_run_"))


def _side_by_side(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Weights `[channels, taps]` as words `[channels / 4, taps]`, the first of four channels in the lowest byte."""
    fours = np.pad(rows, ((0, -len(rows) % 4), (0, 0))).view(np.uint8).astype(np.uint32).reshape(-1, 4, rows.shape[1])
    return np.asarray((fours << np.array([0, 8, 16, 24], np.uint32)[:, None]).sum(axis=1), np.uint32)


def _all_relu(model: QuantizedModel) -> str:
    """The kernel's ending where no depthwise layer has negative outputs: one layer alone is not worth two kernels."""
    found = [s.layer.name for s in model.arch.steps() if isinstance(s.layer, DepthwiseConv2D)]
    return "_relu" if all(model.quant[name].zero_point == -128 for name in found) else ""


def _row_kernel(
    p: Planes,
    rows: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int32] | None,
    scaling: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    zero_point: int,
) -> str:
    """The kernel for a strip: the one for pairs where it can compute the layer and its numbers fit."""
    multiplier, shift = scaling
    largest = np.abs(rows.astype(np.int64)).sum(axis=1) * 256 + (0 if bias is None else np.abs(bias.astype(np.int64)))
    fits = (multiplier == 0) | ((shift < 0) & (shift >= LEAST_SHIFT))
    if not p.paired or not fits.all() or int(largest.max()) >= _DOUBLED_LIMIT:
        return "micronets_rows_any"
    relu = "_relu" if p.three and zero_point == -128 else ""
    return f"micronets_rows_{'3x3' if p.three else 'pairs'}{'_2' if p.stride[1] == 2 else ''}{relu}"


def _convolution(model: QuantizedModel, step: Step, layer: Conv2D, place: Place) -> Code:
    w, source = model.weights[layer.name].weights, model.quant[layer.inputs[0]]
    rows = w.reshape(len(w), -1)
    if conv_weights.is_dense(step):
        return _dense(model, step, layer, rows, place)
    window = _window(step, place, layer.window, source.zero_point)
    x, y, weights = place.at(layer.inputs[0]), place.at(layer.name), place.name("weights")
    tail = f"{place.sizes('window')}, &{place.name('requant')});"
    tables, requant, quick = _requant(model, layer, rows, place, folded=True)
    if not (quick and conv_weights.suits(rows)):
        return _exceptional(model, layer, rows, place, window, place.at(scratch_name(layer.name)))
    scratch = place.at(scratch_name(layer.name), "uint32_t")
    tables += _ordered(
        layer.weight_bits, weights, rows, None if conv_weights.pointwise(layer) and layer.weight_bits == 8 else layer.kernel[0]
    )
    if conv_weights.pointwise(layer) and layer.weight_bits == 8:
        return _pixels(step, layer, place, tables, requant)
    kernels: tuple[str, ...]
    if layer.weight_bits == 4:
        kernels = ("micronets_conv_s4", "micronets_conv", "micronets_conv_4", "micronets_unpack_weights", *_COLUMNS)
    else:
        kernels = ("micronets_conv" if step.input_shapes[0][2] % 4 else "micronets_conv_4", *_COLUMNS)
    if place.rows or layer.weight_bits == 4:
        tables += place.table(window, requant)
        return Code(tables, f"{kernels[0]}({x}, {y}, {weights}, {scratch}, {tail}", kernels)
    return _by_windows(layer, place, kernels, tables, window, requant)


def _by_windows(
    layer: Conv2D | FullyConnected, place: Place, kernels: tuple[str, ...], tables: str, window: Struct, requant: Struct
) -> Code:
    """A convolution run from its record."""
    tables += place.record("micronets_windowed", {"own": place.weighted(layer, requant), "window": window.value})
    return Code(tables, "", kernels, kernels[0].replace("micronets_", "micronets_run_"))


def _pixels(step: Step, layer: Conv2D | FullyConnected, place: Place, tables: str, requant: Struct) -> Code:
    """The same matrix times every pixel."""
    kernels = ("micronets_conv_1x1", *_COLUMNS)
    pixels, inputs, outputs = math.prod(step.output_shape[:-1]), step.input_shapes[0][-1], step.output_shape[-1]
    if place.rows:
        x, y, scratch = place.at(layer.inputs[0]), place.at(layer.name), place.at(scratch_name(layer.name), "uint32_t")
        sizes = f"{place.rows} * {pixels // step.output_shape[0]}, {inputs}, {outputs}, &{place.name('requant')}"
        call = f"micronets_conv_1x1({x}, {y}, {place.name('weights')}, {scratch}, {sizes});"
        return Code(tables + place.table(requant), call, kernels)
    record = {"own": place.weighted(layer, requant), "pixels": pixels, "inputs": inputs, "outputs": outputs}
    return Code(tables + place.record("micronets_matrix", record), "", kernels, "micronets_run_conv_1x1")


def _dense(model: QuantizedModel, step: Step, layer: FullyConnected | Conv2D, rows: npt.NDArray[np.int8], place: Place) -> Code:
    """A matrix `rows` times the input."""
    x, y, weights = place.at(layer.inputs[0]), place.at(layer.name), place.name("weights")
    units, size = rows.shape
    tables, requant, quick = _requant(model, layer, rows, place, folded=True)
    if not (quick and conv_weights.suits(rows)):
        zero_point = model.quant[layer.inputs[0]].zero_point
        window = _window(_one_pixel(step, rows), place, Window((1, 1)), zero_point)
        return _exceptional(model, layer, rows, place, window, "0")
    if layer.name in conv_weights.joined(model.arch):
        return _joined(model, step, layer, rows, place)
    if layer.weight_bits == 8 and not place.rows and max(size, units) <= _SIZE_LIMIT:
        eights = conv_weights.in_eights(model.arch)
        tables += ctext.array("uint32_t", weights, conv_weights.eights(rows) if eights else conv_weights.words(rows))
        record = {"own": place.weighted(layer, requant), "pixels": 1, "inputs": size, "outputs": units}
        tables += place.record("micronets_matrix", record)
        kernel = "fully_connected_8" if eights else "fully_connected"
        return Code(tables, "", (f"micronets_{kernel}",), f"micronets_run_{kernel}")
    tables += _ordered(layer.weight_bits, weights, rows)
    tables += place.table(requant)
    tail = f"{size}, {units}, &{place.name('requant')});"
    kernels: tuple[str, ...] = ("micronets_fully_connected",)
    if layer.weight_bits == 4:
        kernels = ("micronets_fully_connected_s4", *kernels, "micronets_unpack_weights")
        weights += f", {place.at(scratch_name(layer.name), 'uint32_t')}"
    return Code(tables, f"{kernels[0]}({x}, {y}, {weights}, {tail}", kernels)


def _exceptional(
    model: QuantizedModel,
    layer: FullyConnected | Conv2D,
    rows: npt.NDArray[np.int8],
    place: Place,
    window: Struct,
    scratch: str,
) -> Code:
    """What the quick kernels cannot hold: large sums, biases or scales; or weights that their order cannot hold."""
    x, y, weights = place.at(layer.inputs[0]), place.at(layer.name), place.name("weights")
    ordered = conv_weights.holds(rows)
    tables, requant, _ = _requant(model, layer, rows, place, folded=ordered)
    tables += place.table(window, requant)
    tail = f"{place.sizes('window')}, &{place.name('requant')});"
    if not ordered:
        tables += ctext.array("int8_t", weights, rows)
        return Code(tables, f"micronets_conv_any({x}, {y}, {weights}, {tail}", ("micronets_conv_any",))
    tables += _ordered(8, weights, rows)
    return Code(tables, f"micronets_conv_wide({x}, {y}, {weights}, {scratch}, {tail}", ("micronets_conv_wide",))


def _one_pixel(step: Step, rows: npt.NDArray[np.int8]) -> Step:
    """A matrix `rows` times the input as a convolution."""
    return replace(step, input_shapes=((1, 1, rows.shape[1]),), output_shapes=((1, 1, len(rows)),))


def _joined(
    model: QuantizedModel, step: Step, layer: FullyConnected | Conv2D, rows: npt.NDArray[np.int8], place: Place
) -> Code:
    """The same as a convolution of one pixel."""
    kernel, zero_point = conv_weights.host_kernel(model.arch), model.quant[layer.inputs[0]].zero_point
    if kernel == "micronets_conv_4" and rows.shape[1] % 4:
        kernel = "micronets_conv"
    one = _one_pixel(step, rows)
    tables, requant, _ = _requant(model, layer, rows, place, folded=True, spread=True)
    tables += _ordered(8, place.name("weights"), rows, 1 if kernel == "micronets_conv" else None)
    if kernel == "micronets_conv_1x1":
        return _pixels(one, layer, replace(place, rows="", starts={}), tables, requant)
    window = _window(one, place, Window((1, 1)), zero_point)
    return _by_windows(layer, place, (kernel, *_COLUMNS), tables, window, requant)


def _ordered(weight_bits: int, name: str, rows: npt.NDArray[np.int8], lines: int | None = None) -> str:
    """The table of weights for the kernels that read them in the order of `columns`; lines: see there."""
    if weight_bits == 4:
        return ctext.array("uint8_t", name, conv_weights.nibbles(rows, lines))
    return ctext.array("uint32_t", name, conv_weights.words(rows, lines))


def _requant(
    model: QuantizedModel,
    layer: Conv2D | DepthwiseConv2D | FullyConnected,
    rows: npt.NDArray[np.int8],
    place: Place,
    *,
    folded: bool,
    spread: bool = False,
) -> tuple[str, Struct, bool]:
    """Tables of a layer's requantisation, what points to them, and whether they are quick.

    rows[channel]: an output channel's weights.

    folded: the kernel takes input codes as they are, and the bias makes up for their zero point.
    spread: a multiplier for every channel in any case, as it always is for convolutions.
    """
    w, source, target = model.weights[layer.name], model.quant[layer.inputs[0]], model.quant[layer.name]
    wide = rows.astype(np.int64)
    if int(np.abs(wide).sum(axis=1).max()) * 255 >= _SUM_LIMIT:
        raise UnsupportedError(f"layer '{layer.name}': sums of {rows.shape[1]} products may not fit 32 bits; split the layer")
    bias = -source.zero_point * wide.sum(axis=1) if folded else np.zeros(len(wide), np.int64)
    if w.bias is not None:
        bias += w.bias
    multiplier, shift = conv_rescale(source, w.scales, target)
    if spread or isinstance(layer, Conv2D):
        multiplier, shift = (np.broadcast_to(v, len(wide)) for v in (multiplier, shift))
    lo, hi = activation_range(layer.activation, target, layer.act_bits)
    largest = int((np.abs(wide).sum(axis=1) * 255 + np.abs(bias)).max())  # of a sum with its bias, or above it
    return _requant_tables(place, bias.astype(np.int32), multiplier, shift, (lo, hi), target, largest)


def _requant_tables(
    place: Place,
    bias: npt.NDArray[np.int32],
    multiplier: npt.NDArray[np.int64],
    shift: npt.NDArray[np.int64],
    limits: Pair,
    target: TensorQuant,
    largest: int,
) -> tuple[str, Struct, bool]:
    multiplier, shift = _shiftable(multiplier, shift)
    words = quick_tables(bias, multiplier, shift) if largest < _DOUBLED_LIMIT else None
    zero = target.zero_point
    if words is None:
        if multiplier.size > _SIZE_LIMIT:
            raise UnsupportedError(f"layer {place.index}: {multiplier.size} scales; at most {_SIZE_LIMIT} are supported")
        tables = ctext.array("int32_t", place.name("bias"), bias)
        tables += ctext.array("int32_t", place.name("multiplier"), np.append(multiplier, shift))
    else:
        tables = ctext.array("int32_t", place.name("bias"), words[0])
        tables += ctext.array("int32_t", place.name("multiplier"), words[1])
    fields: list[tuple[str, object]] = [
        ("bias", place.name("bias")),
        ("multiplier", place.name("multiplier")),
        ("step", int(multiplier.size > 1)),
        ("lowest", limits[0] - zero),
        ("highest", limits[1] - zero),
        ("zero_point", zero),
        ("shifts", multiplier.size if words is None else 0),
    ]
    return tables, Struct("micronets_requant", "requant", ctext.braces(fields)), words is not None


def quick_tables(bias: Array, multiplier: Array, shift: Array) -> tuple[Array, Array] | None:
    """The tables `bias` and `multiplier` in the quick form of micronets_kernels.h, or None where a number does not fit it.

    Arguments as `reference` has them: `[channels]`, or one multiplier and shift for all.
    """
    # What a multiplier of 0 gives, a sum below 2^30 times 2^-32 gives as well.
    multiplier, shift = np.where(multiplier == 0, 2**30, multiplier), np.where(multiplier == 0, -31, shift)
    if shift.max() > -1 or shift.min() < -31 or np.abs(bias).max() >= _BIAS_LIMIT:
        return None
    if multiplier.size == bias.size:
        multiplier, shift = _to_fours(multiplier, 2**30), _to_fours(shift, -31)
    words = _to_fours(bias.astype(np.int64), 0) * 256 - shift
    return words, 2 * multiplier.astype(np.int64) - 2**32


def _to_fours(values: Array, value: int) -> Array:
    """`values` with `value` behind them up to a multiple of four."""
    return np.pad(values, (0, -len(values) % 4), constant_values=value)


def _shiftable(
    multiplier: npt.NDArray[np.int64], shift: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A left shift by 32 or more leaves nothing of a 32-bit value: the same as the multiplier 0."""
    return np.where(shift > 31, 0, multiplier), np.where(shift > 31, 0, shift)


def _window(step: Step, place: Place, w: Window, pad_value: int) -> Struct:
    x, y = step.input_shapes[0], step.output_shape
    return _window_table(place, (*x, *y, *w.kernel, *w.stride, *w.dilation, *w.before(x), pad_value, y[2]))


def _window_table(place: Place, values: tuple[int, ...]) -> Struct:
    if max(values) > _SIZE_LIMIT:
        raise UnsupportedError(f"layer {place.index}: a size of {max(values)}; at most {_SIZE_LIMIT} is supported")
    return Struct("micronets_window", "window", ctext.braces(zip(_WINDOW, values, strict=True)))


def _oriented_window(step: Step, place: Place, p: Planes, pad_value: int) -> Struct:
    """The window of a depthwise layer, along its lines."""
    channels, out_channels = step.input_shapes[0][2], step.output_shape[2]
    sizes = (*p.size, channels, *p.out_size, out_channels, *p.kernel, *p.stride, *p.dilation, *p.before)
    return _window_table(place, (*sizes, pad_value, out_channels))


def _mean(model: QuantizedModel, step: Step, layer: Mean, place: Place) -> Code:
    h, w, channels = step.input_shapes[0]
    source, target = model.quant[layer.inputs[0]], model.quant[layer.name]
    multiplier, shift = mean_rescale(h * w, source, target)
    bias = np.array([-source.zero_point * h * w], np.int32)
    lo_hi = bit_range(layer.act_bits)
    tables, requant, _ = _requant_tables(place, bias, np.array([multiplier]), np.array([shift]), lo_hi, target, _SUM_LIMIT)
    x, y = place.at(layer.inputs[0]), place.at(layer.name)
    call = f"micronets_mean({x}, {y}, {h * w}, {channels}, &{place.name('requant')});"
    return Code(tables + place.table(requant), call, ("micronets_mean",))


def _add(model: QuantizedModel, layer: Add, place: Place, count: str) -> Code:
    quants = [model.quant[name] for name in (*layer.inputs, layer.name)]
    operands = []
    for quant, of_operand in zip(quants, add_rescale(quants[0], quants[1], quants[2]), strict=True):
        multiplier, shift = (int(v) for v in _shiftable(*of_operand))
        operands.append(f"{{{multiplier}, {quant.zero_point}, {shift}}}")
    lo, hi = activation_range(layer.activation, quants[2], layer.act_bits)
    zero = quants[2].zero_point
    fields = [*zip(("a", "b", "sum"), operands, strict=True), ("lowest", lo - zero), ("highest", hi - zero)]
    sizes = Struct("micronets_addition", "addition", ctext.braces(fields))
    if not place.rows:
        at = {"a": place.offset(layer.inputs[0]), "b": place.offset(layer.inputs[1]), "output": place.offset(layer.name)}
        table = place.record("micronets_sum", {**at, "count": count, "addition": sizes.value})
        return Code(table, "", ("micronets_add",), "micronets_run_add")
    inputs = ", ".join(place.at(name) for name in layer.inputs)
    call = f"micronets_add({inputs}, {place.at(layer.name)}, {count}, &{place.name('addition')});"
    return Code(place.table(sizes), call, ("micronets_add",))


def _pad(model: QuantizedModel, step: Step, layer: Pad, place: Place) -> Code:
    if layer.act_bits < model.arch.bits()[layer.inputs[0]]:
        raise UnsupportedError(f"layer '{layer.name}': Pad from 8 bits to 4; give it an input of 4 bits")
    shape, pads = padded_shape(step.input_shapes[0], layer)
    fields: list[tuple[str, object]] = [("in_shape", _braces(shape))]
    fields += [("before", _braces([p[0] for p in pads])), ("after", _braces([p[1] for p in pads]))]
    fields.append(("value", model.quant[layer.name].zero_point))
    sizes = Struct("micronets_padding", "padding", ctext.braces(fields))
    if not place.rows:
        at = {"input": place.offset(layer.inputs[0]), "output": place.offset(layer.name)}
        return Code(
            place.record("micronets_border", {**at, "padding": sizes.value}), "", ("micronets_pad",), "micronets_run_pad"
        )
    x, y = place.at(layer.inputs[0]), place.at(layer.name)
    return Code(place.table(sizes), f"micronets_pad({x}, {y}, {place.sizes('padding')});", ("micronets_pad",))


def padded_shape(shape: tuple[int, ...], layer: Pad) -> tuple[list[int], list[Pair]]:
    """The same padding over three dimensions: one that is not padded is part of the one before it, if the numbers then fit."""
    sizes, pads = [1], [(0, 0)]
    for size, (before, after) in zip(shape, layer.paddings, strict=True):
        if before == after == 0 and max(pads[-1]) * size <= _SIZE_LIMIT:
            sizes[-1] *= size
            pads[-1] = (pads[-1][0] * size, pads[-1][1] * size)
        else:
            sizes.append(size)
            pads.append((before, after))
    if pads[0] == (0, 0) and sizes[0] == 1 and len(sizes) > 1:
        sizes, pads = sizes[1:], pads[1:]
    if len(sizes) > 3:
        raise UnsupportedError(f"layer '{layer.name}': padding of {len(sizes)} separate dimensions; at most 3 are supported")
    return [1] * (3 - len(sizes)) + sizes, [(0, 0)] * (3 - len(pads)) + pads


def _braces(values: list[int]) -> str:
    return f"{{{', '.join(map(str, values))}}}"


def _softmax(model: QuantizedModel, step: Step, layer: Softmax, place: Place) -> Code:
    *rows, columns = step.output_shape
    if columns > _ROW_LIMIT:
        raise UnsupportedError(f"layer '{layer.name}': softmax of {columns} values; at most {_ROW_LIMIT} are supported")
    table = exponentials(layer.beta, model.quant[layer.inputs[0]].scale)
    tables = ctext.array("int32_t", place.name("exponentials"), table)
    x, y = place.at(layer.inputs[0]), place.at(layer.name)
    sizes = f"{len(table)}, {math.prod(rows)}, {columns}"
    return Code(tables, f"micronets_softmax({x}, {y}, {place.name('exponentials')}, {sizes});", ("micronets_softmax",))
