"""The predicted arena is what TFLM needs: on this host by running it, on a Cortex-M by recorded figures."""

import csv
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.cost.counts import live_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes, persistent_bytes, used_bytes
from micronets.cost.tflm_plan import lifetimes
from micronets.device.tflm import interpreter
from micronets.errors import FileError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, Dequantize, FullyConnected, Mean, Quantize
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import ModelFile, read, write
from micronets.tflite.codec import Op
from micronets.tflite.schema import TensorType
from tests.support.needs import needs_tflm
from tests.support.paper_archs import paper_archs
from tests.support.random_models import random_arch as random_arch_of_corners
from tests.support.random_models import random_model
from tests.support.realistic_archs import random_arch
from tests.support.small_file import FileLayer, FileTensor, small_file


def baselines(shared: Path) -> dict[str, dict[str, str]]:
    with (shared / "reference/cortex_m_baselines.csv").open() as f:
        return {row["model"]: row for row in csv.DictReader(f)}


@needs_tflm
@pytest.mark.parametrize("seed", range(30))
def test_random_networks_run_in_the_predicted_arena_and_not_in_a_smaller_one(seed: int) -> None:
    arch = random_arch(seed)
    data = write(with_random_weights(arch, seed))
    predicted = arena_tflm_bytes(arch)
    assert interpreter.fits(data, predicted)
    assert not interpreter.fits(data, predicted - 32)


@needs_tflm
def test_the_papers_networks_to_the_byte(shared: Path) -> None:
    for name, arch in paper_archs(shared).items():
        data = write(with_random_weights(arch))
        predicted = arena_tflm_bytes(arch)
        assert interpreter.fits(data, predicted), name
        assert not interpreter.fits(data, predicted - 16), name


def excess(data: bytes, name: str) -> int:
    """Returns by how many bytes the arena predicted for a file is larger than the smallest in which TFLM runs."""
    predicted = ModelFile(name, data, read(data)).arena_tflm_bytes(8)
    return predicted - interpreter.min_arena(data, predicted)


@needs_tflm
@pytest.mark.parametrize("seed", range(24))
def test_small_networks_are_never_under_and_at_most_16_bytes_over(seed: int) -> None:
    data = write(random_model(random_arch_of_corners(seed), seed), portable=seed % 4 == 0)
    assert 0 <= excess(data, f"random {seed}") <= 16


@needs_tflm
def test_files_of_others_are_never_under_and_at_most_16_bytes_over(shared: Path) -> None:
    cases = (shared / "cases" / f"{name}.tflite" for name in ("arena_under", "fc400_perchannel"))
    found = {}
    for path in (*sorted(shared.glob("models/*/*.tflite")), *cases):
        with suppress(UnsupportedError, FileError):
            found[path.name] = excess(path.read_bytes(), path.name)
    assert len(found) > 40
    assert {name: n for name, n in found.items() if not 0 <= n <= 16} == {}


@needs_tflm
def test_dense_layers_with_a_scale_per_output_keep_multipliers_and_shifts() -> None:
    arch = Arch((8,), (FullyConnected(name="a", inputs=(INPUT,), units=300),))
    model = with_random_weights(arch)
    weights = model.weights["a"]
    many = replace(weights, scales=np.linspace(0.9, 1, 300, dtype=np.float32) * weights.scales[0])
    files = [write(model), write(replace(model, weights={"a": many}))]
    one, several = (ModelFile("m", data, read(data)) for data in files)
    assert several.arena_tflm_bytes(8) - one.arena_tflm_bytes(8) > 2 * 4 * 300
    assert several.arena_tflm_bytes(4) - one.arena_tflm_bytes(4) >= 2 * 4 * 300
    assert 0 <= excess(several.content, "m") <= 16


@needs_tflm
def test_a_scale_of_floats_takes_room_although_it_means_nothing() -> None:
    excesses = {}
    for scaled in (False, True):
        floats = FileTensor((1, 3, 4), type=TensorType.FLOAT32, scaled=scaled)
        for op, tensors in ((Op.QUANTIZE, [floats, FileTensor((1, 3, 4))]), (Op.LOGISTIC, [floats, floats])):
            excesses[op.name, scaled] = excess(small_file(tensors, [FileLayer(op, (0,), (1,))], [0], [1]), op.name)
    assert {case: n for case, n in excesses.items() if not 0 <= n <= 16} == {}


