"""The tables of benchmarks/kernels_vs_tflm.py, on figures that are made up."""

from types import SimpleNamespace

import pytest

from benchmarks.kernels_vs_tflm import (
    FACTOR,
    constant_bytes,
    geometric_mean,
    kernel_of,
    kernels_table,
    models_table,
    row,
)
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Reshape
from tests.support.random_models import random_model

ARCH = Arch(
    (8, 8, 1),
    (
        Conv2D(name="stem", inputs=(INPUT,), filters=8, kernel=(3, 3)),
        DepthwiseConv2D(name="depthwise", inputs=("stem",), kernel=(3, 3)),
        Conv2D(name="pointwise", inputs=("depthwise",), filters=4, kernel=(1, 1)),
        Conv2D(name="tall", inputs=("depthwise",), filters=4, kernel=(5, 3)),
        Conv2D(name="square", inputs=("depthwise",), filters=4, kernel=(3, 3)),
        Reshape(name="flat", inputs=("square",), shape=(256,)),
        FullyConnected(name="last", inputs=("flat",), units=2),
    ),
)


def test_kernels_by_layer() -> None:
    names = [layer.name for layer in ARCH.layers]
    expected = ["stem", "depthwise", "conv 1x1", "conv, other", "conv 3x3", None, "fully connected"]
    assert [kernel_of(ARCH, name) for name in names] == expected
    assert kernel_of(ARCH, "no such layer") is None


def test_geometric_mean() -> None:
    assert geometric_mean([0.25, 1.0]) == pytest.approx(0.5)


def test_models_table() -> None:
    figures = {"core_cycles": 50, "cycles": 60 * FACTOR, "sram_bytes": 30, "flash_bytes": 100_000, "bit_exact": True}
    baseline = {
        "cycles_0ws": "100",
        "cycles_flash5ws": "120",
        "arena_bytes": "50",
        "stack_bytes": "10",
        "tflite_bytes": "94528",
    }
    model = random_model(ARCH, 1)
    weights, scales = constant_bytes(model)
    assert weights == 8 * 9 + 9 * 8 + 8 * 4 + 15 * 8 * 4 + 9 * 8 * 4 + 256 * 2
    assert scales == 4 * sum(
        len(w.scales) + w.weights.shape[3 if name == "depthwise" else 0] for name, w in model.weights.items()
    )
    found = row("set/model", SimpleNamespace(**figures), baseline, weights, scales)
    assert found["besides_weights"] == 100_000 - weights == found["code"] + scales
    lines = models_table([found]).splitlines()
    expected = "| model | 50 | 100 | 0.50 | 0.50 | 30 | 60 | 0.50 | 100,000 | 200,000 | 0.50 "
    expected += f"| {found['besides_weights']:,} | {found['code']:,} | equal |"
    assert lines[2] == expected
    assert lines[3].count("**0.50**") == 4
    assert {line.count("|") for line in lines} == {15}
    assert "DIFFER" in models_table([found | {"bit_exact": False}])


def test_kernels_table() -> None:
    lines = kernels_table({"conv 1x1": [(100, 100), (300, 900)]}).splitlines()
    assert lines[2:] == ["| conv 1x1 | 2 | 0.40 | 0.33 | 1.00 |"]
