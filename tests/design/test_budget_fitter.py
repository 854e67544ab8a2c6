import random
from dataclasses import replace

import pytest

from benchmarks import fitter_budgets
from micronets.boards.board import Budget
from micronets.cost.costs import RuntimeCosts, budget_costs, least_budget_costs
from micronets.design import budget_fitter
from micronets.design.budget_fitter import BudgetFitter
from micronets.errors import BudgetError
from micronets.ir import spaces
from micronets.ir.space import SearchSpace, derive
from tests.support.tiny_task import tiny_space

SPACE = tiny_space()
EVEN = {c.name: [1 / len(c.options)] * len(c.options) for c in SPACE.choices}


def test_a_network_that_fits_is_left_alone(board) -> None:
    fitter = BudgetFitter(SPACE, Budget(macs=10_000_000), board)
    assert fitter.repair(SPACE.largest(), EVEN) == SPACE.largest()


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("limit", ["macs", "arena_bytes", "tflite_bytes"])
def test_repair_meets_any_limit_and_fill_stays_under_it(board, limit, share) -> None:
    full = BudgetFitter(SPACE, Budget(**{limit: 10**9}), board).costs(SPACE.largest())[limit]
    least = BudgetFitter(SPACE, Budget(**{limit: 10**9}), board).costs(SPACE.smallest())[limit]
    budget = Budget(**{limit: int(least + share * (full - least))})
    fitter = BudgetFitter(SPACE, budget, board)
    repaired = fitter.repair(SPACE.largest() | {"frame_stride": 2}, EVEN)
    filled = fitter.fill(repaired, EVEN)
    for values in (repaired, filled):
        assert fitter.costs(values)[limit] <= budget.limits()[limit]
        derive(SPACE, values)
        assert values["dilation"] == 2, "a dilation costs nothing: neither has a reason to touch it"
    assert fitter.costs(filled)[limit] >= fitter.costs(repaired)[limit]
    for c in SPACE.choices:
        k = c.options.index(filled[c.name]) + 1
        if c.kind != "shape" and k < len(c.options):
            assert not fitter.fits(filled | {c.name: c.options[k]}), f"{c.name} could have grown"


def test_repair_gives_up_the_least_probable(board) -> None:
    costs = {"macs": 0.0}
    fitter = BudgetFitter(SPACE, Budget(macs=22), board, lambda v: costs | {"macs": v["width"] + v["last"]})
    sure = EVEN | {"width": [0.01, 0.01, 0.98], "last": [0.3, 0.4, 0.3]}
    repaired = fitter.repair(SPACE.largest(), sure)
    assert (repaired["width"], repaired["last"]) == (12, 8)


def test_two_equal_peaks_are_both_lowered(board) -> None:
    fitter = BudgetFitter(SPACE, Budget(macs=8), board, lambda v: {"macs": max(v["width"], v["last"])})
    repaired = fitter.repair(SPACE.largest(), EVEN)
    assert max(repaired["width"], repaired["last"]) <= 8


