"""`evaluate --stream`, `tune` and their errors, with a network that hears which of two tones sounds."""

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.commands.stream import composed_sound, evaluate_stream
from micronets.compiler import compile_model
from micronets.frontend import FrontEnd, encode_wav
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.streaming import CERTAIN, Detector, plan_stream
from micronets.tflite import read, write
from tests.streaming.test_stream import COnHost
from tests.support.calling import call
from tests.support.generated_c import needs_host_compiler
from tests.support.wavs import tone

FE = FrontEnd(clip_ms=400, n_fft=512, n_mels=16)
LABELS = ("low", "high", "_unknown_")
RATE = 16000


def tones_model() -> QuantizedModel:
    """Returns a network of one layer that compares the bands of a low and of a high tone with the others."""
    frames, bands, _ = FE.input_shape
    weights = np.zeros((3, frames, bands), np.int8)
    weights[0, :, 4:6], weights[1, :, 12:14] = 60, 60  # 600 and 2,500 Hz
    weights[0, :, 12:14], weights[1, :, 4:6] = -60, -60
    one = LayerWeights(
        weights.reshape(3, -1), np.full(1, 0.0015, np.float32), np.array([-120000, -120000, 0], np.int32)
    )
    arch = Arch(
        input_shape=FE.input_shape,
        layers=(FullyConnected(name="logits", inputs=(INPUT,), units=3, activation="none"),),
    )
    texts = {"micronets.task": "kws", "micronets.labels": json.dumps(LABELS), "micronets.frontend": FE.to_json()}
    quant = {INPUT: TensorQuant(1 / 64, 0), "logits": TensorQuant(0.1, 0)}
    return QuantizedModel(arch, quant, {"logits": one}, texts)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tones.tflite"
    path.write_bytes(write(tones_model()))
    return path


def day(rate: int = RATE) -> tuple[np.ndarray, list[tuple[float, float, str]]]:
    """Returns 40 s of weak noise with tones of 0.6 s, and where they are."""
    samples = np.random.default_rng(0).normal(0, 3, 40 * rate)
    labels = []
    for n, start in enumerate(np.arange(2, 38, 3.0)):
        label, hertz = (("low", 600), ("high", 2500))[n % 2]
        at = round(start * rate)
        samples[at : at + round(0.6 * rate)] += tone(n, round(0.6 * rate), rate, hertz)
        labels.append((start, start + 0.6, label))
    return samples, labels


def write_day(folder: Path, rate: int = RATE) -> tuple[Path, Path]:
    """Writes the recording and its label file; returns their paths."""
    samples, labels = day(rate)
    wav, csv = folder / "day.wav", folder / "day.csv"
    wav.write_bytes(encode_wav(samples, rate))
    csv.write_text("".join(f"{a},{b},{label}\n" for a, b, label in labels))
    return wav, csv


def evaluated(*words: str | Path) -> dict:
    found = call("evaluate", *words, "--runtime", "reference", "--json")
    assert found.code == 0, found.err
    return json.loads(found.out)


def test_all_tones_of_a_recording_are_detected(model: Path, tmp_path: Path) -> None:
    wav, csv = write_day(tmp_path)
    found = evaluated(model, "--stream", wav, "--labels", csv)
    assert (found["said"], found["detected"], found["misses"], found["false_accepts"]) == (12, 12, 0, 0)
    assert found["composed"] is False
    assert found["seconds"] == 40
    assert -400 <= found["latency_median_ms"] <= found["latency_90_ms"] <= 300
    for d in found["detections"]:
        assert any(a <= d["time"] <= b + 1 and d["label"] == label for a, b, label in day()[1])
    assert {w["label"]: w["said"] for w in found["words"]} == {"low": 6, "high": 6}
    assert len(found["det"]) > 20
    shown = call("evaluate", model, "--stream", wav, "--labels", csv, "--runtime", "reference").out
    assert "12 of 12 words detected, 0 missed" in shown


