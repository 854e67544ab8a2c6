"""What a sound front end costs: counts by hand, the estimate beside the simulation, and limits that hold for both."""

import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from micronets.boards.board import Budget, load_board
from micronets.cost.costs import TFLM_COSTS, budget_costs, cost, with_front_ends
from micronets.cost.front_end import frame_counts, front_end_cost, front_end_cost_of, picture_counts, table_bytes
from micronets.device.front_end import front_end_flash_bytes, simulate_frames
from micronets.frontend import FrontEnd
from micronets.frontend.image import ImageFrontEnd
from micronets.runtimes.c import c_costs
from micronets.tasks.ad.settings import Windows
from tests.support.front_ends import CASES, clips
from tests.support.listening import FRONT_ENDS, listening_model

BOARD = load_board("NUCLEO-F446RE")


def test_counts_of_a_frame_by_hand() -> None:
    # 512 samples are 256 = 4^4 complex points. 480 samples are more than 256: no half is 0 in the first stage.
    fe = FrontEnd(n_fft=512, fmax=8000, n_mels=20)
    counts = frame_counts(fe)
    assert counts["sample"] + counts["zero"] == 512
    assert (counts["half"], counts["butterfly"], counts["turn"]) == (0, 3 * 64, 64 + 16 + 4)
    assert (counts["last4"], counts["last2"]) == (64, 0)
    assert (counts["power"], counts["root"], counts["band"], counts["pixel"]) == (255, 0, 20, 20)  # no 0 Hz
    assert (counts["value"], counts["product"]) == (20, 0)
    # Of 1,024 samples the upper half is 0, and 512 points end in radix 2.
    some = frame_counts(FrontEnd().with_settings({"coefficients": 10}))
    assert (some["half"], some["butterfly"], some["last4"], some["last2"]) == (128, 3 * 128, 0, 256)
    assert (some["zero"], some["value"], some["product"]) == (512 - 480, 0, 400)


def test_cost_of_an_input_by_hand() -> None:
    one = front_end_cost(FrontEnd().with_settings({"frame_stride": 2}))
    assert (one.frames, one.frames_a_second) == (49, 50)
    assert one.core_cycles == pytest.approx(49 * one.frame_cycles)
    assert one.kept_bytes == 2 * 480 + 49 * 40
    assert one.scratch_bytes == 4 * (1024 + 40)
    assert one.sram_bytes(10_000) == one.kept_bytes
    assert one.sram_bytes(1_000) == one.kept_bytes + one.scratch_bytes - 1_000
    whole = front_end_cost(replace(FrontEnd(), sample_scale="max"))  # which must hear the loudest sample first
    assert whole.kept_bytes == 2 * 16000 + 98 * 40


def test_counts_of_a_camera_frame_by_hand() -> None:
    # The middle 8 x 8 pixels of 12 x 8 become 4 x 4: every pixel is the mean of two of each axis.
    counts = picture_counts(ImageFrontEnd(resolution=4, fit="crop", filter="box", camera="12x8:rgb565le"))
    assert {name: count for name, count in counts.items() if count} == {
        "row": 8,
        "across_3": 8 * 4,
        "across_3_tap": 8 * 4 * 2,
        "down": 4 * 4 * 3,
        "down_tap": 4 * 4 * 3 * 2,
        "passed": 6 + 4 + 2,  # behind rows 1, 3 and 5, which make rows 0, 1 and 2
        "rgb565_3": 8 * 8,
    }
    bars = picture_counts(ImageFrontEnd(resolution=4, colour=1, fit="letterbox", filter="box", camera="12x6:gray"))
    assert (bars["black"], bars["across_1"], bars["gray_1"]) == (16, 6 * 4, 72)


def test_cost_of_an_image_by_hand() -> None:
    one = front_end_cost(ImageFrontEnd(resolution=4, fit="crop", filter="box", camera="12x8:rgb565"))
    assert (one.frames, one.frames_a_second, one.scratch_bytes) == (1, None, 0)
    assert one.kept_bytes == 2 * 2 * (4 * 3 + 1) + 8 * 3 + 12 * 2  # two resized rows, a line, and a row of the camera


