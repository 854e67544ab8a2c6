"""The operators of TFLM's signal library: by hand, and byte for byte as TFLM and our C compute them, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.device.host_compiler import host_compiler
from micronets.device.tflm import interpreter
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.frontend.micro_arithmetic import logarithms, roots, shrunk, spectrum, turns
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, SignalEnergy, SignalFftAutoScale, SignalRfft
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.signal import signal_outputs
from micronets.quantized.state import first_state
from micronets.tflite import ModelFile, read, write
from micronets.tflite.flexbuffer import FlexError, read_map, write_map
from tests.support.edited import edited
from tests.support.sound_operators import front_end, sounds

needs_tflm = pytest.mark.skipif(not interpreter.available(), reason="needs tflite-micro (Linux on x86-64)")

X = (INPUT,)
MODELS: dict[str, Callable[[], QuantizedModel]] = {
    "that of micro_speech": lambda: front_end(480, 512, 40),
    "an odd number of samples, a stage of radix 2": lambda: front_end(99, 256, 7, clamping=True),
    "few points": lambda: front_end(16, 16, 2, bits=14),
}


@pytest.mark.parametrize("name", MODELS)
@needs_tflm
def test_tflm_and_our_c_make_the_same_of_50_frames(name: str) -> None:
    model = MODELS[name]()
    data = write(model)
    x = sounds(50, model.arch.input_shape[0])
    ours, theirs = reference.tensors(read(data), x), interpreter.tensors(data, x)
    assert {n: int((theirs[n].reshape(y.shape) != y).sum()) for n, y in ours.items()} == dict.fromkeys(ours, 0)
    if host_compiler() is not None:
        flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
        made = build_library([compile_model(model)], flags).outputs(0, x)
        assert {n: y.tobytes() for n, y in made.items()} == {n: ours[n].tobytes() for n in made}


@needs_tflm
def test_the_arena_is_exact() -> None:
    data = write(front_end(480, 512, 40))
    predicted = ModelFile("m", data, read(data)).arena_tflm_bytes(8)
    assert interpreter.min_arena(data, predicted) == predicted


@pytest.mark.parametrize(
    ("samples", "bits"),
    [
        ([0, 0], 0),
        ([1, -3], 13),
        ([16384, 1], 0),
        ([-16383, 1], 1),
        ([-32767, 0], 0),
        ([9, -32768], 0),  # the magnitude is -32768 in 16 bits
        ([9, -32768, 5, -3], 12),  # and the one behind it begins anew
        ([-32768, -7, -3, -1], 0),  # with its sign
        ([-32768, -7, -9], 11),
    ],
)
def test_bits_by_which_samples_are_scaled_up(samples: list[int], bits: int) -> None:
    layer = SignalFftAutoScale(name="y", inputs=X, bits="bits")
    scaled, found = signal_outputs(layer, [np.array([samples], np.int16)], {})
    assert found.tolist() == [bits]
    assert scaled.tolist() == (np.array([samples]) * 2**bits).astype(np.int16).tolist()


@pytest.mark.parametrize("points", [2, 4, 8, 32, 256, 1024])
def test_the_transform_is_one_of_fourier_divided_by_the_samples(points: int) -> None:
    x = np.random.default_rng(points).integers(-32768, 32768, (3, 2 * points))
    found = spectrum(x, turns(points))
    want = np.fft.rfft(x) / (2 * points)
    assert np.abs(found[..., 0] + 1j * found[..., 1] - want).max() < 2 * np.log2(points) + 2


def test_numbers_by_hand() -> None:
    assert roots(np.array([0, 1, 2, 3, 6, 7, 2**32 - 1, 2**32, 2**64 - 1], np.uint64)).tolist() == [
        *(0, 1, 1, 2, 2, 3, 65535, 65536, 2**32 - 1)
    ]
    assert shrunk(np.array([0, 4096, 8191, 8192])).tolist() == [0, 16, 63, 64]
    assert logarithms(np.array([0, 1, 2, 1000, 2**32 - 1]), 64).tolist() == [0, 0, 44, 442, 1420]
    layer = SignalEnergy(name="y", inputs=X, start=1, end=2)
    (found,) = signal_outputs(layer, [np.array([[3, 4, -5, 12, 1, 1]], np.int16)], {})
    assert found.tolist() == [[0, 169, 0]]


def test_estimates_of_the_noise_are_kept_and_begin_with_zeros() -> None:
    model, x = front_end(16, 16, 2), sounds(12, 16)
    whole = reference.outputs(model, x)["noise"]
    state = first_state(model)
    assert state["estimates"].tolist() == [0, 0]
    parts = [reference.outputs(model, part, state)["noise"] for part in (x[:5], x[5:])]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert model.arch.variables()["estimates"].type == "uint32"


@pytest.mark.parametrize("table", ["starts", "firsts"])
def test_a_filter_bank_stays_within_its_bins_and_weights(table: str) -> None:
    model = front_end(16, 16, 2)
    numbers = model.constants[table].copy()
    numbers[2] = 8
    count = {"starts": 9, "firsts": 6}[table]
    with pytest.raises(SpecError, match=f"interval 2 of '{table}' has 2 numbers from 8 on; there are {count}"):
        reference.run(replace(model, constants=model.constants | {table: numbers}), sounds(10, 16))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (SignalRfft(name="y", inputs=X, length=48), "length = 48; allowed: powers of 2 from 4 to 16384"),
        (SignalRfft(name="y", inputs=X, length=8), r"SignalRfft of length 8 reads \(16,\)"),
        (SignalEnergy(name="y", inputs=X, start=2, end=9), "numbers from 2 to before 9; there are 8, from 0 on"),
    ],
)
def test_what_cannot_be_is_said(layer: Layer, message: str) -> None:
    with pytest.raises(SpecError, match=f"layer 'y': {message}"):
        Arch((16,), (layer,), "int16")


def test_options_are_maps_of_numbers() -> None:
    numbers = {"clamping": True, "large": 2**31, "low": -3, "shift": 12}
    data = write_map(numbers)
    assert read_map(data) == numbers
    for k in range(len(data)):
        for cut in (data[:k], data[k:], data[:k] + b"\xff" + data[k + 1 :]):
            try:
                found = read_map(cut)
            except FlexError:
                continue
            assert all(type(value) is int for value in found.values())


def test_files_with_other_options_are_refused() -> None:
    def changed(options: bytes, operator: int) -> bytes:
        def change(model: Any) -> None:
            model.subgraphs[0].operators[operator].customOptions = np.frombuffer(options, np.uint8)

        return edited(front_end(16, 16, 2), change)

    with pytest.raises(UnsupportedError, match="its options are by; TFLM's kernel takes shift"):
        read(changed(write_map({"by": 3}), 0))
    with pytest.raises(FileError, match="its options are no map of numbers"):
        read(changed(b"\0\0", 0))
    with pytest.raises(UnsupportedError, match="its type T is 2; only int16"):
        read(changed(write_map({"T": 2, "fft_length": 16}), 2))
