"""Estimated cycles against simulated ones, and what they must do."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from micronets.cost.tflm_cycles import base_cycles, layer_base_cycles
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D
from micronets.ir.ops.record import OPERATOR_CYCLES
from micronets.tflite import read


def test_the_released_models_within_three_percent(shared: Path) -> None:
    with (shared / "reference/cortex_m_baselines.csv").open() as f:
        for row in csv.DictReader(f):
            arch = read((shared / "models" / f"{row['model']}.tflite").read_bytes()).arch
            assert base_cycles(arch.steps()) == pytest.approx(float(row["cycles_0ws"]), rel=0.03), row["model"]


def test_the_kernels_of_kws_m(shared: Path) -> None:
    """Cycles a MAC, as simulated: stem 3.93, pointwise 2.12, depthwise 9.0."""
    arch = read((shared / "models/micronets/kws_micronet_m.tflite").read_bytes()).arch
    stem, depthwise, pointwise = arch.steps()[:3]
    rates = [layer_base_cycles(s) / macs for s, macs in ((stem, 2744000), (depthwise, 157500), (pointwise, 2450000))]
    assert rates == pytest.approx([3.93, 9.0, 2.12], rel=0.05)


def cycles(layer: Conv2D | DepthwiseConv2D, channels: int = 32) -> float:
    return float(base_cycles(Arch((16, 16, channels), (layer,)).steps()))


def test_by_hand() -> None:
    pointwise = Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(1, 1))
    assert cycles(pointwise) == pytest.approx(OPERATOR_CYCLES + 256 * 8 * (73 + 1.6 * 32))
    assert cycles(replace(pointwise, weight_bits=4)) == pytest.approx(OPERATOR_CYCLES + 256 * 8 * (73 + 3.2 * 32))


def test_dilation_falls_back_to_the_plain_loop() -> None:
    plain = DepthwiseConv2D(name="a", inputs=(INPUT,), kernel=(5, 1))
    assert cycles(replace(plain, dilation=(2, 1))) > 1.5 * cycles(plain)
    assert cycles(replace(plain, dilation=(4, 1))) == cycles(replace(plain, dilation=(2, 1)))


def test_sums_over_steps() -> None:
    layers = (Conv2D(name="a", inputs=(INPUT,), filters=4, kernel=(3, 3)), Add(name="b", inputs=("a", "a")))
    steps = Arch((8, 8, 1), layers).steps()
    assert base_cycles(steps) == sum(layer_base_cycles(s) for s in steps)
