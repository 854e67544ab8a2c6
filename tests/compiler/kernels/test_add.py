"""Two tensors combined as C: every pair of codes; scales alike, apart, far apart; clamped and not; all remainders."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.targets import PLAIN
from micronets.compiler import compile_model
from micronets.compiler.kernels.linear import Linear, linear
from micronets.device import host
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Binary, Conv2D, Mul, Prelu, SquaredDifference, Sub
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from tests.support.generated_c import libraries, needs_host_compiler
from tests.support.needs import needs

EVERY = np.stack(np.meshgrid(*2 * [np.arange(-128, 128, dtype=np.int8)]), -1)  # [256, 256, 2]
SEEDS = range(15)
OTHERS = (Sub, Mul, Prelu, SquaredDifference)


def combined(seed: int, shape: tuple[int, int], kind: type[Binary] = Add) -> QuantizedModel:
    """Returns a network that combines a map's two channels, each with a scale and a zero point of its own.

    Two convolutions bring the channels to their tensors; they keep every code as it is.
    """
    r = np.random.default_rng(seed)
    a = float(np.exp(r.uniform(-5, 2)))
    b = (
        a
        * (
            1.0,
            0.5,
            float(np.exp(r.uniform(-1, 1))),
            float(np.exp(r.uniform(-1, 1))),
            float(np.exp(r.uniform(-12, 12))),
        )[seed % 5]
    )
    zeros = dict(zip((INPUT, "a", "b", "y"), (int(z) for z in r.integers(-128, 128, 4)), strict=True))
    zeros["y"] = (-128, zeros["y"], zeros["y"], 127)[seed % 4]
    largest = {Mul: 60 * a * b, Prelu: max(a, 60 * a * b), SquaredDifference: 60 * max(a, b) ** 2}.get(kind, max(a, b))
    scales = {INPUT: 1.0, "a": a, "b": b, "y": largest * float(np.exp(r.uniform(-2, 1)))}
    convolutions = [Conv2D(name=name, inputs=(INPUT,), filters=1, kernel=(1, 1)) for name in "ab"]
    total = kind(name="y", inputs=("a", "b"))
    if isinstance(total, Add | Sub | Mul):
        total = replace(total, activation=("none", "relu", "relu6")[seed % 3])
    weights = {}
    for k, name in enumerate("ab"):
        taken = np.zeros((1, 1, 1, 2), np.int8)
        taken[..., k] = 1
        scale = np.array([np.float32(scales[name])])
        weights[name] = LayerWeights(taken, scale, np.array([zeros[INPUT] - zeros[name]], np.int32))
    quant = {name: TensorQuant(scales[name], zeros[name]) for name in scales}
    return QuantizedModel(Arch((*shape, 2), (*convolutions, total)), quant, weights)


NARROW = ("-O2", "-DMICRONETS_NARROW_PRODUCTS=1", "-fsanitize=undefined", "-fno-sanitize-recover=all")


def test_every_pair_of_codes() -> None:
    """For a core with pairs of products, and for one without, also where its products have 32 bits."""
    models = [combined(seed, (256, 256)) for seed in SEEDS]
    models += [combined(seed, (256, 256), kind) for kind in OTHERS for seed in range(5)]
    compiled = [*map(compile_model, models)]
    plain = [compile_model(model, PLAIN) for model in models]
    needs_host_compiler()
    built = [*libraries(compiled), host.build_library(plain, NARROW)]
    for i, model in enumerate(models):
        want = reference.run(model, EVERY[None])
        for library in built:
            assert np.array_equal(library.run(i, EVERY[None]), want), model.quant


def test_sums_of_multiples_are_taken_where_they_are_exact() -> None:
    """Nearly all random scales have such factors; a tie between two codes, which TFLM rounds away from 0, has none."""
    found = [compile_model(combined(seed, (2, 2), kind)).files["model.c"] for kind in (Add, Sub) for seed in SEEDS]
    assert sum("micronets_row_linear" in text for text in found) >= 25
    r = np.random.default_rng(5)
    scales = [(float(a), float(b), float(np.hypot(a, b))) for a, b in np.exp(r.uniform(-4, 0, (100, 2)))]
    zeros = r.integers(-128, 128, (100, 3)).tolist()
    quants = [[TensorQuant(*q) for q in zip(s, z, strict=True)] for s, z in zip(scales, zeros, strict=True)]
    assert sum(linear(a, b, y) is not None for a, b, y in quants) >= 99
    one, two = TensorQuant(1.0, 0), TensorQuant(2.0, 0)
    assert linear(one, one, two) is None
    assert linear(one, one, one) == Linear(1 << 24, 1 << 24, (1 << 15) + 1)
    assert "micronets_row_linear" not in compile_model(combined(0, (2, 2)), PLAIN).files["model.c"]


@pytest.mark.parametrize(("which", "seeds"), [("gcc", (0, 7, 14, 16, 19)), ("zig", (3, 4))])
def test_simulated_sums(which: str, seeds: tuple[int, ...]) -> None:
    """The loops of instructions, on the simulated processor."""
    needs("unicorn", "sim")
    needs("elftools", "sim")
    from micronets.boards.board import load_board
    from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
    from micronets.device.sim.machine import simulate

    board = load_board("NUCLEO-F446RE")
    try:
        find_compiler(board, which)
    except DeviceError as e:
        pytest.skip(str(e))
    for seed in seeds:
        shape = (32, 128) if seed % 2 else (31, 131)
        model = combined(seed, shape, (Add, Sub, Mul, Prelu, Add)[seed % 5])
        half = np.random.default_rng(seed).permutation(EVERY.reshape(-1, 2))  # of the pairs, others for each seed
        x = np.resize(half, (8, *shape, 2))
        elf = build_firmware(firmware_files(compile_model(model)), board, which).elf
        got = simulate(elf, x.reshape(len(x), -1), 3, shape[0] * shape[1], board).outputs
        assert np.array_equal(got.ravel(), reference.run(model, x).ravel()), model.quant
