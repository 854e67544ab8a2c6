"""The latency model: its counts by hand, its file form, its relaxed form, and a fit that finds what made the data."""

from dataclasses import fields, replace
from importlib.resources import files

import numpy as np
import pytest

from micronets.boards.board import Budget, board_names, load_board
from micronets.commands import characterize_report, latency_fit
from micronets.cost import latency_model
from micronets.cost.costs import TFLM_COSTS, budget_costs, relaxed_budget_costs, tflm_costs
from micronets.cost.latency_model import LatencyModel
from micronets.errors import DataError, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from micronets.ir.space import SearchSpace, derive, with_bits
from micronets.report.latency_findings import LayerCycles, NetworkRecord

NET = Arch(
    (8, 6, 3),
    (
        Conv2D(name="stem", inputs=(INPUT,), filters=6, kernel=(3, 3), stride=(2, 2)),
        DepthwiseConv2D(name="dw", inputs=("stem",), kernel=(3, 3)),
        Conv2D(name="pw", inputs=("dw",), filters=8, kernel=(1, 1)),
        Mean(name="mean", inputs=("pw",)),
        FullyConnected(name="fc", inputs=("mean",), units=5),
    ),
)
TRUTH = LatencyModel(
    board="B",
    runtime="c",
    kinds={
        "convolution": {"layer": 500, "column": 4, "value": 12, "mac": 1.3, "odd_filters": 9},
        "pointwise": {"layer": 300, "value": 11, "mac": 1.1},
        "depthwise": {"layer": 200, "channel": 50, "value": 13, "mac": 2.0},
        "depthwise_strided": {"layer": 200, "input": 3, "value": 13, "mac": 2.5},
        "mean": {"layer": 100, "input": 5},
        "fully_connected": {"layer": 150, "mac": 1.6},
    },
    outside=77,
    mean_error=0.01,
    worst_error=0.05,
    source="made up",
)


def test_kinds_and_counts_by_hand() -> None:
    steps = NET.steps()
    assert [latency_model.kernel_kind(s) for s in steps] == [
        "convolution",
        "depthwise",
        "pointwise",
        "mean",
        "fully_connected",
    ]
    assert latency_model.layer_counts(steps[0]) == {
        "layer": 1,
        "pixel": 12,
        "column": 12 * 27,
        "value": 72,
        "mac": 72 * 27,
        "odd_inputs": 72 * 3,
        "odd_filters": 12 * 2,
        "odd_mac": 12 * 2 * 27,
    }
    assert latency_model.layer_counts(steps[1])["mac"] == 72 * 9
    assert latency_model.layer_counts(steps[4]) == {"layer": 1, "input": 8, "value": 5, "mac": 40}
    assert latency_model.layer_cycles(steps[4], TRUTH) == 150 + 1.6 * 40
    total = 500 + 4 * 324 + 12 * 72 + 1.3 * 1944 + 9 * 24 + (200 + 300 + 13 * 72 + 2 * 648)
    total += 300 + 11 * 96 + 1.1 * 96 * 6 + (100 + 5 * 96) + (150 + 64)
    assert latency_model.fitted_cycles(steps, TRUTH) == pytest.approx(total + 77)


def test_a_line_of_one_column_and_four_bits_are_kinds_of_their_own() -> None:
    layer = DepthwiseConv2D(name="dw", inputs=(INPUT,), kernel=(5, 1), stride=(2, 1), weight_bits=4)
    assert latency_model.kernel_kind(Arch((40, 1, 8), (layer,)).steps()[0]) == "depthwise_line_strided_s4"


def test_bits_that_are_a_choice_take_the_mean_of_both_kernels() -> None:
    kinds = TRUTH.kinds | {"pointwise_s4": {name: 3 * cycles for name, cycles in TRUTH.kinds["pointwise"].items()}}
    step = NET.steps()[2]
    eight, half, four = (
        latency_model.layer_cycles(replace(step, layer=replace(step.layer, weight_bits=b)), replace(TRUTH, kinds=kinds))
        for b in (8, 6.0, 4)
    )
    assert (half, four) == (pytest.approx(2 * eight), pytest.approx(3 * eight))