def test_an_int8_input_of_a_first_quantize_takes_a_byte_a_value() -> None:
    arch = Arch((40, 40, 3), (Quantize(name="q", inputs=(INPUT,)),))
    data = write(QuantizedModel(arch, {INPUT: TensorQuant(0.5, 0), "q": TensorQuant(0.25, 0)}, {}))
    file = ModelFile("m", data, read(data))
    assert arena_tflm_bytes(arch) == file.arena_tflm_bytes(8)
    assert arena_tflm_bytes(replace(arch, input_type="float32")) - arena_tflm_bytes(arch) > 2 * 4800
    assert not interpreter.available() or 0 <= excess(data, "m") <= 16


def test_the_released_models_on_a_cortex_m(shared: Path) -> None:
    for name, row in baselines(shared).items():
        data = (shared / "models" / f"{name}.tflite").read_bytes()
        file = ModelFile(name, data, read(data))
        assert used_bytes(file.model.arch, 4, file.tensors) == pytest.approx(int(row["arena_bytes"]), rel=1e-3), name


def test_by_hand() -> None:
    # One 1x1 convolution, 16 channels to 16, map 4x4: the plan holds 256 + 256 bytes, too little to plan it in.
    arch = Arch((4, 4, 16), (Conv2D(name="a", inputs=(INPUT,), filters=16, kernel=(1, 1)),))
    fixed = 488 + 4 * 24 + 64 + 28  # allocators, tensors (input, output, weights, bias), the node, its parameters
    data = -(-fixed // 16) * 16 + 80 + 2 * 64  # and the kernel's, multipliers, shifts
    edges = 2 * (16 + 64 + 24 + 8)
    assert used_bytes(arch) == 512 + data + edges
    assert arena_tflm_bytes(arch) > used_bytes(arch)


@needs_tflm
def test_small_networks_need_more_to_prepare_than_to_run() -> None:
    layers = [FullyConnected(name="l0", inputs=(INPUT,), units=16)]
    layers += [FullyConnected(name=f"l{i}", inputs=(f"l{i - 1}",), units=16) for i in range(1, 12)]
    arch = Arch((16,), tuple(layers))
    data = write(with_random_weights(arch))
    assert used_bytes(arch) < 0.9 * arena_tflm_bytes(arch)
    assert not interpreter.fits(data, used_bytes(arch))
    assert interpreter.min_arena(data) == arena_tflm_bytes(arch)


@needs_tflm
def test_float_edges_take_four_bytes_a_value() -> None:
    layers = (Quantize(name="q", inputs=(INPUT,)), Mean(name="m", inputs=("q",)), Dequantize(name="d", inputs=("m",)))
    arch = Arch((8, 8, 16), layers, "float32")
    assert [b.bytes for b in lifetimes(arch)] == [4096, 1024, 16, 64]
    model = with_random_weights(arch)
    quant = {name: q for name, q in model.quant.items() if name in ("q", "m")}
    measured = interpreter.min_arena(write(replace(model, quant=quant)))
    assert arena_tflm_bytes(arch) == pytest.approx(measured, abs=16)


@pytest.mark.parametrize("word_bytes", [4, 8])
@pytest.mark.parametrize("seed", range(12))
def test_the_relaxed_arena_is_a_close_lower_bound_of_the_persistent_part(seed: int, word_bytes: int) -> None:
    arch = random_arch(seed)
    persistent = persistent_bytes(arch.steps(), word_bytes)  # type: ignore[arg-type]
    relaxed = live_bytes(arch.steps()) + persistent
    assert relaxed <= arena_tflm_bytes(arch, word_bytes) + 200  # type: ignore[arg-type]


def test_channels_cost_eight_bytes_each_on_both() -> None:
    def wide(channels: int) -> Arch:
        small = Conv2D(name="a", inputs=(INPUT,), filters=channels, kernel=(1, 1))
        return Arch(
            (1, 1, 1),
            (small, DepthwiseConv2D(name="b", inputs=("a",), kernel=(1, 1)), Add(name="c", inputs=("b", "b"))),
        )

    for word in (4, 8):
        more = persistent_bytes(wide(1016).steps(), word) - persistent_bytes(wide(16).steps(), word)  # type: ignore[arg-type]
        assert more == 2 * 8 * 1000
