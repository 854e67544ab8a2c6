"""Detectors: what fires when, their JSON, and their C, byte for byte."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler.generate.ctext import array
from micronets.compiler.generate.stream_c import detector_files
from micronets.device.host_compiler import compile_c
from micronets.errors import SpecError
from micronets.frontend import FrontEnd
from micronets.quantized.model import TensorQuant
from micronets.streaming import CERTAIN, Detector, DetectorState, DetectorTables, default_detector
from micronets.streaming.detector import detector_tables, scores
from micronets.streaming.signal import signal_of
from tests.support.generated_c import STRICT, needs_host_compiler

FE = signal_of(FrontEnd())
LOGITS, CERTAINTIES = TensorQuant(0.035, -20), TensorQuant(1 / 256, -128)
LABELS = ("_silence_", "_unknown_", "yes", "no")


def tables(quant: TensorQuant = CERTAINTIES, **values: object) -> DetectorTables:
    """Returns the numbers of a detector of three classes that runs every 100 ms; `values` replace its fields."""
    of = {"thresholds": (CERTAIN // 2,) * 3, "refractory_ms": (300,) * 3, "average": 2} | values
    return detector_tables(Detector(**of), FE, quant)  # type: ignore[arg-type]


def outputs(*rows: tuple[float, float, float]) -> np.ndarray:
    """Returns codes of certainties."""
    return (np.array(rows) * 255 - 128).astype(np.int8)


def fired(t: DetectorTables, x: np.ndarray, loudness: int = 0) -> list[tuple[int, int]]:
    """Returns (run, class) of what fires."""
    return [(f.run, f.class_index) for f in DetectorState(t).feed(x, np.full(len(x), loudness))]


def test_a_class_fires_when_its_average_reaches_the_threshold_and_again_after_its_time() -> None:
    x = outputs((0, 0, 0), *[(0, 1, 0)] * 8)
    assert fired(tables(), x) == [(2, 1), (5, 1), (8, 1)]
    assert fired(tables(average=1), x) == [(1, 1), (4, 1), (7, 1)]
    assert fired(tables(refractory_ms=(300, 310, 300)), x) == [(2, 1), (6, 1)]
    assert fired(tables(refractory_ms=(0, 0, 0)), x) == [(n, 1) for n in range(2, 9)]
    assert fired(tables(thresholds=(0, CERTAIN, 0)), x) == [(0, 0)]  # certainties of 255 / 256 do not reach it


def test_another_class_may_fire_at_once_and_classes_that_never_fire_hide_others() -> None:
    x = outputs(*[(0.1, 0.9, 0)] * 3, *[(0.95, 0.8, 0)] * 4)
    assert fired(tables(average=1), x) == [(0, 1), (3, 0), (6, 0)]
    assert fired(tables(average=1, never=(0,)), x) == [(0, 1)]


def test_the_gate_lets_nothing_fire_below_its_mean_pixel() -> None:
    t = tables(gate_pixel=30, gate_frames=4)
    x = outputs(*[(0, 1, 0)] * 2)
    assert fired(t, x, 30 * 40 * 4 - 1) == []
    assert fired(t, x, 30 * 40 * 4) == [(1, 1)]


def test_scores_are_those_of_softmax_and_of_certainties() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (500, 4)).astype(np.int8)
    t = detector_tables(default_detector(LABELS, FE), FE, LOGITS)
    real = np.exp(0.035 * x.astype(float))
    assert np.abs(scores(x, t) / CERTAIN - real / real.sum(1, keepdims=True)).max() < 1e-4
    t = detector_tables(default_detector(LABELS, FE), FE, CERTAINTIES)
    np.testing.assert_array_equal(scores(x, t), (x.astype(int) + 128) * 128)
    single = detector_tables(default_detector(("word",), FE), FE, LOGITS)
    assert np.abs(scores(x[:, :1], single) / CERTAIN - 1 / (1 + np.exp(-0.035 * (x[:, :1] + 20.0)))).max() < 1e-4


def test_pieces_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    x, loud = rng.integers(-128, 128, (400, 3)).astype(np.int8), rng.integers(0, 2000, 400)
    t = tables(average=3, refractory_ms=(0, 200, 700), gate_pixel=10, gate_frames=2, thresholds=(9000, 9000, 9000))
    whole = [(f.run, f.class_index, f.score) for f in DetectorState(t).feed(x, loud)]
    state, found, begin = DetectorState(t), [], 0
    while begin < len(x):
        end = begin + int(rng.integers(0, 9))
        found += [(begin + f.run, f.class_index, f.score) for f in state.feed(x[begin:end], loud[begin:end])]
        begin = end
    assert found == whole
    assert 20 < len(whole) < 300


@pytest.mark.parametrize("quant", [LOGITS, CERTAINTIES], ids=["logits", "certainties"])
@pytest.mark.parametrize("flags", [("-O2",), ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")], ids=str)
def test_the_c_of_a_detector_computes_every_score_and_class(
    flags: tuple[str, ...], quant: TensorQuant, tmp_path: Path
) -> None:
    needs_host_compiler()
    rng = np.random.default_rng(2)
    for average, classes in ((1, 1), (4, 3), (64, 12)):
        t = detector_tables(
            Detector(
                average=average,
                thresholds=tuple(rng.integers(0, CERTAIN // classes + 1, classes).tolist()),
                refractory_ms=tuple(rng.integers(0, 900, classes).tolist()),
                never=() if classes == 1 else (0,),
                gate_frames=2,
                gate_pixel=3,
            ),
            FE,
            quant,
        )
        parts = [("uint16_t", "table", t.table), ("int32_t", "least", t.least), ("int32_t", "refractory", t.refractory)]
        sizes = f"{t.classes}, {t.average}, {int(t.softmax)}, table, least, refractory, {t.least_loudness}"
        folder = tmp_path / str(classes)
        folder.mkdir()
        for name, text in detector_files().items():
            (folder / name).write_text(text)
        (folder / "one.c").write_text(
            '#include "micronets_detector.h"\n'
            + "".join(array(*part) for part in parts)
            + f"extern const micronets_detector one;\nconst micronets_detector one = {{{sizes}}};\n"
        )
        library = folder / "detector.so"
        compile_c([*folder.glob("*.c")], library, [*flags, *STRICT, "-shared", "-fPIC"], folders=[folder])
        c = ctypes.CDLL(str(library))
        one = ctypes.byref(ctypes.c_char.in_dll(c, "one"))
        x, loud = rng.integers(-128, 128, (300, classes)).astype(np.int8), rng.integers(0, 1000, 300)
        x[::5] = x[::5, :1]  # equal outputs
        words = np.zeros(1 + classes * (2 + average), np.int32)
        state, seen = DetectorState(t), 0
        for row, loudness in zip(x, loud.tolist(), strict=True):
            at = ctypes.c_void_p(words.ctypes.data)
            got = c.micronets_detector_step(one, at, ctypes.c_void_p(row.ctypes.data), loudness)
            want = state.feed(row[None], np.array([loudness]))
            assert got == (want[0].class_index if want else -1)
            averages = [c.micronets_detector_score(one, at, i) for i in range(classes)]
            assert averages == state.averages.tolist()
            assert not want or want[0].score == averages[want[0].class_index]
            seen += got >= 0
        assert seen


def test_a_detector_travels_as_json_and_the_default_suits_the_labels() -> None:
    one = default_detector(LABELS, FE)
    assert Detector.from_json(one.to_json()) == one
    assert (one.never, one.hop_frames, len(one.thresholds)) == ((0, 1), 10, 4)
    assert default_detector(("noise", "other"), FE).never == ()
    assert default_detector(LABELS, signal_of(FrontEnd(frame_stride=2))).hop_frames == 5


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"thresholds": [1, 2], "refractory_ms": [1]}', "2 thresholds and 1 values of refractory_ms"),
        ('{"thresholds": [40000]}', "thresholds = 40000; allowed: 0 to 32,768"),
        ('{"thresholds": [0.5]}', "thresholds = (0.5,); a list of integers"),
        ('{"thresholds": 7}', "thresholds = 7; a list of integers"),
        ('{"average": 0}', "average = 0; allowed: 1 to 64"),
        ('{"average": 2.5}', "average = 2.5; an integer is needed"),
        ('{"never": [3]}', "never = 3; classes have the numbers 0 to 0"),
        ('{"gate": 3}', "no field 'gate'"),
        ("[", "not JSON"),
    ],
)
def test_a_detector_that_cannot_be_is_one_clear_line(text: str, error: str) -> None:
    with pytest.raises(SpecError) as e:
        Detector.from_json(text, "model.tflite: micronets.detector")
    assert error in str(e.value)
    assert str(e.value).startswith("model.tflite: micronets.detector: ")
    assert "\n" not in str(e.value)