@pytest.mark.parametrize("name", ["log-mel", "mlperf-mfcc"])
def test_the_estimate_is_near_the_simulation(name: str) -> None:
    fe, quant = CASES[name]
    samples = clips(fe)[2:3]
    run = simulate_frames(fe, quant, BOARD, samples[:, 4000 : 4000 + fe.window_samples], samples.max(1))
    assert front_end_cost(fe).frame_cycles == pytest.approx(run.core_cycles, rel=0.05)
    flash = front_end_flash_bytes(fe, quant, BOARD)
    assert flash <= front_end_cost(fe).flash_bytes <= flash + 256
    assert table_bytes(fe) < flash


def test_what_is_not_counted() -> None:
    assert front_end_cost_of(None) is None
    assert front_end_cost_of(FrontEnd(arithmetic="float").to_json()) is None
    assert front_end_cost_of(Windows().to_json()) is None
    assert front_end_cost_of(ImageFrontEnd().to_json()) is None  # of no camera
    assert front_end_cost_of("no JSON") is None
    assert front_end_cost_of(FrontEnd().to_json()) == front_end_cost(FrontEnd())


def test_costs_of_a_network_count_the_front_end_of_its_input() -> None:
    arch = listening_model("log-mel").arch
    one = front_end_cost(FRONT_ENDS["log-mel"])
    names = ("sram_bytes", "flash_bytes", "latency_ms", "energy_mj", "macs", "arena_bytes", "tflite_bytes")
    bare = budget_costs(arch, BOARD, names)
    both = budget_costs(arch, BOARD, names, runtime=with_front_ends(TFLM_COSTS, {arch.input_shape: one}))
    more = {name: both[name] - bare[name] for name in names}
    assert BOARD.cycle_factor is not None
    assert BOARD.active_power_w is not None
    milliseconds = BOARD.milliseconds(one.core_cycles * BOARD.cycle_factor)
    assert more["latency_ms"] == pytest.approx(milliseconds)
    assert more["energy_mj"] == pytest.approx(milliseconds * BOARD.active_power_w)
    assert more["sram_bytes"] == one.kept_bytes + one.scratch_bytes
    assert more["flash_bytes"] == one.flash_bytes
    assert more["macs"] == more["arena_bytes"] == more["tflite_bytes"] == 0
    told = cost(arch, BOARD, front_end=one)
    assert told.latency_ms == pytest.approx(cost(arch, BOARD).latency_ms + milliseconds)
    other = budget_costs(arch, BOARD, names, runtime=with_front_ends(TFLM_COSTS, {(1, 2, 3): one}))
    assert other == bare


def test_our_c_computes_frames_in_the_arena() -> None:
    arch = listening_model("log-mel").arch
    one = front_end_cost(FRONT_ENDS["log-mel"])
    bare, both = (
        budget_costs(arch, BOARD, ("sram_bytes",), runtime=with_front_ends(c_costs(None), found))["sram_bytes"]
        for found in ({}, {arch.input_shape: one})
    )
    arena = bare - 768
    assert arena < one.scratch_bytes
    assert both - bare == one.kept_bytes + one.scratch_bytes - arena


def test_limits_are_names_of_costs_that_grow() -> None:
    """No limit on time or memory is forgotten: each one of them grows with the front end."""
    arch = listening_model("short frames").arch
    one = front_end_cost(FRONT_ENDS["short frames"])
    names = set(Budget.__dataclass_fields__) - {"macs", "arena_bytes", "tflite_bytes"}
    bare, both = (
        budget_costs(arch, BOARD, names, runtime=with_front_ends(TFLM_COSTS, found))
        for found in ({}, {arch.input_shape: one})
    )
    assert all(both[name] > bare[name] for name in names)


def test_the_page_tells_how_well_cycles_are_estimated() -> None:
    page = (Path(__file__).parents[2] / "docs/front-ends.md").read_text("utf-8")
    toml = tomllib.loads((files("micronets") / "cost/front_end.toml").read_text("utf-8"))
    words = " ".join(page.split())
    for kind in ("sound", "spectral", "picture"):
        mean, worst = 100 * toml[kind]["mean_error"], 100 * toml[kind]["worst_error"]
        assert f"the mean error is {mean:.1f} % and the largest {worst:.1f} %" in words
