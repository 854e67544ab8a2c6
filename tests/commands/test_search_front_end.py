"""A search chooses the input as well, and its limits hold for front end and network together."""

import numpy as np
import pytest

from micronets.boards.board import Budget, board_budget, load_board
from micronets.commands.search import front_end_costs, front_ends_of, measured_costs, space_for
from micronets.cost.costs import TFLM_COSTS, with_front_ends
from micronets.cost.front_end import front_end_cost, front_end_cost_of
from micronets.design.budget_fitter import BudgetFitter
from micronets.errors import BudgetError
from micronets.frontend import FrontEnd
from micronets.ir.space import derive
from micronets.runtimes import OUR_C
from micronets.tasks.images import task as images
from micronets.tasks.kws.data import KwsData

BOARD = load_board("NUCLEO-F446RE")


def data(fe: FrontEnd) -> KwsData:
    return KwsData(
        classes=("a", "b"),
        source="test",
        frontend=fe,
        features={"train": np.zeros((2, fe.frames, fe.n_mels), np.uint8)},
        target={"train": np.arange(2)},
        background=np.zeros((0, fe.frames, fe.n_mels), np.uint8),
    )


OPTIONS = {"frame_strides": (1, 2, 4), "coefficients": (0, 10), "max_width": 40, "blocks": 2}
SPACE = space_for("temporal", data(FrontEnd()), OPTIONS, {})


def test_every_input_of_a_space_has_its_front_end() -> None:
    found = front_ends_of(SPACE, data(FrontEnd()))
    assert found.keys() == {(frames, values, 1) for frames in (98, 49, 25) for values in (40, 10)}
    assert FrontEnd.from_json(found[49, 10, 1]) == FrontEnd().with_settings({"frame_stride": 2, "coefficients": 10})
    assert front_end_costs(found)[25, 40, 1] == front_end_cost(FrontEnd().with_settings({"frame_stride": 4}))
    assert front_ends_of(SPACE, data(FrontEnd(arithmetic="float"))) == {}


def test_a_limit_in_ms_decides_the_stride_of_frames() -> None:
    """What frames cost alone leaves no room for every one of them, nor for every second one."""
    costs = with_front_ends(TFLM_COSTS, front_end_costs(front_ends_of(SPACE, data(FrontEnd()))))
    assert BOARD.cycle_factor is not None
    ms = {
        stride: BOARD.milliseconds(front_end_cost(FrontEnd(frame_stride=stride)).core_cycles * BOARD.cycle_factor)
        for stride in (1, 2, 4)
    }
    limits = board_budget(Budget(latency_ms=ms[2]), BOARD)
    fitter = BudgetFitter(SPACE, limits, BOARD, runtime=costs)
    assert {shape["frame_stride"] for shape in fitter.feasible_shapes()} == {4}
    values = fitter.fitting(_shapes(fitter))
    assert values is not None
    alone = BudgetFitter(SPACE, limits, BOARD).costs(values)["latency_ms"]
    assert fitter.costs(values)["latency_ms"] == pytest.approx(alone + ms[4])
    assert fitter.front_end_costs(values)["latency_ms"] == pytest.approx(ms[4])
    assert {s["frame_stride"] for s in BudgetFitter(SPACE, limits, BOARD).feasible_shapes()} == {1, 2, 4}
    with pytest.raises(BudgetError, match="latency_ms"):
        BudgetFitter(SPACE, board_budget(Budget(latency_ms=ms[4]), BOARD), BOARD, runtime=costs).feasible_shapes()


def test_every_resolution_and_colour_has_its_way_from_the_camera() -> None:
    shapes = {"resolutions": (24, 48), "colours": (1, 3)}
    given = images.load(kept=48, synthetic_images=8, camera="96x72:rgb565", splits=())
    space = space_for("mobilenetv2", given, shapes, {})
    costs = front_end_costs(front_ends_of(space, given))
    assert costs.keys() == {(side, side, colour) for side in (24, 48) for colour in (1, 3)}
    for shape, one in costs.items():
        side, _, colour = shape
        assert one == front_end_cost(given.frontend.with_settings({"resolution": side, "colour": colour}))
    assert costs[24, 24, 1].core_cycles < costs[24, 24, 3].core_cycles < costs[48, 48, 3].core_cycles
    assert front_ends_of(space, images.load(kept=48, synthetic_images=8, splits=())) == {}


def _shapes(fitter: BudgetFitter) -> dict[str, int]:
    """Returns the shapes of stride 4 that were found."""
    return next(shapes for shapes in fitter.feasible_shapes() if shapes["frame_stride"] == 4)


def test_candidates_are_measured_with_their_front_end() -> None:
    given, small = data(FrontEnd()), SPACE.smallest()
    found = front_ends_of(SPACE, given)
    arch = derive(SPACE, small)
    limits = Budget(latency_ms=1000, flash_bytes=400_000)
    both, bare = (measured_costs(limits, BOARD, OUR_C, lambda _: None, some) for some in (found, {}))
    assert both is not None
    assert bare is not None
    more = {name: value - bare(arch)[name] for name, value in both(arch).items()}
    one = front_end_cost_of(found[arch.input_shape])
    assert one is not None
    assert BOARD.cycle_factor is not None
    assert more["latency_ms"] == pytest.approx(BOARD.milliseconds(one.core_cycles * BOARD.cycle_factor), rel=0.06)
    assert more["flash_bytes"] == pytest.approx(one.flash_bytes, rel=0.05)