def test_an_unknown_kind_is_refused() -> None:
    model = replace(TRUTH, kinds={k: v for k, v in TRUTH.kinds.items() if k != "mean"})
    with pytest.raises(SpecError, match=r"layer 'mean': the latency model of B and runtime c knows no 'mean'; fit one"):
        latency_model.fitted_cycles(NET.steps(), model)


def test_write_and_read_are_inverses() -> None:
    assert latency_model.from_toml(latency_model.to_toml(TRUTH), "x") == TRUTH
    with pytest.raises(SpecError, match=r"x\.toml: not a latency model \(KeyError: 'kinds'\)"):
        latency_model.from_toml('board = "B"', "x.toml")


def test_a_model_of_tflm_replaces_its_estimated_time_alone() -> None:
    board = load_board("NUCLEO-F446RE")
    names = [f.name for f in fields(Budget)]
    plain = budget_costs(NET, board, names)
    fitted = budget_costs(NET, board, names, runtime=tflm_costs(replace(TRUTH, runtime="tflm")))
    ms = latency_model.fitted_cycles(NET.steps(), TRUTH) / board.clock_hz * 1e3
    assert fitted == {**plain, "latency_ms": pytest.approx(ms), "energy_mj": pytest.approx(ms * board.active_power_w)}
    assert fitted["latency_ms"] != pytest.approx(plain["latency_ms"])
    relaxed = relaxed_budget_costs(NET.steps(), board, names, runtime=tflm_costs(replace(TRUTH, runtime="tflm")))
    assert relaxed["latency_ms"] == fitted["latency_ms"]
    assert relaxed["energy_mj"] == fitted["energy_mj"]
    assert tflm_costs(None) is TFLM_COSTS


def test_gradients_through_widths() -> None:
    torch = pytest.importorskip("torch")
    width = torch.tensor(8.0, requires_grad=True)
    layer = Conv2D(name="c", inputs=(INPUT,), filters=width, kernel=(1, 1))
    step = replace(NET.steps()[2], layer=layer, input_shapes=((4, 3, 6),), output_shapes=((4, 3, width),))
    relaxed = latency_model.layer_cycles(step, TRUTH)
    assert float(relaxed.detach()) == pytest.approx(latency_model.layer_cycles(NET.steps()[2], TRUTH))
    relaxed.backward()
    assert float(width.grad) == pytest.approx(11 * 12 + 1.1 * 12 * 6)


def record(seed: int, noise: float) -> NetworkRecord:
    """Returns a record, as `characterize` keeps it, of a network whose layers take what `TRUTH` says, +- `noise`."""
    rng = np.random.default_rng(seed)
    stem, depthwise, pointwise, mean, matrix = NET.layers
    layers = (
        replace(stem, filters=int(rng.integers(3, 60)), kernel=(int(rng.integers(2, 7)),) * 2),
        replace(depthwise, stride=(int(rng.integers(1, 3)),) * 2),
        replace(pointwise, filters=int(rng.integers(3, 60))),
        mean,
        replace(matrix, units=int(rng.integers(2, 30))),
    )
    arch = Arch((int(rng.integers(8, 30)), 20, 3), layers)
    cycles = [latency_model.layer_cycles(s, TRUTH) * (1 + noise * rng.standard_normal()) for s in arch.steps()]
    layers = tuple(
        LayerCycles(s.layer.name, type(s.layer).__name__, 0, c) for s, c in zip(arch.steps(), cycles, strict=True)
    )
    return network(arch, sum(cycles) + 77, layers, "made up", {"seed": seed})


