"""The operators of TFLM's signal library: from samples of sound to bands without noise, in integers.

A file has them as CUSTOM operators. TFLM's kernels are the same on every machine: portable C++, with the transform of
kissfft. Their cycles are assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.ops.elementwise import timed_as, timed_by_value
from micronets.ir.ops.record import (
    ONE,
    OPERATOR_CYCLES,
    TWO,
    Arity,
    Count,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
    same_shape,
)
from micronets.ir.types import Type, Types
from micronets.number import Number

LENGTHS = range(4, 16385)
"""The lengths of transforms; only powers of 2 are known."""

GAIN_NUMBERS = 125
"""Least numbers of the constant of a SignalPcan: two, then four for each of 2 to 32 bits, less the last one."""

BLOCK = 16
"""What the sizes of TFLM's persistent buffers are rounded up to, in bytes."""

_CYCLES = {
    "SignalWindow": 10.0,
    "SignalFftAutoScale": 10.0,
    "SignalRfft": 90.0,
    "SignalEnergy": 8.0,
    "SignalFilterBank": 100.0,
    "SignalFilterBankSquareRoot": 400.0,
    "SignalFilterBankSpectralSubtraction": 50.0,
    "SignalPCAN": 60.0,
    "SignalFilterBankLog": 70.0,
}
"""TFLM's cycles for a value of the output, assumed."""


def _within(where: str, field: str, value: int, lowest: int, highest: int) -> None:
    """Raises `SpecError` for a field of a layer that is not from `lowest` to `highest`."""
    if not lowest <= value <= highest:
        raise SpecError(f"{where}: {field} = {value}; allowed: {lowest} to {highest}")


def _vectors(kind: str, inputs: Shapes, where: str) -> None:
    """Raises `SpecError` unless all inputs are vectors of one length."""
    if len(set(inputs)) > 1 or len(inputs[0]) != 1:
        raise SpecError(f"{where}: {kind} reads {' and '.join(map(str, inputs))}; need vectors of one length")


def signal_window_operator(layer: layers.SignalWindow) -> Operator:
    """Returns the facts of samples times a window."""

    def check(inputs: Shapes, where: str) -> None:
        x, window = inputs
        if len(window) != 1 or x[-1:] != window:
            raise SpecError(f"{where}: SignalWindow reads {x} and {window}; need (..., n) and (n,)")
        _within(where, "shift", layer.shift, 0, 31)

    return _signal("SignalWindow", TWO, check, same_shape, ("int16", "int16"), "int16", op_data=(8, 8))


def signal_fft_auto_scale_operator(layer: layers.SignalFftAutoScale) -> Operator:
    """Returns the facts of samples that are scaled up."""

    def check(inputs: Shapes, where: str) -> None:
        _vectors("SignalFftAutoScale", inputs, where)

    def shapes(inputs: Shapes) -> Shapes:
        return inputs[0], ()

    return _signal("SignalFftAutoScale", ONE, check, shapes, ("int16",), "int16")


def signal_rfft_operator(layer: layers.SignalRfft) -> Operator:
    """Returns the facts of a Fourier transform of real samples."""
    length = layer.length

    def check(inputs: Shapes, where: str) -> None:
        if length not in LENGTHS or length & (length - 1):
            raise SpecError(
                f"{where}: length = {length}; allowed: powers of 2 from {LENGTHS.start} to {LENGTHS.stop - 1}"
            )
        if not inputs[0] or inputs[0][-1] > length:
            raise SpecError(f"{where}: SignalRfft of length {length} reads {inputs[0]}; need (..., n), n <= length")

    def shapes(inputs: Shapes) -> Shapes:
        return ((*inputs[0][:-1], length + 2),)

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        rows = math.prod(inputs[0][:-1])
        return OPERATOR_CYCLES + _CYCLES["SignalRfft"] / 4 * rows * length * math.log2(length)

    complex_numbers = length // 2 - 1 + length // 4 * 3  # twiddle factors, a copy, and those that split the bins
    state = 268 + 4 * complex_numbers
    return _signal(
        "SignalRfft",
        ONE,
        check,
        shapes,
        ("int16",),
        "int16",
        op_data=(48 + 24 + state, 32 + 16 + state),
        scratch=(lambda inputs, outputs: 2 * length,),
        cycles=cycles,
    )


