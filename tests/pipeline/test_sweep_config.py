"""Configurations of sweeps: what they mean, and mistakes, told in a line."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from micronets.design.train_settings import TrainSettings
from micronets.errors import SpecError
from micronets.pipeline.config import load
from micronets.pipeline.sweep_config import fine_tuned, first_difference, ladder, load_sweep, parse_sweep, points_of

EXAMPLE = Path(__file__).parents[2] / "examples/kws_sweep.toml"
RUN = {"space": {"name": "dscnn"}, "search": {"method": "supernet"}}


def made(sweep: Any, **run: Any) -> Any:
    return parse_sweep({"board": "NUCLEO-F446RE", **RUN, **run, "sweep": sweep}, "x.toml")


def test_the_points_are_boards_times_limits() -> None:
    sweep = {"boards": ["nRF52840-DK", "nucleo-f446re"], "budget": {"sram_bytes": ["32K", 65536], "latency_ms": [50]}}
    found = made(sweep, budget={"macs": 2e6, "sram_bytes": "1K"}, out="o")
    points = list(points_of(found, {}))
    assert [(p.board, p.limits) for p in points] == [
        (board, {"sram_bytes": sram, "latency_ms": 50.0})
        for board in ("nRF52840-DK", "NUCLEO-F446RE")
        for sram in (32768, 65536)
    ]
    assert points[0].name == "nrf52840-dk-sram_bytes-32768-latency_ms-50"
    first = points[0].config
    assert first.budget.limits() == {"sram_bytes": 32768, "latency_ms": 50.0, "macs": 2_000_000}
    assert (first.out, first.search.supernet) == (f"o/points/{points[0].name}", "o/supernet")
    assert (first.train.epochs, first.train.qat_epochs) == (6, 1)
    again = parse_sweep(tomllib.loads(found.to_toml()), "x.toml")
    assert again == found
    assert first_difference(again, made({**sweep, "share": 0.5}, budget={"macs": 2e6}, out="o")) == (
        "budget.sram_bytes",
        1024,
        None,
    )


def test_another_method_trains_in_full_and_has_no_supernet() -> None:
    (point,) = points_of(made({"budget": {"macs": [2e6]}}, search={"method": "uniform"}), {})
    assert (point.config.train, point.config.search.supernet) == (TrainSettings(), "")


@pytest.mark.parametrize(("epochs", "qat"), [(60, 15), (24, 4), (45, 8), (300, 50)])
def test_by_default_a_point_trains_at_most_15_percent(epochs: int, qat: int) -> None:
    full = TrainSettings(epochs=epochs, qat_epochs=qat)
    short = fine_tuned(full, 0.1)
    assert 0 < short.epochs + short.qat_epochs <= 0.15 * (epochs + qat)
    assert short.warmup / short.epochs == pytest.approx(full.warmup / full.epochs)
    assert fine_tuned(full, 1.0) == full
    assert (fine_tuned(full, 1e-9).epochs, fine_tuned(full, 1e-9).qat_epochs) == (1, 1)


def test_a_ladder_has_equal_ratios() -> None:
    assert ladder(1000, 8000, 4) == [1000, 2000, 4000, 8000]
    assert ladder(5, 5, 3) == [5]
    assert ladder(3, 5, 9) == [3, 4, 5]
    assert ladder(0.5, 2.0, 3) == [0.5, 1.0, 2.0]


def test_the_example_is_a_sweep_and_no_run() -> None:
    assert len(list(points_of(load_sweep(EXAMPLE), {}))) == 6
    with pytest.raises(SpecError, match=r"has a \[sweep\]; run it with 'micronets sweep .*', or remove it"):
        load(EXAMPLE)


CASES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no sweep": (
        None,
        {},
        'there is no [sweep]; give lists of boards or limits, such as sweep.budget.sram_bytes = ["32K',
    ),
    "a value": (3, {}, "sweep = 3 is not a table"),
    "nothing": ({}, {}, "[sweep] names neither boards nor limits; give sweep.boards or sweep.budget"),
    "unknown key": ({"bords": []}, {}, "unknown key 'sweep.bords'; did you mean 'boards'?"),
    "unknown board": ({"boards": ["nrf5284"]}, {}, "unknown board 'nrf5284'; did you mean 'nRF52840-DK'?"),
    "unknown limit": (
        {"budget": {"sram": [1]}},
        {},
        "unknown limit 'sweep.budget.sram'; did you mean 'sram_bytes'?",
    ),
    "empty boards": ({"boards": []}, {}, "sweep.boards = []; need at least one entry, or leave it out"),
    "empty limits": ({"budget": {"macs": []}}, {}, "sweep.budget.macs = []; need at least one entry, or leave it out"),
    "one limit": (
        {"budget": {"sram_bytes": "32K"}},
        {},
        "sweep.budget.sram_bytes = '32K'; need a list, such as ['32K']",
    ),
    "a limit of words": (
        {"budget": {"sram_bytes": ["32 apples"]}},
        {},
        "sweep.budget.sram_bytes: '32 apples' is not a size; write whole bytes, or 128K",
    ),
    "no limit": ({"budget": {"macs": [0]}}, {}, "sweep.budget.macs = 0; a limit is greater than 0"),
    "twice": ({"budget": {"macs": [5, 5]}}, {}, "sweep.budget.macs: 5 is listed twice"),
    "a board twice": (
        {"boards": ["nRF52840-DK", "nrf52840dk"]},
        {},
        "sweep.boards: nRF52840-DK is listed twice",
    ),
    "a list in the run": (
        {"budget": {"macs": [5]}},
        {"budget": {"sram_bytes": ["32K"]}},
        "budget.sram_bytes = ['32K']; give a list of limits as sweep.budget.sram_bytes",
    ),
    "a list of boards in the run": (
        {"budget": {"macs": [5]}},
        {"board": ["a", "b"]},
        "board = ['a', 'b']; give a list of boards as sweep.boards",
    ),
    "many": (
        {"budget": {"macs": list(range(1, 101)), "sram_bytes": list(range(1, 101))}},
        {},
        "[sweep] has 10,000 points; at most 200: give fewer boards or limits",
    ),
    "many along": ({"along": "macs", "points": 10_000}, {}, "sweep.points = 10000; allowed: 2 to 200"),
    "points of nothing": ({"points": 8}, {}, "sweep.points needs sweep.along, the name of a limit: arena_bytes"),
    "along nothing": ({"along": "mac", "points": 8}, {}, "unknown limit sweep.along = 'mac'; did you mean 'macs'?"),
    "along twice": (
        {"along": "macs", "points": 8, "budget": {"macs": [5]}},
        {},
        "sweep.along and sweep.budget.macs are two lists of one limit; remove one",
    ),
    "between": (
        {"along": "sram_bytes", "points": 8, "between": ["64K", "32K"]},
        {},
        "sweep.between = ['64K', '32K']; need two limits, the smaller one first",
    ),
    "share": ({"budget": {"macs": [5]}, "share": 1.5}, {}, "sweep.share = 1.5; allowed: above 0 to 1"),
    "jobs": ({"budget": {"macs": [5]}, "jobs": -1}, {}, "sweep.jobs = -1; allowed: 0 to 1,024"),
    "init": (
        {"budget": {"macs": [5]}},
        {"init": "runs/kws"},
        "init = 'runs/kws' gives one network, and a sweep makes many; allowed: supernet, scratch",
    ),
    "supernet": (
        {"budget": {"macs": [5]}},
        {"search": {"method": "supernet", "supernet": "x"}},
        "search.supernet = 'x'; a sweep trains its own, remove it",
    ),
    "teacher": (
        {"budget": {"macs": [5]}},
        {"teacher": {"options": {}}},
        "[teacher] would be trained for every point of the sweep; train it once in a run, and name that with",
    ),
    "supernet of another method": (
        {"budget": {"macs": [5]}},
        {"search": {"supernet": "x"}},
        'search: supernet = \'x\' goes with method = "supernet", not "dnas"; change one of them',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_one_clear_line(case: str) -> None:
    sweep, run, message = CASES[case]
    table = {"board": "NUCLEO-F446RE", **RUN, **run} | ({} if sweep is None else {"sweep": sweep})
    with pytest.raises(SpecError) as e:
        parse_sweep(table, "x.toml")
    assert str(e.value).startswith(f"x.toml: {message}"), str(e.value)
    assert "\n" not in str(e.value)
