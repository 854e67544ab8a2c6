"""The time and energy of our C that `inspect` tells: by the board's latency model, or simulated."""

from __future__ import annotations

import pytest

import micronets as mn
from micronets.commands.inspect import inspect
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Logistic, Mean
from micronets.quantized.random_weights import with_random_weights
from tests.commands.test_measure import simulated

BOARD = "NUCLEO-F446RE"
LAYERS = (
    Conv2D(name="conv", inputs=(INPUT,), filters=16, kernel=(3, 3)),
    Mean(name="mean", inputs=("conv",)),
    FullyConnected(name="dense", inputs=("mean",), units=4),
)


@simulated
def test_the_estimate_is_near_the_simulation() -> None:
    model = with_random_weights(Arch((20, 20, 8), LAYERS))
    estimated, ran = inspect(model, BOARD), inspect(model, BOARD, simulate=True)
    measured = mn.measure(model, BOARD, samples=1)
    assert (estimated.source_c, ran.source_c) == ("latency model", "simulated")
    assert (ran.latency_c_ms, ran.energy_c_mj) == (measured.latency_ms, measured.energy_mj)
    assert estimated.latency_c_ms == pytest.approx(ran.latency_c_ms, rel=0.2)
    assert "simulated" in next(line for line in ran.text().splitlines() if line.startswith("latency, our C"))
    assert estimated.latency_ms == ran.latency_ms  # TFLM's stays an estimate


def test_what_the_latency_model_does_not_know_is_named() -> None:
    layers = (*LAYERS, Logistic(name="y", inputs=("dense",)))
    found = inspect(with_random_weights(Arch((6, 6, 8), layers)), BOARD)
    reason = (
        f"the latency model of our C on {BOARD} has no table; 'micronets inspect --simulate' runs a .tflite in the "
        "simulator"
    )
    assert (found.latency_c_ms, found.energy_c_mj, found.source_c, found.no_times_c) == (None, None, None, reason)
    assert reason in found.text()


@pytest.mark.parametrize(
    ("board", "reason"),
    [
        ("nRF52840-DK", "nRF52840-DK has no latency model of our C; 'micronets inspect --simulate' runs a .tflite in"),
        ("Raspberry Pi Pico", "no cycle model of a Cortex-M0+"),
    ],
)
def test_a_board_without_a_model_says_so(board: str, reason: str) -> None:
    found = inspect(with_random_weights(Arch((6, 6, 8), LAYERS)), board)
    assert found.latency_c_ms is None
    assert found.no_times_c is not None
    assert reason in found.no_times_c


def test_an_architecture_cannot_be_simulated() -> None:
    with pytest.raises(SpecError, match=r"simulate is for a model with weights; give a \.tflite, or leave it out"):
        inspect(Arch((6, 6, 8), LAYERS), BOARD, simulate=True)
