"""What our C is estimated to cost: against what the compiler makes, and as gradients."""

import dataclasses

import pytest

from micronets.boards.board import Board
from micronets.compiler import compile_model
from micronets.cost.costs import TFLM, budget_costs, relaxed_budget_costs
from micronets.cost.latency_model import LatencyModel
from micronets.errors import SpecError
from micronets.quantized.random_weights import untrained
from micronets.runtimes.c import c_runtime
from tests.support.realistic_archs import random_arch
from tests.support.tiny_task import tiny_space

KINDS = ("convolution", "pointwise", "depthwise", "depthwise_strided", "fully_connected", "mean", "add")
MODEL = LatencyModel("B", "c", {k: {"layer": 100.0, "mac": 1.0, "value": 9.0} for k in KINDS}, 50.0, 0.01, 0.05, "made up")


@pytest.mark.parametrize("seed", range(0, 12, 3))
def test_memory_against_what_the_compiler_makes(board: Board, seed: int) -> None:
    arch = random_arch(seed)
    arch = dataclasses.replace(
        arch, layers=tuple(dataclasses.replace(a, weight_bits=8) if hasattr(a, "weight_bits") else a for a in arch.layers)
    )
    compiled = compile_model(untrained(arch))
    costs = budget_costs(arch, board, ("sram_bytes", "flash_bytes"), runtime=c_runtime(None))
    assert compiled.arena_bytes <= costs["sram_bytes"] <= 1.25 * compiled.arena_bytes + 1500
    assert 0 < costs["flash_bytes"] - compiled.constant_bytes < 0.15 * compiled.constant_bytes + 20_000
    theirs = budget_costs(arch, board, ("sram_bytes", "flash_bytes"), runtime=TFLM)
    assert all(costs[name] < theirs[name] for name in costs)


def test_time_needs_a_model_of_the_board(board: Board) -> None:
    arch = random_arch(0)
    with pytest.raises(SpecError, match=r"no latency model of NUCLEO-F446RE for runtime 'c': make one with 'micronets charact"):
        budget_costs(arch, board, ("latency_ms",), runtime=c_runtime(None))


def test_relaxed_costs_of_one_network_are_its_costs(board: Board) -> None:
    torch = pytest.importorskip("torch")
    from micronets.design.supernet import Supernet

    space = tiny_space()
    from micronets.ir.space import derive

    runtime = c_runtime(MODEL)
    names = ("flash_bytes", "latency_ms", "energy_mj")
    supernet = Supernet(space)
    values = space.largest()
    exact = budget_costs(derive(space, values), board, names, runtime=runtime)
    relaxed = relaxed_budget_costs(supernet.steps(supernet.one_hot(values)), board, names, runtime=runtime)
    assert {n: float(v) for n, v in relaxed.items()} == pytest.approx(exact, rel=1e-5)
    sample = supernet.sample(1.0, torch.Generator().manual_seed(0))
    sum(relaxed_budget_costs(supernet.steps(sample), board, names, runtime=runtime).values()).backward()
    assert any(a.grad is not None and a.grad.abs().sum() > 0 for a in supernet.alphas.values())