def test_shapes_change_when_nothing_fits_under_them(board) -> None:
    fitter = BudgetFitter(
        SPACE, Budget(macs=20), board, lambda v: {"macs": 10 * v["width"] // (4 * v["frame_stride"] ** 2)}
    )
    assert fitter.repair(SPACE.largest(), EVEN)["frame_stride"] in (1, 2)
    tight = BudgetFitter(
        SPACE, Budget(macs=5), board, lambda v: {"macs": 10 * v["width"] // (4 * v["frame_stride"] ** 2)}
    )
    assert tight.repair(SPACE.largest(), EVEN)["frame_stride"] == 2


def test_a_budget_nothing_meets_is_refused_with_the_smallest_figures(board) -> None:
    fitter = BudgetFitter(SPACE, Budget(macs=7, arena_bytes=10**9), board)
    with pytest.raises(BudgetError) as e:
        fitter.feasible_shapes()
    least = min(fitter.costs(SPACE.smallest() | shapes)["macs"] for shapes in SPACE.shape_combinations())
    assert str(e.value) == (
        f"budget: no network of space 'tiny' fits: macs = 7, but the cheapest network needs {least:,.0f}; raise the "
        "limit or choose another space"
    )


def test_limits_that_exclude_each_other_are_refused(board) -> None:
    fitter = BudgetFitter(
        SPACE,
        Budget(macs=10, arena_bytes=10),
        board,
        lambda v: {"macs": 5 if v["frame_stride"] == 2 else 20, "arena_bytes": 20 if v["frame_stride"] == 2 else 5},
    )
    with pytest.raises(
        BudgetError,
        match="no network meets all limits at once; the nearest needs arena_bytes 5 of 10, macs 20 of 10; raise",
    ):
        fitter.feasible_shapes()


@pytest.mark.parametrize(
    "space", [spaces.make("dscnn", "kws", 12), spaces.make("temporal", "kws", 12)], ids=lambda s: s.name
)
def test_a_kilobyte_is_refused_for_the_real_spaces(board, space) -> None:
    with pytest.raises(
        BudgetError,
        match=r"no network of space .* was found that fits.* arena_bytes = 1,024, but the cheapest network found "
        r"needs \d",
    ):
        BudgetFitter(space, Budget(arena_bytes=1024), board).feasible_shapes()


def temporal_case(board) -> tuple[SearchSpace, BudgetFitter]:
    """Returns a space whose dilations cost time, and a fitter with a limit that only networks without them keep."""
    space = spaces.make("temporal", "features", 3, height=16, width=6, channels=1, max_width=40, blocks=2)
    free = BudgetFitter(space, Budget(latency_ms=1e9), board)
    return space, BudgetFitter(space, Budget(latency_ms=1.03 * free.costs(space.smallest())["latency_ms"]), board)


def test_a_dilation_that_takes_too_long_is_given_up(board) -> None:
    space, fitter = temporal_case(board)
    dilated = space.smallest() | {c.name: 2 for c in space.choices if c.kind == "dilation"}
    assert not fitter.fits(dilated), "no step down is left, and the dilations are too slow"
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}
    for likely in (dilated, space.largest()):
        values = fitter.fill(fitter.repair(likely, even), even)
        assert fitter.fits(values)
    surely = even | {c.name: [0.01, 0.99] for c in space.choices if c.name == "dilation1_1"}
    kept = fitter.repair(dilated, surely)
    assert fitter.fits(kept)
    if fitter.fits(space.smallest() | {"dilation1_1": 2}):
        assert kept["dilation1_1"] == 2, "what the search was surest of stays as long as it fits"


def test_what_was_chosen_comes_back_where_there_is_room(board) -> None:
    def cost(v):  # 8 for the dilation, which must go; the rest is small
        return {"macs": v["width"] + v["last"] + v["kernel"] + 8 * (v["dilation"] - 1)}

    fitter = BudgetFitter(SPACE, Budget(macs=19), board, cost)
    likely = SPACE.largest() | {"width": 4, "last": 8}
    sure = EVEN | {"dilation": [0.0, 1.0]}
    assert fitter.repair(likely | {"kernel": 3}, EVEN)["dilation"] == 2, "less width is enough, as before"
    tight = BudgetFitter(SPACE, Budget(macs=17), board, cost)
    repaired = tight.repair(likely, sure)
    assert repaired == likely | {"dilation": 1}


def test_a_network_that_is_not_the_smallest_may_be_the_only_one_that_fits(board) -> None:
    def odd(v):  # a kernel of 3 leaves a rest, which costs more than two taps
        return {"macs": v["width"] + (10 if v["kernel"] == 3 else 5)}

    fitter = BudgetFitter(SPACE, Budget(macs=9), board, odd)
    assert not any(fitter.fits(SPACE.smallest() | shapes) for shapes in SPACE.shape_combinations())
    assert len(fitter.feasible_shapes()) == 2
    values = fitter.fill(fitter.repair(SPACE.largest(), EVEN), EVEN)
    assert (values["width"], values["kernel"]) == (4, 5)


def test_limits_that_are_met_together_by_two_steps_at_once_are_found(board, monkeypatch) -> None:
    monkeypatch.setattr(budget_fitter, "MOST_COSTED", 0)

    def cost(v):  # a kernel of 5 lowers the one, a dilation the other, and both residual and plain block lower both
        blocks = v["keep_residual"] + v["keep_plain"]
        if blocks:
            return dict.fromkeys(("macs", "arena_bytes"), 9 if blocks == 2 else 20)
        wide, spread = v["kernel"] == 5, v["dilation"] == 2
        return {"macs": 12 if wide and spread else 10 - wide, "arena_bytes": 12 if wide and spread else 10 - spread}

    fitter = BudgetFitter(SPACE, Budget(macs=9, arena_bytes=9), board, cost)
    assert fitter.fits(fitter.fitting({"frame_stride": 1}))


def test_random_budgets_over_all_spaces_boards_and_runtimes() -> None:
    """A part of what `python -m benchmarks.fitter_budgets` does."""
    outcomes = [*fitter_budgets.small_cases(60, seed=1)]
    assert [f"{o.fault}: {o.case}: {o.what}" for o in outcomes if o.fault] == []
    assert sum(o.refused for o in outcomes) > 10
    assert sum(not o.refused for o in outcomes) > 10


def test_whole_spaces_settle_in_seconds() -> None:
    outcomes = [*fitter_budgets.whole_cases(5, seed=1)]
    assert [f"{o.fault}: {o.case}: {o.what}" for o in outcomes if o.fault] == []
    assert max(o.cpu_seconds for o in outcomes) < fitter_budgets.SECONDS


@pytest.mark.parametrize(
    ("name", "kind", "runner"),
    [
        ("temporal", "features", "c"),
        ("resnet", "ic", "c"),
        ("mobilenetv2", "ic", "c"),
        ("dscnn", "features", "tflm"),
        ("resnet", "ic", "tflm"),
        ("mobilenetv2", "ic", "tflm"),
    ],
)
def test_lower_bounds_save_plans_and_change_nothing(board, name, kind, runner) -> None:
    space = fitter_budgets.small_space(name, kind, random.Random(3))
    runtime = fitter_budgets.runtime(runner, board)
    plain = RuntimeCosts(runner, {n: replace(cost, at_least=None) for n, cost in runtime.costs.items()})
    names = ("arena_bytes", "sram_bytes", "flash_bytes", "latency_ms")
    every = [derive(space, values) for values in fitter_budgets.every_network(space)][::36]
    for arch in every:
        exact, least = (
            budget_costs(arch, board, names, runtime=plain),
            least_budget_costs(arch, board, names, runtime=runtime),
        )
        assert all(least[n] <= exact[n] for n in names)
    sizes = sorted(budget_costs(arch, board, ("sram_bytes",), runtime=runtime)["sram_bytes"] for arch in every)
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}
    for limit in (sizes[0], sizes[len(sizes) // 3]):
        found = []
        for way in (runtime, plain):
            fitter = BudgetFitter(space, Budget(sram_bytes=int(limit), flash_bytes=10**6), board, runtime=way)
            found.append((values := fitter.repair(space.largest(), even), dict(fitter.costs(values))))
        assert found[0] == found[1]


def test_room_is_filled_with_what_is_probable_enough(board) -> None:
    fitter = BudgetFitter(SPACE, Budget(macs=100), board, lambda v: {"macs": v["width"] + v["last"] + v["kernel"]})
    start = SPACE.smallest()
    likely = EVEN | {"width": [0.6, 0.397, 0.003], "last": [0.5, 0.1, 0.4], "kernel": [0.997, 0.003]}
    assert fitter.fill(start, likely, 1.0) == start | {"width": 8, "last": 12}, "an improbable option is stepped over"
    assert fitter.fill(start, likely, 0.0) == start
    everything = fitter.fill(start, likely)
    assert (everything["width"], everything["last"], everything["kernel"]) == (12, 12, 5)