def signal_energy_operator(layer: layers.SignalEnergy) -> Operator:
    """Returns the facts of squared magnitudes."""

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        if len(x) != 1 or x[0] % 2:
            raise SpecError(f"{where}: SignalEnergy reads {x}; need (2 n,)")
        if not 0 <= layer.start <= layer.end <= x[0] // 2:
            raise SpecError(
                f"{where}: numbers from {layer.start} to before {layer.end}; there are {x[0] // 2}, from 0 on"
            )

    def shapes(inputs: Shapes) -> Shapes:
        return ((inputs[0][0] // 2,),)

    return _signal("SignalEnergy", ONE, check, shapes, ("int16",), "uint32", op_data=(8, 8))


def signal_filter_bank_operator(layer: layers.SignalFilterBank) -> Operator:
    """Returns the facts of weighted sums of energies."""

    def check(inputs: Shapes, where: str) -> None:
        x, rising, falling, starts, *others = inputs
        vectors = all(len(shape) == 1 for shape in (x, rising, starts))
        if not vectors or rising != falling or starts != (layer.channels + 1,) or set(others) != {starts}:
            raise SpecError(
                f"{where}: SignalFilterBank of {layer.channels} channels reads {', '.join(map(str, inputs))}; need "
                "(n,), two of (weights,) and three of (channels + 1,)"
            )

    def shapes(inputs: Shapes) -> Shapes:
        return ((layer.channels,),)

    def work(inputs: Shapes, outputs: Shapes) -> Number:
        return 2 * inputs[1][0]

    halves: Types = ("int16",) * 5
    return _signal(
        "SignalFilterBank",
        Arity(6, 6),
        check,
        shapes,
        ("uint32", *halves),
        "uint64",
        op_data=(64, 36),
        block=lambda inputs, outputs: 8 * (layer.channels + 1),
        macs=work,
    )


def signal_filter_bank_square_root_operator(layer: layers.SignalFilterBankSquareRoot) -> Operator:
    """Returns the facts of square roots."""

    def check(inputs: Shapes, where: str) -> None:
        if len(inputs[0]) != 1 or inputs[1] != ():
            raise SpecError(f"{where}: SignalFilterBankSquareRoot reads {inputs[0]} and {inputs[1]}; need (n,) and ()")

    return _signal("SignalFilterBankSquareRoot", TWO, check, same_shape, ("uint64", "int32"), "uint32")


def signal_filter_bank_spectral_subtraction_operator(layer: layers.SignalFilterBankSpectralSubtraction) -> Operator:
    """Returns the facts of bands less their noise."""

    def check(inputs: Shapes, where: str) -> None:
        if inputs[0] != (layer.channels,):
            raise SpecError(f"{where}: channels = {layer.channels}, and it reads {inputs[0]}; need (channels,)")
        _within(where, "smoothing_bits", layer.smoothing_bits, 0, 31)
        _within(where, "subtraction_bits", layer.subtraction_bits, 0, 63)
        for field in ("smoothing", "one_minus_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing"):
            _within(where, field, getattr(layer, field), 0, 2**31 - 1)
        _within(where, "min_signal_remaining", layer.min_signal_remaining, 0, 2**31 - 1)

    def shapes(inputs: Shapes) -> Shapes:
        return inputs[0], inputs[0]

    return _signal(
        "SignalFilterBankSpectralSubtraction",
        ONE,
        check,
        shapes,
        ("uint32",),
        "uint32",
        op_data=(56, 44),
        state=lambda inputs, outputs: 4 * inputs[0][0],
    )


def signal_pcan_operator(layer: layers.SignalPcan) -> Operator:
    """Returns the facts of bands whose gain is controlled."""

    def check(inputs: Shapes, where: str) -> None:
        _vectors("SignalPcan", inputs[:2], where)
        if len(inputs[2]) != 1 or inputs[2][0] < GAIN_NUMBERS:
            raise SpecError(f"{where}: SignalPcan reads gains {inputs[2]}; need at least ({GAIN_NUMBERS},)")
        _within(where, "snr_shift", layer.snr_shift, 0, 63)

    reads: Types = ("uint32", "uint32", "int16")
    return _signal("SignalPCAN", Arity(3, 3), check, same_shape, reads, "uint32", op_data=(4, 4))


def signal_filter_bank_log_operator(layer: layers.SignalFilterBankLog) -> Operator:
    """Returns the facts of logarithms of bands."""

    def check(inputs: Shapes, where: str) -> None:
        _vectors("SignalFilterBankLog", inputs, where)
        _within(where, "correction_bits", layer.correction_bits, 0, 31)
        _within(where, "scale", layer.scale, 0, 2**31 - 1)

    return _signal("SignalFilterBankLog", ONE, check, same_shape, ("uint32",), "int16", op_data=(8, 8))


def _signal(
    tflite_name: str,
    inputs: Arity,
    check: Callable[[Shapes, str], None],
    output_shapes: Callable[[Shapes], Shapes],
    reads: Types,
    makes: Type,
    *,
    op_data: tuple[int, int] = (0, 0),
    block: Count | None = None,
    scratch: tuple[Count, ...] = (),
    state: Count = nothing,
    macs: Count = nothing,
    cycles: Count | None = None,
) -> Operator:
    """Returns the facts of an operator of the signal library.

    - tflite_name, inputs, check, output_shapes, macs: fields of `Operator`.
    - reads: the types of its inputs.
    - makes: the type of its first output.
    - op_data: the bytes that TFLM's kernel keeps of its options and tables, on a 64-bit host and on a Cortex-M.
    - block: a further block that it keeps, in bytes.
    - scratch: the scratch buffers that it asks for.
    - state: bytes that it keeps from one inference to the next.
    - cycles: an estimate of the cycles; None for those of `_CYCLES`.
    """

    def output_type(inputs: Types, where: str) -> Type:
        if inputs != reads:
            raise SpecError(f"{where} reads {', '.join(inputs)}; need {', '.join(reads)}")
        return makes

    def by_value(inputs: Shapes, outputs: Shapes) -> Number:
        return OPERATOR_CYCLES + _CYCLES[tflite_name] * math.prod(outputs[0])

    def kernel(size: int) -> TflmKernel:
        return TflmKernel(
            parameters=0,
            alignment=4,
            op_data=size,
            temporaries=("every input", "every output"),
            scratch=scratch,
            prepared=() if block is None else (block,),
        )

    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=400,
        inputs=inputs,
        output_shapes=output_shapes,
        check=check,
        output_type=output_type,
        state_bytes=state,
        window=None,
        weights=None,
        activation=None,
        macs=macs,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=kernel(op_data[0]),
            cortex_m=kernel(op_data[1]),
            requantised_channels=nothing,
            cycles=by_value if cycles is None else cycles,
        ),
        timed_as=timed_as("signal"),
        timed_by=timed_by_value,
    )
