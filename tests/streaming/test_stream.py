"""Streams: numpy and the generated C, on this machine and on simulated cores, decide the same at the same samples."""

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import Compiled, compile_model
from micronets.device.cross_compiler import find_compiler
from micronets.device.host_compiler import compile_c
from micronets.errors import DeviceError, SpecError, UnsupportedError
from micronets.frontend import FrontEnd, integer
from micronets.frontend.spectral import codes_of
from micronets.frontend.standard import Standard, array_codes, array_tables, array_values
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, AssignVariable, FullyConnected, ReadVariable
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming import Decision, Detector, Stream
from tests.support.generated_c import STRICT, needs_host_compiler
from tests.support.listening import DETECTORS, FRONT_ENDS, LABELS, listening_model, random_sizes, sound
from tests.support.spectral import following_arrays, following_model, movement

SHIM = """
#include "net_stream.h"
int32_t stream_bytes(void);
int32_t arena_bytes(void);
int32_t stream_bytes(void) { return (int32_t)sizeof(micronets_net_stream); }
int32_t arena_bytes(void) { return MICRONETS_NET_STREAM_ARENA_BYTES; }
"""


class COnHost:
    """The generated C of a network that listens, with the interface of `Stream`."""

    numbers: type[np.integer] = np.int16
    """The type of the numbers of a sample."""

    def __init__(self, compiled: Compiled, folder: Path, flags: tuple[str, ...] = ("-O2",)) -> None:
        for name, text in {**compiled.files, "shim.c": SHIM}.items():
            if "/" not in name and name != "example.c":
                (folder / name).write_text(text)
        library = folder / "net.so"
        sources = [*folder.glob("*.c"), *folder.glob("*.S")]
        compile_c(sources, library, [*flags, *STRICT, "-Wcast-qual", "-shared", "-fPIC"], folders=[folder])
        self.c = ctypes.CDLL(str(library))
        self.begin()

    def begin(self) -> None:
        """Begins a stream anew, in memory of its own."""
        self.memory = np.full(self.c.stream_bytes() + 64, 0x5A, np.uint8)
        self.arena = np.full(self.c.arena_bytes() + 64, 0x5A, np.uint8)
        self.at = ctypes.c_void_p(self.memory.ctypes.data + 32)
        self.c.micronets_net_start(self.at, ctypes.c_void_p(self.arena.ctypes.data + 32 - self.arena.ctypes.data % 16))

    def feed(self, samples: np.ndarray) -> list[Decision]:
        """Feeds the samples and polls all decisions; fails where memory beside the stream's was written."""
        found, taken = [], 0
        x = np.ascontiguousarray(samples, self.numbers)
        while taken < len(x):
            at = ctypes.c_void_p(x.ctypes.data + x.strides[0] * taken)
            taken += self.c.micronets_net_feed(self.at, at, len(x) - taken)
            row = np.zeros(2, np.uint64)
            while self.c.micronets_net_poll(self.at, ctypes.c_void_p(row.ctypes.data)):
                class_index, score = row[:1].view(np.int32).tolist()
                found.append(Decision(class_index, score, int(row[1])))
        for memory in (self.memory, self.arena):
            assert (memory[:16] == 0x5A).all()
            assert (memory[-16:] == 0x5A).all()
        return found

    def gap(self, samples: int) -> None:
        self.c.micronets_net_gap(self.at, samples)

    @property
    def averages(self) -> np.ndarray:
        return np.array([self.c.micronets_net_score(self.at, i) for i in range(len(LABELS))])


