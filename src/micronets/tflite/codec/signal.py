"""The stored form of the operators of TFLM's signal library: CUSTOM operators, whose options are maps of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from micronets.ir import layers
from micronets.tflite import schema as s
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.flexbuffer import FlexError, read_map
from micronets.tflite.tensors import Graph

_OPTIONS: Mapping[Op, tuple[str, ...]] = {
    Op.SIGNAL_WINDOW: ("shift",),
    Op.SIGNAL_FFT_AUTO_SCALE: (),
    Op.SIGNAL_RFFT: ("T", "fft_length"),
    Op.SIGNAL_ENERGY: ("end_index", "start_index"),
    Op.SIGNAL_FILTER_BANK: ("num_channels",),
    Op.SIGNAL_FILTER_BANK_SQUARE_ROOT: (),
    Op.SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION: (
        "alternate_one_minus_smoothing",
        "alternate_smoothing",
        "clamping",
        "min_signal_remaining",
        "num_channels",
        "one_minus_smoothing",
        "smoothing",
        "smoothing_bits",
        "spectral_subtraction_bits",
    ),
    Op.SIGNAL_PCAN: ("snr_shift",),
    Op.SIGNAL_FILTER_BANK_LOG: ("input_correction_bits", "output_scale"),
}
"""The names of the options of each operator. TFLM takes most of them by their number in alphabetical order, so that a
file has to have these and no others."""

_ANY_RANK = (Op.SIGNAL_WINDOW, Op.SIGNAL_RFFT)
"""The operators whose tensors may have several dimensions."""


def read_signal(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> layers.Signal:
    """Returns the layer of an operator of the signal library.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the names of its outputs.
    - inputs: the names of its inputs, constants included.

    Raises `UnsupportedError` for options, shapes and types that TFLM's kernel does not take.
    """
    numbers = _numbers(graph, o)
    _check_ranks(graph, o)
    _check_constants(graph, o)
    return _MAKERS[o.op](graph, o, numbers, own, inputs)


def _numbers(graph: Graph, o: FileOperator) -> dict[str, int]:
    """Returns the options of an operator. Raises `UnsupportedError` unless they are those that it has."""
    wanted = _OPTIONS[o.op]
    if not wanted:
        return {}
    try:
        found = read_map(o.custom)
    except FlexError as e:
        raise graph.damaged(f"its options are no map of numbers ({e})") from e
    if tuple(sorted(found)) != wanted:
        need = ", ".join(wanted)
        raise graph.unsupported(f"its options are {', '.join(sorted(found)) or 'none'}; TFLM's kernel takes {need}")
    return found


def _check_ranks(graph: Graph, o: FileOperator) -> None:
    """Raises `UnsupportedError` for a tensor that is not a vector where TFLM's kernel takes vectors alone."""
    for tensor in (*(graph.tensor(i) for i in o.activations), *o.outputs):
        if o.op not in _ANY_RANK and len(tensor.shape) > 1:
            raise graph.unsupported(f"{tensor.label} has the shape {list(tensor.shape)}; TFLM's kernel takes vectors")


def _check_constants(graph: Graph, o: FileOperator) -> None:
    """Raises `UnsupportedError` for a table of an operator that is computed."""
    tables = {Op.SIGNAL_WINDOW: slice(1, 2), Op.SIGNAL_FILTER_BANK: slice(1, 6), Op.SIGNAL_PCAN: slice(2, 3)}
    for index in o.inputs[tables.get(o.op, slice(0))]:
        tensor = graph.tensor(index)
        if not graph.is_constant(tensor):
            raise graph.unsupported(f"{tensor.label} is not a constant of the file; a table of numbers must be")
        if len(tensor.shape) != 1:
            raise graph.unsupported(f"{tensor.label} has the shape {list(tensor.shape)}; need a list of numbers")


_Maker = Callable[[Graph, FileOperator, Mapping[str, int], TensorNames, TensorNames], layers.Signal]


def _window(
    graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames
) -> layers.Signal:
    return layers.SignalWindow(name=own[0], inputs=inputs, shift=n["shift"])


def _fft_auto_scale(
    graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames
) -> layers.Signal:
    return layers.SignalFftAutoScale(name=own[0], inputs=inputs, bits=own[1])


def _rfft(graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames) -> layers.Signal:
    if n["T"] != s.TensorType.INT16:
        raise graph.unsupported(f"its type T is {n['T']}; only int16 ({int(s.TensorType.INT16)}) is supported")
    return layers.SignalRfft(name=own[0], inputs=inputs, length=n["fft_length"])


