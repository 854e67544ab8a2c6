"""Networks of the field behind TFLM's own front end decide the same in numpy, in C and on simulated cores."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.commands.front_end import with_front_end
from micronets.compiler import compile_model
from micronets.device.cross_compiler import find_compiler
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, SpecError
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.streaming import Detector, Stream, plan_stream
from micronets.streaming.detector import DETECTOR_KEY
from micronets.streaming.offline import hear
from micronets.tflite import read, write
from tests.streaming.test_stream import COnHost
from tests.support.generated_c import needs_host_compiler
from tests.support.listening import random_sizes, sound
from tests.support.micro import expected, speech_model, wake_model

WORDS = ("_silence_", "yes", "no", "stop")
EAGER = Detector(hop_frames=3, average=2, thresholds=(15_000,), refractory_ms=(150,))
SPEECH = Detector(hop_frames=2, average=2, thresholds=(9000,) * 4, refractory_ms=(100,) * 4, never=(0,))


def wake(detector: Detector | None = EAGER) -> QuantizedModel:
    """Returns a network that takes three new frames and keeps state."""
    found = with_front_end(wake_model(), "micro", ["hey"]).model
    return found if detector is None else replace(found, metadata={**found.metadata, DETECTOR_KEY: detector.to_json()})


def speech() -> QuantizedModel:
    """Returns a network that takes windows of 12 frames, one every 20 ms."""
    found = with_front_end(speech_model(), "micro-20ms", WORDS).model
    return replace(found, metadata={**found.metadata, DETECTOR_KEY: SPEECH.to_json()})


@pytest.mark.parametrize("make", [wake, speech], ids=["three new frames", "windows"])
def test_pieces_and_gaps_in_any_order_leave_numpy_and_c_equal(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A gap begins anew: with no noise that the front end knows of, and with the first state of the network."""
    needs_host_compiler()
    model, samples = make(), sound(3.2, seed=8)
    stream, begin, seen, gaps = Stream(model), 0, 0, 0
    flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    c = COnHost(compile_model(model, name="net"), tmp_path, flags)
    for size in random_sizes(len(samples), 8, 9000):
        found = stream.feed(samples[begin : begin + size])
        assert c.feed(samples[begin : begin + size]) == found
        np.testing.assert_array_equal(c.averages[: len(stream.averages)], stream.averages)
        begin, seen = begin + size, seen + len(found)
        if begin > 30_000 and gaps < 2:  # two, one behind the other
            gaps += 1
            for one in (stream, c):
                one.gap(777)
    assert seen > 3


def test_scores_are_those_of_the_network_fed_with_codes_of_the_whole_sound() -> None:
    """The detector hears no output before that which cannot depend on the first state, and every third frame one."""
    model, samples = wake(replace(EAGER, average=1, thresholds=(0,), refractory_ms=(0,))), sound(2)
    plan = plan_stream(model, "it")
    assert (plan.frames, plan.steps and plan.steps.frames) == (102, 3)
    codes = expected(samples)
    outputs = reference.run(model, codes[: len(codes) // 3 * 3].reshape(-1, 3, 40)).ravel()
    want = outputs[102 // 3 - 1 :].astype(int) * 128
    found = Stream(model).feed(samples)
    assert [d.score for d in found] == want.tolist()
    assert [d.time for d in found] == [480 + 160 * (3 * n - 1) for n in range(34, len(outputs) + 1)]
    assert len(set(want.tolist())) > 10


@pytest.mark.parametrize("make", [wake, speech], ids=["three new frames", "windows"])
def test_a_recording_at_once_gives_the_decisions_of_a_stream(make) -> None:  # type: ignore[no-untyped-def]
    model, samples = read(write(make())), sound(3, seed=2)
    want = Stream(model).feed(samples)
    assert want
    runners = [lambda x: reference.run(model, x)]
    if interpreter.available():
        content = write(model)
        runners.append(lambda x: interpreter.run(content, x))
    plan = plan_stream(model, "it")
    for run in runners:
        assert hear(model, plan, samples, run).decide(plan.detector) == want


def test_a_simulated_core_makes_the_same_decisions() -> None:
    pytest.importorskip("unicorn")
    from micronets.device.sim.machine import simulate
    from micronets.device.stream import answer_bytes, decided, pieces, stream_firmware

    where = load_board("NUCLEO-F446RE")
    try:
        find_compiler(where)
    except DeviceError as e:
        pytest.skip(str(e))
    model, samples = wake(), sound(1.6, seed=3)
    sizes = [1, 7, 160, *random_sizes(len(samples) - 168, 4, 3000)]
    firmware = stream_firmware(compile_model(model, where.target, name="net"), 3000, where)
    found = simulate(firmware.elf, pieces(samples, sizes, 3000), 1, answer_bytes(1), where)
    stream = Stream(model)
    want = [stream.feed(part) for part in np.split(samples, np.cumsum(sizes)[:-1])]
    assert [decided(row) for row in found.outputs.view("<i4")] == want
    assert sum(map(len, want)) > 1


def test_a_wake_word_is_heard_at_every_output_where_no_detector_says_otherwise() -> None:
    plan = plan_stream(wake(None), "it")
    assert plan.detector == Detector(hop_frames=3, average=5, thresholds=(31_785,), refractory_ms=(1000,))


def test_a_front_end_that_does_not_fit_is_none() -> None:
    model = wake()
    for texts in ({"micronets.incremental": json.dumps({"frames": 3, "window": 99})}, {"micronets.frontend": "{}"}):
        assert (
            "net_stream.h" not in compile_model(replace(model, metadata={**model.metadata, **texts}), name="net").files
        )
    with pytest.raises(SpecError, match=r"TFLM's own front end has no pixels: set it to 0$"):
        Stream(wake(replace(EAGER, gate_pixel=3)))