def whole(model: QuantizedModel, samples: np.ndarray) -> tuple[list[Decision], np.ndarray]:
    """Returns the decisions and the last averages of samples that are fed at once."""
    stream = Stream(model)
    return stream.feed(samples), stream.averages


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_scores_are_those_of_clips_that_begin_at_every_frame(front_end: str) -> None:
    """Without averaging and refractory times, each run is the network on a clip of its own."""
    detector = replace(DETECTORS["eager"], refractory_ms=(0,) * 4, never=(), hop_frames=2)
    model = listening_model(front_end, detector)
    fe = replace(FRONT_ENDS[front_end], arithmetic="integer")
    samples = sound(2)
    found = Stream(model).feed(samples)
    hop = 2 * fe.hop_samples * fe.frame_stride
    end = (fe.input_shape[0] - 1) * fe.hop_samples * fe.frame_stride + fe.window_samples
    begins = range(0, len(samples) - end + 1, hop)
    assert [d.time for d in found] == [begin + end for begin in begins]
    clips = [np.pad(samples[b : b + end], (0, max(0, fe.clip_samples - end)))[: fe.clip_samples] for b in begins]
    levels = integer.levels(np.stack(clips), fe)
    values = integer.to_pixels(levels, fe) if fe.kind == "logmel" else levels
    q = model.quant["input"]
    outputs = reference.run(model, integer.codes(values, fe, q.scale, q.zero_point))
    best = outputs.reshape(len(clips), -1)
    assert [d.class_index for d in found] == best.argmax(1).tolist()
    assert len(set(best.argmax(1).tolist())) > 1


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_any_pieces_give_the_same_decisions_in_numpy_and_c(front_end: str, detector: str, tmp_path: Path) -> None:
    needs_host_compiler()
    model = listening_model(front_end, DETECTORS[detector])
    samples = sound(4)
    want, averages = whole(model, samples)
    assert len(want) > 3
    assert len({d.class_index for d in want}) > 1 or detector == "slow"
    for seed in range(2):
        stream, found, begin = Stream(model), [], 0
        for size in random_sizes(len(samples), seed):
            found += stream.feed(samples[begin : begin + size])
            begin += size
        assert found == want
        np.testing.assert_array_equal(stream.averages, averages)
    c = COnHost(compile_model(model, name="net"), tmp_path)
    for size in (1, 7, 480, 16000):
        twin, found, begin = Stream(model), [], 0
        c.begin()
        while begin < len(samples):
            piece = samples[begin : begin + (size if size > 7 or begin < 500 * size else 4000)]
            begin += len(piece)
            found += c.feed(piece)
            if size > 7:
                twin.feed(piece)
                np.testing.assert_array_equal(c.averages, twin.averages)
        assert found == want
        np.testing.assert_array_equal(c.averages, averages)


@pytest.mark.parametrize("softmax", [False, True], ids=["logits", "softmax"])
def test_the_c_keeps_to_the_rules_of_c(softmax: bool, tmp_path: Path) -> None:
    needs_host_compiler()
    model = listening_model("log-mel", DETECTORS["slow"], softmax)
    flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    samples = sound(3, seed=5)
    c = COnHost(compile_model(model, name="net"), tmp_path, flags)
    assert c.feed(samples) == whole(model, samples)[0]


def test_a_gap_moves_time_on_and_forgets_the_sound(tmp_path: Path) -> None:
    needs_host_compiler()
    model = listening_model("frames apart", DETECTORS["eager"])
    samples = sound(2)
    alone = Stream(model).feed(samples[9000:])
    stream, c = Stream(model), COnHost(compile_model(model, name="net"), tmp_path)
    for one in (stream, c):
        one.feed(samples[:9000])
        one.gap(1234)
        after = one.feed(samples[9000:])
        assert after == [replace(d, time=d.time + 9000 + 1234) for d in alone]


def test_pieces_and_gaps_in_any_order_leave_numpy_and_c_equal(tmp_path: Path) -> None:
    """Gaps come within a frame, between two frames, twice in a row, and of no sample at all."""
    needs_host_compiler()
    model = listening_model("log-mel", DETECTORS["slow"])
    stream, c = Stream(model), COnHost(compile_model(model, name="net"), tmp_path)
    rng, samples, begin, time, seen = np.random.default_rng(8), sound(20, seed=8), 0, 0, 0
    for size in random_sizes(len(samples), 8, 9000):
        found = stream.feed(samples[begin : begin + size])
        assert c.feed(samples[begin : begin + size]) == found
        np.testing.assert_array_equal(c.averages, stream.averages)
        begin, time, seen = begin + size, time + size, seen + len(found)
        assert all(d.time <= time for d in found)
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            lost = int(rng.choice([0, 1, 150, 100_000]))
            time += lost
            for one in (stream, c):
                one.gap(lost)
                assert not one.averages.any()
    assert seen > 3


MOVES = Detector(hop_frames=2, average=2, thresholds=(9000,) * 4, refractory_ms=(500,) * 4, never=(0,))


def hear_pieces_and_gaps(stream: Stream, c: COnHost, x: np.ndarray) -> None:
    """Feeds the samples `[n, axes]` of a sensor to both in random pieces, with gaps, and compares all that they say."""
    rng, begin, found = np.random.default_rng(3), 0, []
    for size in random_sizes(len(x), 3, 300):
        part = x[begin : begin + size]
        begin += size
        found.append(stream.feed(part))
        assert c.feed(stream.plan.signal.integers(part)) == found[-1]
        np.testing.assert_array_equal(c.averages, stream.averages)
        if rng.random() < 0.2:
            for one in (stream, c):
                one.gap(size)
    assert len({d.class_index for part in found for d in part}) > 1


