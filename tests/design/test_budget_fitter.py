import pytest

from micronets.boards.board import Budget
from micronets.design.budget_fitter import Fitter
from micronets.errors import BudgetError
from micronets.ir import spaces
from micronets.ir.space import derive
from tests.support.tiny_task import tiny_space

SPACE = tiny_space()
EVEN = {c.name: [1 / len(c.options)] * len(c.options) for c in SPACE.choices}


def test_a_network_that_fits_is_left_alone(board) -> None:
    fitter = Fitter(SPACE, Budget(macs=10_000_000), board)
    assert fitter.repair(SPACE.largest(), EVEN) == SPACE.largest()


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("limit", ["macs", "arena_bytes", "tflite_bytes"])
def test_repair_meets_any_limit_and_fill_stays_under_it(board, limit, share) -> None:
    full = Fitter(SPACE, Budget(**{limit: 10**9}), board).costs(SPACE.largest())[limit]
    least = Fitter(SPACE, Budget(**{limit: 10**9}), board).costs(SPACE.smallest())[limit]
    budget = Budget(**{limit: int(least + share * (full - least))})
    fitter = Fitter(SPACE, budget, board)
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
    fitter = Fitter(SPACE, Budget(macs=22), board, lambda v: costs | {"macs": v["width"] + v["last"]})
    sure = EVEN | {"width": [0.01, 0.01, 0.98], "last": [0.3, 0.4, 0.3]}
    repaired = fitter.repair(SPACE.largest(), sure)
    assert (repaired["width"], repaired["last"]) == (12, 8)


def test_two_equal_peaks_are_both_lowered(board) -> None:
    fitter = Fitter(SPACE, Budget(macs=8), board, lambda v: {"macs": max(v["width"], v["last"])})
    repaired = fitter.repair(SPACE.largest(), EVEN)
    assert max(repaired["width"], repaired["last"]) <= 8


def test_shapes_change_when_nothing_fits_under_them(board) -> None:
    fitter = Fitter(SPACE, Budget(macs=20), board, lambda v: {"macs": 10 * v["width"] // (4 * v["frame_stride"] ** 2)})
    assert fitter.repair(SPACE.largest(), EVEN)["frame_stride"] in (1, 2)
    tight = Fitter(SPACE, Budget(macs=5), board, lambda v: {"macs": 10 * v["width"] // (4 * v["frame_stride"] ** 2)})
    assert tight.repair(SPACE.largest(), EVEN)["frame_stride"] == 2


def test_a_budget_nothing_meets_is_refused_with_the_smallest_figures(board) -> None:
    fitter = Fitter(SPACE, Budget(macs=7, arena_bytes=10**9), board)
    with pytest.raises(BudgetError) as e:
        fitter.feasible_shapes()
    least = min(fitter.costs(SPACE.smallest() | shapes)["macs"] for shapes in SPACE.shape_combinations())
    assert str(e.value) == (
        f"budget: nothing in space 'tiny' fits: macs = 7, but the smallest network needs {least:,.6g}; "
        "raise the limit or choose another space"
    )


def test_limits_that_exclude_each_other_are_refused(board) -> None:
    fitter = Fitter(
        SPACE,
        Budget(macs=10, arena_bytes=10),
        board,
        lambda v: {"macs": 5 if v["frame_stride"] == 2 else 20, "arena_bytes": 20 if v["frame_stride"] == 2 else 5},
    )
    with pytest.raises(
        BudgetError, match="no network meets all limits at once; the nearest needs arena_bytes 5 of 10, macs 20 of 10; raise"
    ):
        fitter.feasible_shapes()


@pytest.mark.parametrize("space", [spaces.make("dscnn", "kws", 12), spaces.make("temporal", "kws", 12)], ids=lambda s: s.name)
def test_a_kilobyte_is_refused_for_the_real_spaces(board, space) -> None:
    with pytest.raises(BudgetError, match=r"arena_bytes = 1,024, but the smallest network needs \d"):
        Fitter(space, Budget(arena_bytes=1024), board).feasible_shapes()
