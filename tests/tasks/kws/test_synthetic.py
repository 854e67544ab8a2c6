from pathlib import Path

import numpy as np
import pytest

from micronets.errors import DataError, SpecError
from micronets.frontend import FrontEnd
from micronets.installation import install
from micronets.tasks import load
from micronets.tasks.kws import synthetic
from micronets.tasks.kws.espeak import VOICES, speak

SIZES = {"train": 60, "val": 24, "test": 36}


@pytest.fixture
def _speech() -> None:
    pytest.importorskip("espeakng_loader", reason="needs the extra 'speech'")


@pytest.mark.usefixtures("_speech")
def test_twelve_classes_alike_and_the_same_again() -> None:
    data = synthetic.load(sizes=SIZES)
    assert data.synthetic
    assert data.source == "synthetic speech: 120 clips by espeak-ng in 568 voices, with synthetic noise"
    for s, n in SIZES.items():
        assert np.bincount(data.labels(s)).tolist() == [n // 12] * 12
        assert data.inputs(s, {}).shape == (n, 98, 40, 1)
    again = synthetic.load(sizes=SIZES, splits=("test",))
    assert np.array_equal(data.features["test"], again.features["test"])
    assert np.array_equal(data.background, again.background)
    other = synthetic.load(sizes=SIZES, splits=("test",), seed=1)
    assert not np.array_equal(data.features["test"], other.features["test"])


@pytest.mark.usefixtures("_speech")
def test_every_voice_speaks_and_repeats_itself_in_another_process() -> None:
    jobs = [(f"en-us+{v}", "seven", 150, 50) for voices in VOICES.values() for v in voices]
    (first, rate), (second, _) = speak(jobs), speak(jobs)
    assert rate == 22050
    for job, a, b in zip(jobs, first, second, strict=True):
        assert np.array_equal(a, b), job
        assert 0.2 * rate < len(a) < 1.2 * rate, job
        assert np.abs(a.astype(int)).max() > 1000, job


def test_no_speaker_is_in_two_splits() -> None:
    names = [v for voices in VOICES.values() for v in voices]
    assert len(set(names)) == len(names) == 71


@pytest.mark.usefixtures("_speech")
def test_words_are_told_apart_but_not_by_a_bad_model() -> None:
    data = synthetic.load(sizes={"train": 240, "val": 12, "test": 96})
    settings = {"frame_stride": 4, "coefficients": 10}
    x, t = (data.inputs(s, settings).reshape(data.size(s), -1) for s in ("train", "test"))
    means = np.stack([x[data.labels("train") == c].mean(0) for c in range(12)])
    nearest = ((t[:, None] - means) ** 2).sum(2).argmin(1)
    accuracy = (nearest == data.labels("test")).mean()
    assert 0.2 < accuracy < 0.6  # chance is 0.083


def test_without_the_synthesiser_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError) as e:
        load("kws")
    assert str(e.value) == (
        f"synthetic speech: the synthesiser is not installed; {install('speech')}, or give a data directory"
    )


@pytest.mark.usefixtures("_speech")
def test_a_synthesiser_that_fails_is_no_traceback() -> None:
    with pytest.raises(DataError) as e:
        speak([("en-us+nobody", "yes", 150, 50)])
    assert str(e.value) == (
        "synthetic speech: the synthesiser failed (espeak-ng has no voice 'en-us+nobody');"
        " reinstall espeakng-loader, or give a data directory"
    )


@pytest.mark.usefixtures("_speech")
def test_speech_is_made_where_warnings_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    (samples,), rate = speak([("en-us+Alex", "yes", 150, 50)])
    assert (len(samples) > 0.2 * rate, rate) == (True, 22050)


def test_options_that_need_a_directory() -> None:
    with pytest.raises(SpecError, match="kws: option test = held needs a data directory; synthetic speech has its own"):
        load("kws", test=Path("held"))


def test_clips_of_nothing() -> None:
    rng = np.random.default_rng(0)
    assert not synthetic._placed(np.zeros(0, np.float32), 16000, rng).any()
    assert synthetic._placed(np.ones(20000, np.float32), 16000, rng).all()
    assert FrontEnd().clip_samples == 16000