@pytest.mark.parametrize("hop", [8, 16, 21], ids=["overlap", "touch", "apart"])
def test_a_sensor_of_several_axes_is_followed_in_numpy_and_c(hop: int, tmp_path: Path) -> None:
    """Pieces and gaps come in any order; an output is that of the window that ends with the newest frame."""
    needs_host_compiler()
    model, x = following_model(MOVES, hop=hop), movement(120)
    stream, c = Stream(model), COnHost(compile_model(model, name="net"), tmp_path)
    hear_pieces_and_gaps(stream, c, x)
    signal = stream.plan.signal
    whole_windows = Stream(
        replace(
            model,
            metadata={
                **model.metadata,
                "micronets.detector": replace(
                    MOVES, hop_frames=1, average=1, thresholds=(0,) * 4, refractory_ms=(0,) * 4, never=()
                ).to_json(),
            },
        )
    )
    got = whole_windows.feed(x)
    window = (signal.frames - 1) * hop + 16
    windows = np.stack([x[d.time - window : d.time] for d in got])
    fe, quant = replace(signal.front_end, samples=window), model.quant[INPUT]
    outputs = reference.run(model, codes_of(fe.steps(windows), fe, quant.scale, quant.zero_point))
    assert [d.class_index for d in got] == outputs.reshape(len(got), -1).argmax(1).tolist()
    assert [d.time for d in got] == list(range(window, len(x) + 1, hop))


class OfArrays(COnHost):
    """The generated C of a network whose samples are standardised: their numbers have 32 bits."""

    numbers = np.int32


def test_a_sensor_whose_samples_are_standardised_is_followed_in_numpy_and_c(tmp_path: Path) -> None:
    """Pieces and gaps come in any order; an output is that of the window that ends with the newest sample."""
    needs_host_compiler()
    model, x = following_arrays(MOVES), movement(60)
    x[100:103] = 1e9, -1e9, 0  # beyond what 32 bits hold
    stream, c = Stream(model), OfArrays(compile_model(model, name="net"), tmp_path)
    hear_pieces_and_gaps(stream, c, x)
    rule = replace(MOVES, hop_frames=1, average=1, thresholds=(0,) * 4, refractory_ms=(0,) * 4, never=())
    got = Stream(model, rule).feed(x)
    fe, quant = stream.plan.signal.front_end, model.quant[INPUT]
    assert isinstance(fe, Standard)
    tables = array_tables(fe, quant.scale, quant.zero_point)
    assert tables is not None
    windows = np.stack([x[d.time - 20 : d.time] for d in got])
    outputs = reference.run(model, array_codes(array_values(windows, fe), fe, tables))
    assert [d.class_index for d in got] == outputs.reshape(len(got), -1).argmax(1).tolist()
    assert [d.time for d in got] == list(range(20, len(x) + 1))