def _energy(
    graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames
) -> layers.Signal:
    return layers.SignalEnergy(name=own[0], inputs=inputs, start=n["start_index"], end=n["end_index"])


def _filter_bank(
    graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames
) -> layers.Signal:
    return layers.SignalFilterBank(name=own[0], inputs=inputs, channels=n["num_channels"])


def _square_root(
    graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames
) -> layers.Signal:
    return layers.SignalFilterBankSquareRoot(name=own[0], inputs=inputs)


def _subtraction(
    graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames
) -> layers.Signal:
    return layers.SignalFilterBankSpectralSubtraction(
        name=own[0],
        inputs=inputs,
        channels=n["num_channels"],
        noise=own[1],
        variable=graph.new_name(f"{own[0][:30]}_state"),
        smoothing=n["smoothing"],
        one_minus_smoothing=n["one_minus_smoothing"],
        alternate_smoothing=n["alternate_smoothing"],
        alternate_one_minus_smoothing=n["alternate_one_minus_smoothing"],
        smoothing_bits=n["smoothing_bits"],
        subtraction_bits=n["spectral_subtraction_bits"],
        min_signal_remaining=n["min_signal_remaining"],
        clamping=bool(n["clamping"]),
    )


def _pcan(graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames) -> layers.Signal:
    return layers.SignalPcan(name=own[0], inputs=inputs, snr_shift=n["snr_shift"])


def _log(graph: Graph, o: FileOperator, n: Mapping[str, int], own: TensorNames, inputs: TensorNames) -> layers.Signal:
    return layers.SignalFilterBankLog(
        name=own[0], inputs=inputs, correction_bits=n["input_correction_bits"], scale=n["output_scale"]
    )


_MAKERS: Mapping[Op, _Maker] = {
    Op.SIGNAL_WINDOW: _window,
    Op.SIGNAL_FFT_AUTO_SCALE: _fft_auto_scale,
    Op.SIGNAL_RFFT: _rfft,
    Op.SIGNAL_ENERGY: _energy,
    Op.SIGNAL_FILTER_BANK: _filter_bank,
    Op.SIGNAL_FILTER_BANK_SQUARE_ROOT: _square_root,
    Op.SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION: _subtraction,
    Op.SIGNAL_PCAN: _pcan,
    Op.SIGNAL_FILTER_BANK_LOG: _log,
}


def signal_options(layer: layers.Signal) -> tuple[Op, dict[str, int]]:
    """Returns the operator of a layer and its options."""
    match layer:
        case layers.SignalWindow():
            return Op.SIGNAL_WINDOW, {"shift": layer.shift}
        case layers.SignalFftAutoScale():
            return Op.SIGNAL_FFT_AUTO_SCALE, {}
        case layers.SignalRfft():
            return Op.SIGNAL_RFFT, {"T": int(s.TensorType.INT16), "fft_length": layer.length}
        case layers.SignalEnergy():
            return Op.SIGNAL_ENERGY, {"end_index": layer.end, "start_index": layer.start}
        case layers.SignalFilterBank():
            return Op.SIGNAL_FILTER_BANK, {"num_channels": layer.channels}
        case layers.SignalFilterBankSquareRoot():
            return Op.SIGNAL_FILTER_BANK_SQUARE_ROOT, {}
        case layers.SignalFilterBankSpectralSubtraction():
            return Op.SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION, {
                "alternate_one_minus_smoothing": layer.alternate_one_minus_smoothing,
                "alternate_smoothing": layer.alternate_smoothing,
                "clamping": layer.clamping,
                "min_signal_remaining": layer.min_signal_remaining,
                "num_channels": layer.channels,
                "one_minus_smoothing": layer.one_minus_smoothing,
                "smoothing": layer.smoothing,
                "smoothing_bits": layer.smoothing_bits,
                "spectral_subtraction_bits": layer.subtraction_bits,
            }
        case layers.SignalPcan():
            return Op.SIGNAL_PCAN, {"snr_shift": layer.snr_shift}
        case layers.SignalFilterBankLog():
            return Op.SIGNAL_FILTER_BANK_LOG, {
                "input_correction_bits": layer.correction_bits,
                "output_scale": layer.scale,
            }
        case _:
            assert_never(layer)
