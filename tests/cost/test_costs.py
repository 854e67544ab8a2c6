"""Costs on a board, and the limits of a budget."""

import json
from dataclasses import asdict

import pytest

from micronets.boards.board import LIMITS, Board, Budget, board_budget, load_board
from micronets.cost.costs import (
    RUNTIME_FLASH_BYTES,
    RUNTIME_SRAM_BYTES,
    TFLM_COSTS,
    TFLM_STACK_BYTES,
    RuntimeCosts,
    budget_costs,
    cost,
    relaxed_budget_costs,
)
from micronets.cost.tflite_size import tflite_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Mean
from tests.support.realistic_archs import random_arch

ARCH = Arch(
    (10, 10, 1),
    (
        Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3)),
        Mean(name="b", inputs=("a",)),
        FullyConnected(name="c", inputs=("b",), units=4),
    ),
)


def test_layers_and_totals(board: Board) -> None:
    c = cost(ARCH, board)
    assert [(x.name, x.kind, x.output_shape, x.macs, x.params, x.weight_bytes) for x in c.layers] == [
        ("a", "Conv2D", (10, 10, 8), 7200, 80, 104),
        ("b", "Mean", (8,), 0, 0, 0),
        ("c", "FullyConnected", (4,), 32, 36, 48),
    ]
    assert (c.macs, c.params, c.weight_bytes) == (7232, 116, 152)
    assert c.cycles == pytest.approx(sum(x.cycles for x in c.layers))
    assert c.latency_ms == pytest.approx(c.cycles / board.clock_hz * 1e3)
    assert c.energy_mj == pytest.approx(c.latency_ms * board.active_power_w)
    assert c.sram_bytes == arena_tflm_bytes(ARCH, 4) + RUNTIME_SRAM_BYTES + TFLM_STACK_BYTES
    assert c.flash_bytes == tflite_bytes(ARCH.steps()) + RUNTIME_FLASH_BYTES
    assert (c.board, c.source, c.uncertainty) == ("NUCLEO-F446RE", "estimated", board.cycle_uncertainty)
    json.dumps(asdict(c))


def test_a_board_is_a_limit(board: Board) -> None:
    big = Arch((128, 128, 1), (Conv2D(name="a", inputs=(INPUT,), filters=16, kernel=(3, 3)),))

    def missed(board: Board) -> list[str]:
        limits = board_budget(Budget(), board).limits()
        found = budget_costs(big, board, limits)
        return [name for name, limit in limits.items() if found[name] > limit]

    assert missed(board) == ["sram_bytes"]
    assert missed(load_board("NUCLEO-F767ZI")) == []


@pytest.mark.parametrize("name", LIMITS)
def test_a_runtime_has_a_cost_for_every_limit(name: str) -> None:
    assert TFLM_COSTS.costs.keys() == LIMITS.keys()
    with pytest.raises(ValueError, match=f"costs and limits of a budget differ in {name}"):
        RuntimeCosts("lacking", {k: v for k, v in TFLM_COSTS.costs.items() if k != name})


@pytest.mark.parametrize("seed", range(12))
def test_costs_by_limit_are_those_of_cost_and_bound_the_relaxed_ones(board: Board, seed: int) -> None:
    arch = random_arch(seed)
    names = tuple(LIMITS)
    exact = budget_costs(arch, board, names, metadata_bytes=700)
    whole = cost(arch, board, metadata_bytes=700)
    relaxed = relaxed_budget_costs(arch.steps(), board, names, metadata_bytes=700)
    for name in names:
        assert exact[name] == getattr(whole, name)
        slack = 1.01 if name in ("arena_bytes", "sram_bytes") else 1.0
        assert relaxed[name] <= exact[name] * slack


def test_faster_boards_take_less_time() -> None:
    times = [
        cost(ARCH, load_board(n)).latency_ms
        for n in ("NUCLEO-L4R5ZI", "NUCLEO-F446RE", "NUCLEO-F746ZG", "NUCLEO-H743ZI2")
    ]
    assert times == sorted(times, reverse=True)
    # The paper's networks take 2.26..2.38 times as long on the F446 as on the F746.
    assert times[1] / times[2] == pytest.approx(2.32, rel=0.03)
