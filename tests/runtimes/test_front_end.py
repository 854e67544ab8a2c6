"""A model that was trained on a front end in integers is measured with it."""

from dataclasses import replace

import pytest

from micronets.boards import battery
from micronets.boards.board import load_board
from micronets.commands.inspect import inspect
from micronets.commands.measure import at_rate, measure
from micronets.frontend import FrontEnd
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.measurement import measurement_from_json
from tests.support.listening import FRONT_ENDS, listening_model

BOARD = load_board("NUCLEO-F446RE")
MODEL = listening_model("log-mel")


def told(fe: FrontEnd) -> QuantizedModel:
    """Returns the model with another front end in its metadata."""
    return replace(MODEL, metadata={**MODEL.metadata, "micronets.frontend": fe.to_json()})


@pytest.fixture(scope="module")
def both():  # type: ignore[no-untyped-def]
    return measure(MODEL, BOARD), measure(told(replace(FRONT_ENDS["log-mel"], arithmetic="float")), BOARD)


def test_a_measurement_is_the_sum_of_front_end_and_network(both) -> None:  # type: ignore[no-untyped-def]
    found, bare = both
    one = found.front_end
    assert bare.front_end is None
    assert one is not None
    assert one.bit_exact
    assert found.bit_exact
    assert (one.frames, one.frames_a_second, one.inferences_a_second) == (28, 100, 10)
    assert found.cycles == bare.cycles + 28 * one.frame_cycles
    assert found.core_cycles == bare.core_cycles + 28 * one.frame_core_cycles
    assert found.instructions == bare.instructions + 28 * one.frame_instructions
    assert found.latency_ms == pytest.approx(bare.latency_ms + one.latency_ms)
    assert found.energy_mj == pytest.approx(bare.energy_mj + one.energy_mj)
    assert one.latency_ms == pytest.approx(BOARD.milliseconds(28 * one.frame_cycles))
    assert found.flash_bytes == bare.flash_bytes + one.flash_bytes
    assert found.sram_bytes == bare.sram_bytes + one.sram_bytes + found.stack_bytes - bare.stack_bytes
    assert found.per_layer == bare.per_layer
    assert found.network_ms == pytest.approx(bare.latency_ms)
    assert measurement_from_json(found.to_json()) == found


def test_the_text_shows_the_front_end(both) -> None:  # type: ignore[no-untyped-def]
    found, bare = both
    lines = found.text().splitlines()
    assert lines[2].startswith("front end  28 frames")
    one = found.front_end
    whole = one.second_ms + 10 * bare.latency_ms
    (listening,) = (line for line in lines if line.startswith("listening"))
    assert f"{whole:.4g} ms" in listening
    assert "10 runs of the network" in listening
    assert "front end" not in bare.text()
    assert "listening" not in bare.text()


def test_inputs_that_overlap_share_their_frames(both) -> None:  # type: ignore[no-untyped-def]
    found, bare = both
    one = found.front_end
    assert found.latency_ms_at(0.5) == pytest.approx(found.latency_ms)  # 28 frames each, of 100 a second
    assert found.latency_ms_at(20) == pytest.approx(bare.latency_ms + one.second_ms / 20)
    cells = battery.parse_battery(battery.CR2032)
    cycle = at_rate(found, BOARD, 20, cells).duty_cycle
    assert cycle is not None
    assert cycle.duty == pytest.approx((20 * bare.latency_ms + one.second_ms) / 1e3)
    assert bare.latency_ms_at(20) == bare.latency_ms


def test_inspect_estimates_what_measure_finds(both) -> None:  # type: ignore[no-untyped-def]
    found, _ = both
    seen, bare = inspect(MODEL, BOARD), inspect(told(FrontEnd(arithmetic="float", clip_ms=300, n_mels=16)), BOARD)
    one = seen.front_end
    assert one is not None
    assert bare.front_end is None
    assert seen.latency_ms == pytest.approx(bare.latency_ms + one.latency_ms)
    assert (one.frames, one.inferences_a_second) == (28, 10)
    assert one.flash_bytes == pytest.approx(found.front_end.flash_bytes, rel=0.05)
    assert seen.flash_c_bytes == bare.flash_c_bytes + one.flash_bytes
    assert seen.sram_c_bytes == pytest.approx(found.sram_bytes, abs=640)
    assert "listening" in seen.text()
    assert "front end" not in bare.text()