def test_the_report_draws_the_det_curve(model: Path, tmp_path: Path) -> None:
    """Every point of the curve, and the detector itself, stand where the figures say."""
    wav, csv = write_day(tmp_path)
    csv.write_text("\n".join(csv.read_text().splitlines()[1:]))  # the first tone is a false accept now
    page = tmp_path / "day.html"
    found = evaluated(model, "--stream", wav, "--labels", csv, "--report", page)
    text = page.read_text()
    assert "11 of 11 words detected, 0 missed" in text
    assert "1 false accept: 90.0 an hour" in text
    assert "COMPOSED" not in text
    drawn = re.findall(r"<circle cx=\"([0-9.]+)\" cy=\"([0-9.]+)\" r=\"2.6\"><title>threshold ([0-9.]+):", text)
    wide = drawn[: len(found["det"])]
    assert [float(threshold) for _, _, threshold in wide] == [round(p["threshold"], 2) for p in found["det"]]
    places = {
        (p["miss_rate"], p["false_accepts_per_hour"]): (x, y) for p, (x, y, _) in zip(found["det"], wide, strict=True)
    }
    assert len(places) == len(set(places.values())) > 1
    by_misses = sorted(places, key=lambda pair: pair[0])
    assert [float(places[pair][1]) for pair in by_misses] == sorted(
        (float(y) for _, y in places.values()), reverse=True
    )
    by_accepts = sorted(places, key=lambda pair: pair[1])
    assert [float(places[pair][0]) for pair in by_accepts] == sorted(float(x) for x, _ in places.values())
    (own, *_) = re.findall(r"<circle cx=\"([0-9.]+)\" cy=\"([0-9.]+)\" r=\"5.5\"/>", text)
    assert own == places[(0.0, 90.0)]
    refused = call("evaluate", model, "--report", page)
    assert refused.code == 2
    assert f"--report {page}: is for --stream" in refused.err


def test_a_report_of_a_stream_without_words_has_no_curve(model: Path, tmp_path: Path) -> None:
    wav, csv = write_day(tmp_path)
    csv.write_text("")
    page = tmp_path / "day.html"
    assert evaluated(model, "--stream", wav, "--labels", csv, "--report", page)["miss_rate"] is None
    assert "None of the model's words is said" in page.read_text()


def test_wrong_labels_make_misses_and_false_accepts(model: Path, tmp_path: Path) -> None:
    wav, csv = write_day(tmp_path)
    lines = csv.read_text().splitlines()
    csv.write_text("\n".join([lines[0].replace("low", "high"), *lines[2:]]))
    found = evaluated(model, "--stream", wav, "--labels", csv)
    assert (found["said"], found["detected"], found["misses"], found["false_accepts"]) == (11, 10, 1, 2)
    assert found["false_accepts_per_hour"] == pytest.approx(2 * 3600 / 40)


def test_another_rate_is_resampled_and_said(model: Path, tmp_path: Path) -> None:
    wav, csv = write_day(tmp_path, 22050)
    found = evaluated(model, "--stream", wav, "--labels", csv)
    assert found["detected"] == 12
    assert found["notes"] == [f"{wav}: resampled from 22,050 Hz to 16,000 Hz"]


def clips(folder: Path) -> Path:
    """Writes a directory of clips of the two tones, of other tones and of noise."""
    for name, hertz in (("low", 600), ("high", 2500), ("other", 1300)):
        (folder / name).mkdir(parents=True)
        for n in range(4):
            (folder / name / f"{n}.wav").write_bytes(encode_wav(2 * tone(n, 9600, RATE, hertz)))
    (folder / "_background_noise_").mkdir()
    noise = np.random.default_rng(1).normal(0, 100, 20 * RATE)
    (folder / "_background_noise_" / "hiss.wav").write_bytes(encode_wav(noise))
    return folder


def test_a_composed_stream_is_said_to_be_one_and_depends_on_its_seed(model: Path, tmp_path: Path) -> None:
    folder = clips(tmp_path / "clips")
    options = ("--stream", "composed", "--data", folder, "--seconds", "60")
    a, b, c = (evaluated(model, *options, "--seed", seed) for seed in ("1", "1", "2"))
    assert a["composed"] is True
    assert a == b
    assert a["detections"] != c["detections"]
    assert "4 others over 1 recording of noise, seed 1" in " ".join(a["notes"])
    assert a["said"] > 5
    assert "COMPOSED STREAM" in call("evaluate", model, *options, "--runtime", "reference").out


def test_tune_keeps_to_the_false_accepts_and_writes_a_model_that_decides_so(model: Path, tmp_path: Path) -> None:
    folder, out = clips(tmp_path / "clips"), tmp_path / "tuned.tflite"
    options = ("--stream", "composed", "--data", folder, "--seconds", "120", "--seed", "3")
    loose = replace(tones_model(), metadata={**tones_model().metadata, "micronets.detector": LOOSE.to_json()})
    model.write_bytes(write(loose))
    found = call(
        "tune", model, *options, "--false-accepts-per-hour", "0", "--out", out, "--runtime", "reference", "--json"
    )
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["before"]["false_accepts"] > 0
    assert told["after"]["false_accepts"] == 0
    assert told["after"]["detected"] > 0
    again = evaluated(out, *options)
    assert again == {**told["after"], "model": str(out)}
    tuned = read(out.read_bytes())
    assert Detector.from_json(tuned.metadata["micronets.detector"]).hop_frames == LOOSE.hop_frames
    np.testing.assert_array_equal(tuned.weights["logits"].weights, loose.weights["logits"].weights)


