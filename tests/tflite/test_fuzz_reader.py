"""Damaged files are read or refused, in bounded time and memory; and the program that checks it would notice if not."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fuzz_reader
from benchmarks.fuzz_reader import examine, fuzz, sound_files, table
from micronets.compiler import compile_model
from micronets.errors import SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, AveragePool2D, Conv2D, Dequantize, Pad, Quantize, Relu
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.tflite import read, write
from micronets.tflite.limits import MAX_OPERATORS, MAX_VALUES, MAX_WORK

FILES = 250


def network(shape: tuple[int, ...], *layers, scale: float = 0.5) -> QuantizedModel:
    arch = Arch(shape, layers)
    weights = {}
    for layer in layers:
        if isinstance(layer, Conv2D):
            size = (layer.filters, *layer.kernel, shape[-1])
            weights[layer.name] = LayerWeights(np.ones(size, np.int8), np.ones(1, np.float32), None)
    return QuantizedModel(arch, {name: TensorQuant(scale, 0) for name in arch.shapes()}, weights)


def test_damaged_files_end_in_a_result_or_a_refusal(tmp_path: Path) -> None:
    total = fuzz(sound_files(tmp_path), 7, range(FILES))
    assert not total.failures
    assert sum(total.ends.values()) == FILES
    assert min(total.ends["refused by the reader"], total.ends["compiled"]) > FILES // 20
    text = table(total, "make fuzz")
    assert f"| of {FILES} mutated files |" in text
    assert "| crashed, hung or ran out of memory | 0 |" in text


def fails(data: bytes) -> str:
    """Stands for `examine` and does everything that it must not, by turns."""
    match data[-1] % 4:
        case 0:
            raise ZeroDivisionError("on purpose")
        case 1:
            os._exit(3)
        case 2:
            return str(len(bytearray(1 << 33)))
        case _:
            while True:
                pass


def test_every_kind_of_failure_is_noticed_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fuzz_reader, "examine", fails)
    monkeypatch.setattr(fuzz_reader, "damaged", lambda files, seed, number: bytes([number]))
    monkeypatch.setattr(fuzz_reader, "SECONDS", 0.2)
    record = tmp_path / "record"
    found = dict(fuzz([b""], 0, range(4), record=record).failures)
    assert set(found) == {0, 1, 2, 3}
    assert found[0].startswith("ZeroDivisionError: on purpose (test_fuzz_reader.py:")
    assert found[1] == "the process died: exit code 3"
    assert found[2].startswith("MemoryError")
    assert found[3].startswith("TooSlow")
    monkeypatch.setattr(fuzz_reader, "examine", lambda data: "compiled")
    again = fuzz([b""], 0, range(6), record=record)
    assert dict(again.failures) == found
    assert again.ends == {"failed": 4, "compiled": 2}
    assert fuzz([b""], 1, range(4), record=record).ends == {"compiled": 4}


def test_a_long_message_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data: bytes, where: str) -> None:
        raise SpecError("x" * 700)

    monkeypatch.setattr(fuzz_reader, "read", refuse)
    with pytest.raises(AssertionError, match="a message of 700 characters"):
        examine(b"")


BASE = {"name": "a", "inputs": (INPUT,)}


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            network((4, 4, 3), Pad(**BASE, paddings=((0, MAX_VALUES), (0, 0), (0, 0)))),
            r"model: tensor \d+ 'a' has the shape .*; at most 33,554,432 values are supported",
        ),
        (
            network((5, 10, 2), AveragePool2D(**BASE, pool=(5, 1 << 24), stride=(1, 1), padding="same")),
            r"operator 0 \(AVERAGE_POOL_2D\) works on 301,990,050 values at a time; at most 33,554,432 are supported",
        ),
        (
            network((5, 10, 2), Conv2D(**BASE, filters=1, kernel=(2, 2), dilation=(1, 1 << 30))),
            r"operator 0 \(CONV_2D\) works on .* values at a time",
        ),
        (
            network((2000, 2000, 1), AveragePool2D(**BASE, pool=(9, 9), stride=(1, 1), padding="same")),
            rf"operator 0 \(AVERAGE_POOL_2D\) brings the network to 10,368,000,000 MACs; at most {MAX_WORK:,} are "
            r"supported",
        ),
    ],
)
def test_small_files_that_ask_for_much_are_refused(model: QuantizedModel, text: str) -> None:
    with pytest.raises(UnsupportedError, match=text):
        read(write(model))


def chain(count: int) -> QuantizedModel:
    names = [INPUT, *(f"r{k}" for k in range(count))]
    return network((1, 1, 2), *(Relu(name=b, inputs=(a,)) for a, b in pairwise(names)))


def test_the_number_of_operators_is_limited() -> None:
    assert len(read(write(chain(MAX_OPERATORS))).arch.layers) == MAX_OPERATORS
    with pytest.raises(UnsupportedError, match=f"{MAX_OPERATORS + 1} operators; at most {MAX_OPERATORS} are supported"):
        read(write(chain(MAX_OPERATORS + 1)))


def test_a_long_chain_of_dead_filters_is_dropped_in_no_time() -> None:
    """Once the work grew with the square of the number of layers, a reference run for each."""
    names = [INPUT, *(f"c{k}" for k in range(300))]
    model = network((2, 2, 2), *(Conv2D(name=b, inputs=(a,), filters=2, kernel=(1, 1)) for a, b in pairwise(names)))
    silent = {name: replace(w, weights=np.zeros_like(w.weights)) for name, w in model.weights.items()}
    smaller = compile_model(replace(model, weights=silent)).model
    assert [layer.filters for layer in smaller.arch.layers] == [1] * 299 + [2]


def test_scales_at_the_ends_of_float32() -> None:
    """The code of 6 nearly takes 32 bits for a tiny scale; a large one must leave every real value finite."""
    tiny = network((2, 2, 1), Relu(**BASE, six=True), scale=2.0**-28)
    x = np.array([-128, -1, 1, 127], np.int8).reshape(1, 2, 2, 1)
    assert reference.run(tiny, x).ravel().tolist() == [0, 0, 1, 127]
    compile_model(tiny)
    arch = Arch((2, 2, 1), (Quantize(**BASE), Dequantize(name="b", inputs=("a",))), "float32")
    edge = QuantizedModel(arch, {}, {})
    for scale in (1e-44, 2.0**119):
        model = replace(edge, quant={"a": TensorQuant(scale, 3)})
        with np.errstate(over="raise", invalid="raise"):
            y = reference.run(model, np.array([-3e38, -1.0, 1e-44, 3e38], np.float32).reshape(1, 2, 2, 1))
        assert np.isfinite(y).all()
    with pytest.raises(SpecError, match=r"tensor 'a': scale .* is not a positive float32 below 2\*\*120"):
        reference.run(replace(edge, quant={"a": TensorQuant(2.0**120, 3)}), np.zeros((1, 2, 2, 1), np.float32))
