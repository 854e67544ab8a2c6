"""Networks that take the new frames alone: what they decide is what whole windows decide, in numpy, C and TFLM."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.cross_compiler import find_compiler
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from micronets.quantized import reference
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming import Detector, Stream, incremental, plan_stream, steps_of
from micronets.streaming.offline import hear
from micronets.streaming.plan import inferences_a_second
from micronets.tflite import read, write
from tests.streaming.test_stream import COnHost, OfArrays
from tests.support.calling import call
from tests.support.generated_c import needs_host_compiler
from tests.support.listening import DETECTORS, FRONT_ENDS, LABELS, columns_model, listening_model, random_sizes, sound
from tests.support.spectral import following_arrays, movement

EAGER = replace(DETECTORS["eager"], hop_frames=2, refractory_ms=(0,) * 4, never=())
SLOW = replace(DETECTORS["slow"], hop_frames=6)


def in_pieces(one: Stream | COnHost, samples: np.ndarray, seed: int) -> list:
    found, begin = [], 0
    for size in random_sizes(len(samples), seed):
        found += one.feed(samples[begin : begin + size])
        begin += size
    return found


@pytest.mark.parametrize(
    ("front_end", "detector"), [*zip(FRONT_ENDS, [EAGER, SLOW, EAGER], strict=True)], ids=FRONT_ENDS.keys()
)
def test_the_decisions_are_those_of_whole_windows(front_end: str, detector: Detector, tmp_path: Path) -> None:
    """Any pieces of sound give numpy and C the decisions and averages of the network that computes windows anew."""
    needs_host_compiler()
    whole = columns_model(front_end, detector)
    model = incremental(whole)
    samples = sound(1.5 if front_end == "frames apart" else 0.8)
    want = Stream(whole)
    decided = want.feed(samples)
    assert decided
    stream = Stream(model)
    assert in_pieces(stream, samples, 1) == decided
    np.testing.assert_array_equal(stream.averages, want.averages)
    c = COnHost(compile_model(model, name="net"), tmp_path)
    assert in_pieces(c, samples, 5) == decided
    np.testing.assert_array_equal(c.averages, want.averages)


def test_a_sensor_whose_samples_are_standardised_is_followed_by_new_samples_alone(tmp_path: Path) -> None:
    needs_host_compiler()
    layers = (
        Conv2D(name="stem", inputs=(INPUT,), filters=4, kernel=(3, 3), padding="valid", activation="relu"),
        DepthwiseConv2D(name="halves", inputs=("stem",), kernel=(3, 1), stride=(2, 1), padding="valid"),
        Mean(name="pool", inputs=("halves",)),
        FullyConnected(name="logits", inputs=("pool",), units=4),
    )
    one = following_arrays(EAGER)
    made = with_random_weights(Arch(one.arch.input_shape, layers), 4)
    whole = replace(made, quant={**made.quant, INPUT: one.quant[INPUT]}, metadata=one.metadata)
    model, x = incremental(whole), movement(40)
    decided = Stream(whole).feed(x)
    assert len({d.class_index for d in decided}) > 1
    assert in_pieces(Stream(model), x, 1) == decided
    c = OfArrays(compile_model(model, name="net"), tmp_path)
    assert in_pieces(c, Stream(model).plan.signal.integers(x), 5) == decided


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_recording_at_once_gives_the_decisions_of_a_stream(stride: int) -> None:
    """Runtimes that begin anew with each call, and each number of frames that may lie before the stream."""
    detector = replace(EAGER, hop_frames=stride)
    whole = columns_model("log-mel", detector, stride)
    model = read(write(incremental(whole)))
    steps, samples = steps_of(model), sound(0.8, seed=2)
    assert steps is not None
    assert (steps.frames, steps.early) == (stride, -FRONT_ENDS["log-mel"].input_shape[0] % stride)
    want = Stream(whole).feed(samples)
    runners = [lambda x: reference.run(model, x)]
    if interpreter.available():
        content = write(model)
        runners.append(lambda x: interpreter.run(content, x))
    for run in runners:
        assert hear(model, plan_stream(model, "it"), samples, run).decide(detector) == want
        assert in_pieces(Stream(model, run=run), samples, 1) == want


def test_lost_samples_begin_the_network_anew(tmp_path: Path) -> None:
    needs_host_compiler()
    whole = columns_model("log-mel", EAGER)
    model = incremental(whole)
    samples = sound(1.2, seed=4)
    c = COnHost(compile_model(model, name="net"), tmp_path)
    streams = [Stream(whole), Stream(model), Stream(model, run=lambda x: reference.run(model, x)), c]
    found = []
    for one in streams:
        decided = one.feed(samples[:10_011])
        one.gap(333)
        assert not one.averages.any()
        found.append(decided + one.feed(samples[10_011:]))
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0]) > 10


@pytest.mark.parametrize("board", ["NUCLEO-F446RE"])
def test_a_simulated_core_makes_the_same_decisions(board: str) -> None:
    pytest.importorskip("unicorn")
    from micronets.device.sim.machine import simulate
    from micronets.device.stream import answer_bytes, decided, pieces, stream_firmware

    where = load_board(board)
    try:
        find_compiler(where)
    except DeviceError as e:
        pytest.skip(str(e))
    whole = columns_model("log-mel", SLOW)
    samples = sound(0.9, seed=3)
    sizes = random_sizes(len(samples), 4, 3000)
    compiled = compile_model(incremental(whole), where.target, name="net")
    firmware, layers = stream_firmware(compiled, 3000, where), len(compiled.plan.kernels)
    found = simulate(firmware.elf, pieces(samples, sizes, 3000), layers, answer_bytes(len(LABELS)), where)
    stream, begin, seen = Stream(whole), 0, 0
    for row, size in zip(found.outputs.view("<i4"), sizes, strict=True):
        want = stream.feed(samples[begin : begin + size])
        begin, seen = begin + size, seen + len(want)
        assert decided(row) == want
    assert seen


def test_the_detector_of_a_model_that_has_none_hears_multiples_of_a_step() -> None:
    whole = columns_model("log-mel", stride=3)
    plan = plan_stream(incremental(whole), "it")
    assert plan.detector == plan_stream(whole, "it").detector
    assert plan.detector.hop_frames == 9
    assert inferences_a_second(incremental(whole)) == pytest.approx(100 / 3)
    assert inferences_a_second(whole) == pytest.approx(100 / 9)


def test_what_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    def refused(*words: str | Path) -> str:
        found = call(*words)
        assert found.code == 2, found.out
        assert found.err.count("\n") == 1
        return found.err

    path, out = tmp_path / "a.tflite", tmp_path / "step.tflite"
    path.write_bytes(write(listening_model()))
    err = refused("incremental", path, "--out", out)
    assert "a.tflite: cannot be made to take only the new frames: layer 'logits' reads all frames at once" in err
    odd = columns_model("log-mel", DETECTORS["slow"])
    path.write_bytes(write(odd))
    err = refused("incremental", path, "--out", out)
    assert "its detector takes an output every 3 frames, and it takes 2 frames at a time; choose a multiple" in err
    assert not out.exists()
    model = incremental(columns_model("log-mel", SLOW))
    path.write_bytes(write(model))
    assert "already takes only the new frames" in refused("incremental", path, "--out", out)
    err = refused("evaluate", path, "--task", "kws")
    assert "a.tflite: takes 2 frames of a stream at a time, not clips; evaluate it with --stream" in err
    told = replace(model, metadata={**model.metadata, "micronets.incremental": '{"frames": 3, "window": 28}'})
    with pytest.raises(SpecError, match=r"it: micronets.incremental = .*: does not fit the network"):
        Stream(told, where="it")
    for text in ("", "[]", '{"frames": "2"}', '{"frames": 2}'):
        broken = replace(model, metadata={**model.metadata, "micronets.incremental": text})
        with pytest.raises(SpecError, match="does not fit the network"):
            Stream(broken)
        assert "net_stream.c" not in compile_model(broken, name="net").files
    with pytest.raises(UnsupportedError, match="it keeps state from one inference to the next already"):
        incremental(model)


def test_the_command_tells_what_it_saves(tmp_path: Path) -> None:
    path, out = tmp_path / "a.tflite", tmp_path / "step.tflite"
    path.write_bytes(write(columns_model("log-mel", SLOW)))
    found = json.loads(call("incremental", path, "--out", out, "--json").out)
    assert (found["frames"], found["milliseconds"], found["window"]) == (2, 20, 28)
    # A window has 26 rows of the stem, 12 of the halves and 8 of the block; a step 2, 1 and 1.
    stem, halves, block = 4 * 3 * 16, 4 * 3, 4 * 3 + 16
    assert found["window_macs"] == 26 * stem + 12 * halves + 8 * block + 16
    assert found["macs"] == 2 * stem + halves + block + 16
    made = read(out.read_bytes())
    assert found["state_bytes"] == sum(4 * -(-np.prod(spec.shape) // 4) for spec in made.arch.variables().values())
    shown = call("incremental", path, "--out", out).out
    assert "takes 2 frames at a time, every 20 ms" in shown
    inspected = json.loads(call("inspect", out, "--board", "NUCLEO-F446RE", "--json").out)
    assert inspected["macs"] == found["macs"]