def network(
    arch: Arch, cycles: float, layers: tuple[LayerCycles, ...], space: str, values: dict[str, int]
) -> NetworkRecord:
    """Returns a record with what a fit looks at; all else is made up."""
    counts = {"macs": 0, "ops": 0, "params": 0, "core_cycles": None, "instructions": None, "sram_bytes": None}
    sizes = {"flash_bytes": None, "arena_c_bytes": None, "arena_tflm_used_bytes": None, "arena_tflm_cortex_m_bytes": 0}
    times = {"cycles": cycles, "outside_cycles": 77, "latency_ms": 1.0, "energy_mj": 1.0, "power_w": 1.0}
    told = {"runtime": "c", "source": "simulated", "hash": "", "toolchain": "", "space": space, "values": values}
    return NetworkRecord(**counts, **sizes, **times, **told, arch=arch, layers=layers)


def test_a_fit_finds_what_made_the_data_and_tells_its_error() -> None:
    exact = latency_fit.fit([record(i, 0) for i in range(60)], "B", "c", "made up")
    assert exact.worst_error < 1e-3
    assert exact.outside == 77
    noisy = latency_fit.fit([record(i, 0.05) for i in range(60)], "B", "c", "made up")
    assert 0.005 < noisy.mean_error < 0.05 < noisy.worst_error < 0.2


def test_lines_and_errors_by_hand() -> None:
    line = latency_fit.line([1, 2, 3], [3, 5, 7])
    assert (line.slope, line.intercept, line.r2) == pytest.approx((2, 1, 1))
    assert latency_fit.line([1, 2, 3, 4], [1, 3, 2, 4]).r2 == pytest.approx(0.64)
    off = latency_fit.errors([11, 20, 27], [10, 20, 30])
    assert (off.mean, off.worst, off.rank) == pytest.approx((0.2 / 3, 0.1, 1))
    with pytest.raises(DataError, match="a line through 2 points"):
        latency_fit.line([1, 2], [1, 2])


def test_every_fourth_network_of_a_space_is_held_out() -> None:
    records = [network(NET, 1.0, (), "ab"[i % 2], {"i": i}) for i in range(16)]
    fitted, held_out = latency_fit.split_networks(records)
    assert [r.values["i"] for r in held_out] == [6, 7, 14, 15]
    assert len(fitted) == 12


@pytest.mark.parametrize("name", [p.name for p in (files("micronets") / "boards/latencies").iterdir()])
def test_the_models_that_come_with_micronets_keep_their_promise(name: str) -> None:
    board = next(b for b in board_names() if name == latency_model.file_name(b, "c"))
    model = latency_model.shipped_model(board, "c")
    assert model is not None
    assert (model.board, model.runtime) == (board, "c")
    assert model.mean_error <= 0.05
    assert model.worst_error <= 0.15
    dense = [FullyConnected(name="fc", inputs=(INPUT,), units=u) for u in (16, 256)]
    few, many = (latency_model.layer_cycles(Arch((1, 1, 256), (a,)).steps()[0], model) for a in dense)
    assert 8 < many / few < 17, "sixteen times the products"
    for space in ("dscnn:kws", "temporal:kws", "dscnn:ad", "resnet:ic", "mobilenetv2:images", "mobilenetv2:ic"):
        made = characterize_report.measured_space(space)
        small, large = (
            latency_model.fitted_cycles(derive(made, v).steps(), model) for v in (made.smallest(), made.largest())
        )
        assert 0 < small < large
        four = latency_model.fitted_cycles(derive(with_bits(made, (4,)), all_four(made)).steps(), model)
        assert 0.9 * large < four < 1.2 * large, "kernels for weights of 4 bits are about as fast"


def all_four(space: SearchSpace) -> dict[str, int]:
    """Returns the values of the largest network, with 4 bits in every layer."""
    return with_bits(space, (4,)).largest()


def test_no_model_for_a_board_that_has_none() -> None:
    assert latency_model.shipped_model("no such board", "c") is None