LOOSE = Detector(hop_frames=5, average=1, thresholds=(0, 0, 0), refractory_ms=(1500,) * 3)


def test_a_zoo_model_hears_most_real_words_and_the_c_decides_the_same(shared: Path, tmp_path: Path) -> None:
    needs_host_compiler()
    with zipfile.ZipFile(shared / "data" / "kws_speech_commands_v2_test_wav.zip") as pack:
        names = [name for name in pack.namelist() if name.endswith(".wav")]
        folders = {name.split("/")[-2] for name in names}
        few = [n for folder in sorted(folders) for n in [n for n in names if n.split("/")[-2] == folder][:6]]
        pack.extractall(tmp_path, few)
    path = Path(__file__).parents[2] / "zoo" / "kws_s_f446re" / "model.tflite"
    found = evaluate_stream(path, "composed", data=tmp_path, seconds=60, seed=2, runtime="c")
    assert found.said >= 6
    assert found.detected >= 0.7 * found.said
    assert found.false_accepts <= 5
    model = read(path.read_bytes())
    sound = composed_sound(plan_stream(model, "model"), tmp_path, 60, 2)
    (tmp_path / "c").mkdir()
    decisions = COnHost(compile_model(model, name="net"), tmp_path / "c").feed(sound.samples)
    assert [(d.time / RATE, d.score / CERTAIN) for d in decisions] == [(d.time, d.score) for d in found.detections]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--stream", "DAY.wav"), "needs --labels"),
        (("--stream", "DAY.wav", "--labels", "DAY.csv", "--data", "x"), "--data x: is for --stream composed"),
        (("--stream", "DAY.wav", "--labels", "DAY.csv", "--task", "kws"), "--task kws: is for a data set of clips"),
        (("--stream", "none.wav", "--labels", "DAY.csv"), "none.wav: cannot be read"),
        (("--stream", "SHORT.wav", "--labels", "DAY.csv"), "SHORT.wav: lasts 0.10 s"),
        (("--stream", "composed", "--data", "EMPTY"), "no folders in it"),
        (("--stream", "composed", "--data", "CLIPS", "--seconds", "1"), "--seconds 1: allowed: 10 to 36,000"),
        (("--stream", "composed", "--data", "CLIPS", "--labels", "DAY.csv"), "a composed stream has its own"),
    ],
)
def test_what_cannot_be_is_one_clear_line(words: tuple[str, ...], error: str, model: Path, tmp_path: Path) -> None:
    write_day(tmp_path)
    (tmp_path / "short.wav").write_bytes(encode_wav(np.zeros(1600)))
    (tmp_path / "empty").mkdir()
    clips(tmp_path / "clips")
    places = {"DAY.wav": "day.wav", "DAY.csv": "day.csv", "SHORT.wav": "short.wav", "EMPTY": "empty", "CLIPS": "clips"}
    found = call("evaluate", model, *(tmp_path / places[w] if w in places else w for w in words))
    assert found.code == 2
    assert error.replace("SHORT.wav", "short.wav") in found.err
    assert found.err.strip().count("\n") == 0


def test_a_model_that_cannot_listen_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "deaf.tflite"
    path.write_bytes(write(replace(tones_model(), metadata={})))
    found = call("evaluate", path, "--stream", "day.wav", "--labels", "day.csv")
    assert found.code == 2
    assert "cannot listen to a stream: it has no integer front end for sound" in found.err


def test_without_data_the_stream_is_spoken_by_a_synthesiser(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")
    plan = plan_stream(tones_model(), "tones")
    sound, again = (composed_sound(plan, None, 20, 3) for _ in range(2))
    np.testing.assert_array_equal(sound.samples, again.samples)
    assert sound.samples.shape == (20 * RATE,)
    assert {e.label for e in sound.events} <= {"low", "high"}
    assert sound.events
    assert sound.composed
    assert "2 words of the model's and 25 others by espeak-ng" in sound.notes[0]
    for e in sound.events:  # each word is louder than the noise before it
        word, before = (sound.samples[round(a * RATE) : round(b * RATE)] for a, b in ((e.start, e.end), (0, e.start)))
        assert np.abs(word).max() > 1.5 * np.abs(before[-RATE // 4 :]).max()
