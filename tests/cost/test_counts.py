"""MACs, parameters and live bytes: by hand, against the paper, and relaxed against exact."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from micronets.boards.board import Board
from micronets.cost.costs import relaxed_budget_costs
from micronets.cost.counts import live_bytes, macs, paper_ops, params, state_bytes, step_weights, weight_bytes
from micronets.cost.tflite_size import FILE_BYTES
from micronets.cost.tflm_arena import persistent_bytes, used_bytes
from micronets.cost.tflm_plan import tflm_plan
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, AveragePool2D, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from micronets.ir.space import Block, Choice, SearchSpace, Template, ValueOf, derive, relaxed_steps
from micronets.runtimes.c import sram_bytes
from micronets.tflite import read
from tests.support.paper_archs import paper_archs

SMALL = Arch(
    (8, 6, 3),
    (
        Conv2D(name="a", inputs=(INPUT,), filters=5, kernel=(3, 2), stride=(2, 1)),
        DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), multiplier=2, weight_bits=4),
        Mean(name="c", inputs=("b",)),
        FullyConnected(name="d", inputs=("c",), units=7),
    ),
)


def test_counts_by_hand() -> None:
    steps = SMALL.steps()
    assert macs(steps) == 4 * 6 * 5 * (3 * 2 * 3) + 4 * 6 * 10 * 9 + 10 * 7
    assert [step_weights(s) for s in steps] == [(90, 5), (90, 10), (0, 0), (70, 7)]
    assert params(steps) == 90 + 5 + 90 + 10 + 70 + 7
    assert weight_bytes(steps) == 90 + 20 + 45 + 40 + 70 + 28
    assert live_bytes(steps) == 4 * 6 * 5 + 4 * 6 * 10


def test_an_odd_number_of_four_bit_weights_rounds_up() -> None:
    layer = FullyConnected(name="a", inputs=(INPUT,), units=3, weight_bits=4)
    assert weight_bytes(Arch((5,), (layer,)).steps()) == 8 + 12


def test_a_tensor_that_is_read_twice_stays_alive() -> None:
    conv = Conv2D(name="b", inputs=("a",), filters=2, kernel=(1, 1))
    layers = (Conv2D(name="a", inputs=(INPUT,), filters=2, kernel=(1, 1)), conv, Add(name="c", inputs=("a", "b")))
    assert live_bytes(Arch((4, 4, 1), layers).steps()) == 3 * 32


def test_the_papers_op_counts(shared: Path) -> None:
    with (shared / "reference/micronets_published.csv").open() as f:
        published = {row["model"]: float(row["mops"]) for row in csv.DictReader(f) if row["mops"]}
    for name, arch in paper_archs(shared).items():
        # VWW-2's channels are known from a re-creation only, 3 % off in operations; the others to rounding.
        tolerance = 0.035 if name == "MicroNet-VWW-2" else 0.0017
        assert paper_ops(arch) / 1e6 == pytest.approx(published[name.split("(")[0]], rel=tolerance), name


def test_fractional_maps_by_hand() -> None:
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=2, kernel=(3, 3), stride=(2, 2)),
        AveragePool2D(name="b", inputs=("a",), pool=(3, 2), stride=(3, 2)),
        FullyConnected(name="c", inputs=("b",), units=4),
    )
    assert paper_ops(Arch((5, 4, 1), layers)) == 2 * (2.5 * 2 * 2 * 9 + 2 * 4)


def test_macs_of_the_released_models(shared: Path) -> None:
    with (shared / "reference/cortex_m_baselines.csv").open() as f:
        for row in csv.DictReader(f):
            arch = read((shared / "models" / f"{row['model']}.tflite").read_bytes()).arch
            assert macs(arch.steps()) == int(row["macs"]), row["model"]


def space() -> SearchSpace:
    """Returns a space: a stem, two residual blocks that may go, one with a stride that may not; open kernels."""

    def template(pick: ValueOf) -> Template:
        stem = Conv2D(name="stem", inputs=(INPUT,), filters=pick("width"), kernel=(pick("kernel"), 3), stride=(2, 1))
        blocks = [Block((stem,))]
        for i in (1, 2):
            before = blocks[-1].layers[-1].name
            layers = (
                DepthwiseConv2D(
                    name=f"dw{i}", inputs=(before,), kernel=(pick("kernel"), 1), dilation=(pick("dilation"), 1)
                ),
                Conv2D(name=f"pw{i}", inputs=(f"dw{i}",), filters=pick("width"), kernel=(1, 1)),
                Add(name=f"add{i}", inputs=(before, f"pw{i}")),
            )
            blocks.append(Block(layers, keep=f"keep{i}"))
        wide = Conv2D(name="wide", inputs=("add2",), filters=pick("wide"), kernel=(1, 1))
        blocks.append(
            Block((wide, Mean(name="mean", inputs=("wide",)), FullyConnected(name="fc", inputs=("mean",), units=3)))
        )
        return Template((20, 8, pick("channels")), tuple(blocks))

    return SearchSpace(
        "test",
        (
            Choice("channels", "shape", (1, 3)),
            Choice("width", "width", (8, 16, 24)),
            Choice("wide", "width", (8, 64)),
            Choice("kernel", "kernel", (3, 5)),
            Choice("dilation", "dilation", (1, 2)),
            Choice("keep1", "keep", (0, 1)),
            Choice("keep2", "keep", (0, 1)),
        ),
        template,
    )


LIMITS = ("arena_bytes", "tflite_bytes", "sram_bytes", "flash_bytes", "latency_ms", "energy_mj", "macs")


def expected(values: dict[str, int]) -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    shapes = {c.name for c in space().choices if c.kind == "shape"}
    return {n: v if n in shapes else torch.tensor(float(v), requires_grad=True) for n, v in values.items()}


@pytest.mark.parametrize("keep1", [0, 1])
@pytest.mark.parametrize("keep2", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_relaxed_costs_at_one_network_are_its_costs(board: Board, keep1: int, keep2: int, dilation: int) -> None:
    values = {"channels": 3, "width": 16, "wide": 64, "kernel": 5, "dilation": dilation, "keep1": keep1, "keep2": keep2}
    arch = derive(space(), values)
    exact = relaxed_budget_costs(arch.steps(), board, LIMITS)
    relaxed = relaxed_budget_costs(relaxed_steps(space(), expected(values)), board, LIMITS)
    weighted = sum(step.weights is not None for step in arch.steps())
    for name in LIMITS:
        found, want = relaxed[name].detach().item(), float(exact[name])
        if name in ("tflite_bytes", "flash_bytes"):  # where sizes are tensors, alignment is counted from above
            assert 0 <= found - want <= 30 * weighted + FILE_BYTES[-1] - FILE_BYTES[0]
        else:
            assert found == pytest.approx(want, rel=1e-6), name
    assert live_bytes(arch.steps()) <= tflm_plan(arch).bytes


@pytest.mark.parametrize("name", LIMITS)
def test_gradients_have_the_right_sign(board: Board, name: str) -> None:
    values = expected(
        {"channels": 1, "width": 16, "wide": 40, "kernel": 4, "dilation": 1.4, "keep1": 0.6, "keep2": 0.7}
    )  # type: ignore[dict-item]
    relaxed_budget_costs(relaxed_steps(space(), values), board, LIMITS)[name].backward()
    for choice in ("width", "wide", "kernel", "keep1", "keep2"):
        grad = values[choice].grad
        touched = name not in ("arena_bytes", "sram_bytes") or choice in ("width", "keep1", "keep2")
        assert grad is None or float(grad) >= 0, choice
        assert not touched or float(grad) > 0, choice


def test_a_gate_scales_the_peak_of_its_block() -> None:
    values = {"channels": 1, "width": 16, "wide": 8, "kernel": 3, "dilation": 1}
    whole, half, none = (
        live_bytes(relaxed_steps(space(), expected(values | {"keep1": k, "keep2": 0}))).item()  # type: ignore[dict-item]
        for k in (1, 0.5, 0)
    )
    assert whole == 3 * 10 * 8 * 16
    assert whole > half >= none


def test_state_is_counted_beside_the_arena_and_inside_that_of_tflm() -> None:
    """A record is given some. Layers of one name would share it."""
    plain, stateful = (
        Arch((8, 8, 1), (Conv2D(name=name, inputs=(INPUT,), filters=4, kernel=(3, 3)),)) for name in ("a", "b")
    )
    (step,) = stateful.steps()
    vars(step)["operator"] = replace(step.operator, state_bytes=lambda inputs, outputs: 100)
    assert (state_bytes(plain.steps()), state_bytes(stateful.steps())) == (0, 100)
    assert used_bytes(stateful, 4) == used_bytes(plain, 4) + 112  # in the arena all blocks are multiples of 16
    assert persistent_bytes(stateful.steps()) == persistent_bytes(plain.steps()) + 100
    assert sram_bytes(0, stateful.steps()) == sram_bytes(0, plain.steps()) + 100