@pytest.mark.parametrize("arrays", [False, True])
def test_a_simulated_core_follows_a_sensor(arrays: bool) -> None:
    pytest.importorskip("unicorn")
    from micronets.device.sim.machine import simulate
    from micronets.device.stream import answer_bytes, decided, pieces, stream_firmware

    where = load_board("NUCLEO-F446RE")
    try:
        find_compiler(where)
    except DeviceError as e:
        pytest.skip(str(e))
    model, axes = (following_arrays(MOVES), 3) if arrays else (following_model(MOVES, axes=5), 5)
    x = movement(12, axes=axes)
    stream, sizes = Stream(model), random_sizes(len(x), 4, 170)
    sizes.insert(len(sizes) // 2, -333)  # a gap
    signal = stream.plan.signal
    compiled = compile_model(model, where.target, name="net")
    firmware = stream_firmware(compiled, 170, where, axes=axes, bits=signal.sample_bits)
    given = pieces(signal.integers(x), sizes, 170, signal.sample_bits)
    found = simulate(firmware.elf, given, 1, answer_bytes(4), where)
    want, begin = [], 0
    for size in sizes:
        if size < 0:
            stream.gap(-size)
        want.append(stream.feed(x[begin : begin + max(0, size)]))
        begin += max(0, size)
    assert [decided(row) for row in found.outputs.view("<i4")] == want
    assert sum(map(len, want)) > 2


def test_a_detector_of_a_sensor_has_no_gate() -> None:
    with pytest.raises(SpecError, match="its detector has gate_pixel = 3; the front end of a sensor has no pixels"):
        Stream(following_model(replace(MOVES, gate_pixel=3)))


@pytest.mark.parametrize("board", ["NUCLEO-F446RE", "NUCLEO-G0B1RE", "ESP32-C3-DevKitM-1"])
@pytest.mark.parametrize("front_end", ["log-mel", "frames apart"])
def test_a_simulated_core_makes_the_same_decisions(board: str, front_end: str) -> None:
    pytest.importorskip("unicorn")
    from micronets.device.sim.machine import simulate
    from micronets.device.stream import MOST_DECISIONS, answer_bytes, decided, pieces, stream_firmware

    where = load_board(board)
    try:
        find_compiler(where)
    except DeviceError as e:
        pytest.skip(str(e))
    model = listening_model(front_end, DETECTORS["slow"])
    samples = sound(1.5, seed=3)
    sizes = [1, 7, 160, *random_sizes(len(samples) - 168, 4, 3000)]
    firmware = stream_firmware(compile_model(model, where.target, name="net"), 3000, where)
    found = simulate(firmware.elf, pieces(samples, sizes, 3000), 1, answer_bytes(len(LABELS)), where)
    words = found.outputs.view("<i4")
    stream, begin, seen = Stream(model), 0, 0
    for row, size in zip(words, sizes, strict=True):
        want = stream.feed(samples[begin : begin + size])
        begin += size
        assert decided(row) == want
        np.testing.assert_array_equal(row[1 + 4 * MOST_DECISIONS :], stream.averages)
        seen += len(want)
    assert seen


def test_what_cannot_listen_is_told_in_one_line() -> None:
    model = listening_model()
    for texts, why in (
        ({"micronets.frontend": ""}, "no integer front end for sound"),
        ({"micronets.labels": "[]"}, "no labels"),
        ({"micronets.frontend": replace(FRONT_ENDS["log-mel"], sample_scale="max").to_json()}, "loudest sample"),
    ):
        other = replace(model, metadata={**model.metadata, **texts})
        with pytest.raises(UnsupportedError, match=f"a.tflite: cannot listen to a stream: .*{why}"):
            Stream(other, where="a.tflite")
        assert not [name for name in compile_model(other).files if "stream" in name or "detector" in name]
    old, flat = following_arrays(rate=None), Standard((60,), (0.0,) * 60, (1.0,) * 60)
    with pytest.raises(UnsupportedError, match=r"its metadata lack the sample rate of its windows"):
        Stream(old)
    assert not [name for name in compile_model(old).files if "stream" in name]
    layer = FullyConnected(name="logits", inputs=(INPUT,), units=4, activation="none")
    of_numbers = replace(
        with_random_weights(Arch(flat.input_shape, (layer,))),
        metadata={**old.metadata, "micronets.frontend": flat.to_json()},
    )
    with pytest.raises(UnsupportedError, match=r"its inputs are arrays of 60 numbers, and a stream needs windows"):
        Stream(of_numbers)
    fits_not = replace(model, metadata={**model.metadata, "micronets.detector": '{"average": 2}'})
    with pytest.raises(SpecError, match=r"a.tflite: its detector has 1 class, its output 4"):
        Stream(fits_not, where="a.tflite")


def test_a_network_that_keeps_state_is_compiled_without_a_stream(tmp_path: Path) -> None:
    """Its functions take a state, and windows that overlap are not what it was trained on."""
    needs_host_compiler()
    model, fe = listening_model(), FRONT_ENDS["log-mel"]
    keeps = (
        ReadVariable(name="old", variable="last", shape=fe.input_shape),
        AssignVariable(name="keep", inputs=(INPUT,), variable="last"),
    )
    layer = replace(model.arch.layers[0], inputs=("old",))
    arch = replace(model.arch, layers=(*keeps, layer))
    quant = {**model.quant, "old": model.quant[INPUT]}
    stateful = replace(model, arch=arch, quant=quant)
    with pytest.raises(UnsupportedError, match="it keeps state from one inference to the next"):
        Stream(stateful)
    files = compile_model(stateful, name="net").files
    assert "net_frontend.c" in files
    assert "net_stream.c" not in files
    for name, text in files.items():
        if "/" not in name:
            (tmp_path / name).write_text(text)
    compile_c([*tmp_path.glob("*.c"), *tmp_path.glob("*.S")], tmp_path / "example", ["-O1"])


def test_the_header_tells_the_memory_that_a_stream_takes() -> None:
    files = compile_model(listening_model("log-mel", DETECTORS["slow"]), name="net").files
    assert "#define MICRONETS_NET_GATE_FRAMES 7" in files["net_stream.h"]
    assert "net_stream.h processes a continuous stream of samples" in files["net.h"]
    assert "`net_stream.h`" in files["README.md"]
    assert "net_stream.c" in files["CMakeLists.txt"]


def test_the_front_end_of_the_default_detector_is_that_of_the_model() -> None:
    plan = Stream(listening_model("frames apart")).plan
    assert isinstance(plan.signal.front_end, FrontEnd)
    assert plan.detector.hop_frames == round(100 / (plan.signal.front_end.hop_ms * 4))
    assert plan.detector.never == (0,)
