"""Anomaly detection: metrics equal to sklearn's, the rule from windows to clips, directories, synthetic machines."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from micronets import tasks
from micronets.errors import DataError, SpecError
from micronets.frontend import encode_wav
from micronets.tasks.ad import synthetic
from micronets.tasks.ad.auc import auc, interval, partial_auc
from micronets.tasks.ad.data import anomaly_scores
from micronets.tasks.ad.settings import WindowAugmentation, Windows, bilinear
from tests.support.needs import needs
from tests.support.wavs import tone


@pytest.mark.parametrize("seed", range(40))
def test_auc_and_pauc_are_those_of_sklearn(seed: int) -> None:
    metrics = needs("sklearn.metrics", "dev")
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 120))
    abnormal = rng.permutation(np.arange(n) < rng.integers(1, n))
    scores = rng.normal(size=n) + abnormal * rng.uniform(-1, 2)
    if seed % 2:
        scores = np.round(scores * rng.integers(1, 4))  # many equal scores
    assert auc(scores, abnormal) == pytest.approx(metrics.roc_auc_score(abnormal, scores), abs=1e-12)
    for most in (0.1, 0.05, 0.5):
        expected = metrics.roc_auc_score(abnormal, scores, max_fpr=most)
        assert partial_auc(scores, abnormal, most) == pytest.approx(expected, abs=1e-12)


def test_auc_by_hand_and_without_one_kind() -> None:
    assert auc(np.array([1.0, 2, 3, 3]), np.array([False, True, False, True])) == (1 + 0 + 1 + 0.5) / 4
    assert np.isnan(auc(np.ones(3), np.ones(3, bool)))
    assert np.isnan(partial_auc(np.ones(3), np.zeros(3, bool)))
    assert interval([(np.ones(3), np.zeros(3, bool))]) is None


def test_the_interval_covers_and_shrinks() -> None:
    def width(n: int) -> float:
        rng = np.random.default_rng(1)
        abnormal = np.arange(n) % 2 == 0
        low, high = interval([(rng.normal(size=n) + 1.2 * abnormal, abnormal)]) or (0, 0)
        assert low < 0.80 < high  # normal scores 1.2 apart: AUC = Phi(1.2 / sqrt 2)
        return high - low

    assert width(400) < 0.6 * width(60)


def test_a_clip_is_judged_by_the_mean_surprise_of_its_windows() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
    found = anomaly_scores(np.log(p) + 7, np.array([0, 1]), 2)  # a constant does not matter
    assert found == pytest.approx([-(np.log(0.5) + np.log(0.25)) / 2, -(np.log(0.8) + np.log(0.1)) / 2])


def test_bilinear_halves_by_averaging_pairs_and_keeps_lines() -> None:
    half = bilinear(64, 32)
    assert np.allclose(half @ np.arange(64), np.arange(32) * 2 + 0.5)
    x = torch.rand(1, 1, 9, 7)
    ours = bilinear(9, 5) @ x[0, 0].numpy() @ bilinear(7, 11).T
    theirs = torch.nn.functional.interpolate(x, (5, 11), mode="bilinear", align_corners=False)[0, 0].numpy()
    assert np.allclose(ours, theirs, atol=1e-6)


def sounds(root: Path, names: dict[str, int], seconds: float = 3) -> Path:
    """Writes WAV files, named by patterns of paths; each directory of files has a pitch of its own."""
    for k, (pattern, count) in enumerate(names.items()):
        for i in range(count):
            path = root / pattern.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_wav(tone(k * 100 + i, int(16000 * seconds), hertz=300 + 200 * k)))
    return root


MIMII = {
    "fan_id_00/normal/{:04}.wav": 12, "fan_id_00/anomaly/{:04}.wav": 3,
    "fan_id_02/normal/{:04}.wav": 6, "fan_id_02/anomaly/{:04}.wav": 5,
    "pump_id_00/normal/{:04}.wav": 4, "pump_id_00/abnormal/{:04}.wav": 2,
}  # fmt: skip


def test_normal_clips_are_parted_and_abnormal_ones_only_test(tmp_path: Path) -> None:
    data = tasks.load("ad", sounds(tmp_path, MIMII), clip_seconds=3, pitches=())
    assert data.classes == ("fan_id_00", "fan_id_02", "pump_id_00")
    counts = {s: np.bincount(data.machine[s], minlength=3).tolist() for s in data.clips}
    assert counts == {"train": [8, 3, 2], "val": [1, 1, 1], "test": [3 + 3, 2 + 5, 1 + 2]}
    assert {s: int(a.sum()) for s, a in data.abnormal.items()} == {"train": 0, "val": 0, "test": 10}
    frames = 1 + (48000 - 1024) // 512
    assert data.size("train") == 13 * (1 + (frames - 64) // 20)
    assert data.notes == ("split test has 6 normal and 10 abnormal recordings: very few, see the interval",)
    fan = tasks.load("ad", tmp_path, clip_seconds=3, pitches=(), machine="fan")
    assert fan.classes == ("fan_id_00", "fan_id_02")


def test_the_folders_of_dcase_are_obeyed(tmp_path: Path) -> None:
    root = sounds(tmp_path, {
        "slider/train/normal_id_00_{:08}.wav": 5, "slider/train/normal_id_04_{:08}.wav": 5,
        "slider/test/normal_id_00_{:08}.wav": 2, "slider/test/anomaly_id_00_{:08}.wav": 3,
        "slider/test/normal_id_04_{:08}.wav": 1, "slider/test/anomaly_id_04_{:08}.wav": 2,
    })  # fmt: skip
    for where in (root, root / "slider"):
        data = tasks.load("ad", where, clip_seconds=3, pitches=())
        assert data.classes == ("slider_id_00", "slider_id_04")
        assert [np.bincount(data.machine[s]).tolist() for s in ("train", "val", "test")] == [[4, 4], [1, 1], [5, 3]]


def test_the_whole_data_of_dcase_lie_in_two_directories(tmp_path: Path) -> None:
    """Machines of the additional training data are learnt, though no test recording of theirs says its state."""
    root = sounds(tmp_path, {
        "dev_data/slider/train/normal_id_00_{:08}.wav": 4, "dev_data/slider/test/normal_id_00_{:08}.wav": 2,
        "dev_data/slider/test/anomaly_id_00_{:08}.wav": 2, "eval_data/slider/train/normal_id_01_{:08}.wav": 4,
        "eval_data/slider/test/id_01_{:08}.wav": 2, "dev_data/ToyCar/train/normal_id_02_{:08}.wav": 1,
    })  # fmt: skip
    data = tasks.load("ad", root, machine="slider", clip_seconds=3, pitches=())
    assert data.classes == ("slider_id_00", "slider_id_01")
    assert [np.bincount(data.machine[s]).tolist() for s in ("train", "val", "test")] == [[3, 3], [1, 1], [4]]
    assert data.notes[0] == (
        "2 recordings whose names do not say machine and state ignored (first: "
        f"{root / 'eval_data/slider/test/id_01_00000000.wav'})"
    )


def test_few_recordings_lend_their_ends_to_validation(tmp_path: Path) -> None:
    few = {f"fan_id_0{i}/{state}/{{}}.wav": 2 for i in (0, 2) for state in ("normal", "anomaly")}
    data = tasks.load("ad", sounds(tmp_path, few, 10), pitches=())
    assert (len(data.clips["train"]), len(data.clips["val"]), len(data.clips["test"])) == (2, 2, 6)
    assert data.clips["train"].shape[1] + data.clips["val"].shape[1] == 311
    assert data.size("val") == 2 * 3
    assert any("the end of each training recording is used for validation" in n for n in data.notes)
    score = data.evaluate(np.eye(2)[data.labels("val")], "val")
    assert (score.metric, score.value) == ("accuracy", 1.0)


def test_a_machine_without_faults_is_learnt_and_tested_on_what_is_recognised(tmp_path: Path) -> None:
    data = tasks.load("ad", sounds(tmp_path, {"pump_id_00/normal/{:04}.wav": 20}), clip_seconds=3)
    assert [len(data.clips[s]) for s in ("train", "val", "test")] == [17, 1, 2]
    assert data.notes == (
        "no abnormal recordings in split test: its score says how many windows of healthy machines are recognised, "
        "not how well faults are detected",
    )
    score = data.evaluate(np.eye(3)[data.labels("test")], "test")
    assert (score.metric, score.value) == ("accuracy", 1.0)


def test_bad_directories(tmp_path: Path) -> None:
    def message(path: Path, **options: object) -> str:
        with pytest.raises((DataError, SpecError)) as e:
            tasks.load("ad", path, **options)
        return str(e.value)

    assert message(tmp_path / "none").startswith(
        f"{tmp_path / 'none'}: no such directory; give one with machine sounds: "
    )
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("x")
    assert message(tmp_path / "texts").startswith(f"{tmp_path / 'texts'}: no .wav files (1 other file, first: a.txt); ")
    words = sounds(tmp_path / "words", {"yes/{}.wav": 2})
    assert message(words).startswith(f"{words}: the names do not say machine and state (first: yes/0.wav); use ")
    one = sounds(tmp_path / "one", {"fan_id_00/normal/{}.wav": 4, "fan_id_00/anomaly/{}.wav": 2})
    assert message(one, pitches=()) == (
        f"{one}: only one machine, fan_id_00; a network that only distinguishes machines needs two, or data.pitches"
    )
    assert message(one, machine="fam") == f"ad: no machine 'fam' in {one}; did you mean 'fan'? known: all, fan"
    bad = sounds(tmp_path / "bad", {"fan_id_00/anomaly/{}.wav": 2, "fan_id_02/normal/{}.wav": 3})
    assert message(bad) == f"{bad}: machine fan_id_00 has 0 normal recordings, none to train on; add some"
    (one / "fan_id_00/normal/0.wav").write_bytes(b"RIFF")
    sounds(one, {"fan_id_02/normal/{}.wav": 4, "fan_id_02/anomaly/{}.wav": 2})
    assert "0.wav: not a WAV file" in message(one)
    assert message(None, machine="sliders").startswith("ad: no synthetic machine 'sliders'; did you mean 'slider'? ")  # type: ignore[arg-type]
    assert message(None, synthetic_clips=5) == ("ad: synthetic_clips = 5; at least 56 are needed")  # type: ignore[arg-type]


def test_augmented_windows_are_the_inputs_when_nothing_disturbs(tmp_path: Path) -> None:
    still = WindowAugmentation(jitter_frames=0, gain_db=0)
    data = tasks.load("ad", sounds(tmp_path, MIMII), clip_seconds=3, pitches=(), augmentation=still)
    rows = torch.tensor([0, 5, 11, 3])
    out = data.augmented(rows, {}, torch.Generator().manual_seed(0))
    assert np.allclose(out.numpy(), data.inputs("train", {}, rows.numpy()), atol=1e-5)
    disturbed = tasks.load(
        "ad", tmp_path, clip_seconds=3, pitches=(), augmentation=WindowAugmentation(time_masks=1, band_masks=1)
    )
    a, b, c = (disturbed.augmented(rows, {}, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert 0.5 < data.inputs("train", {}).std() < 1.5


def test_a_model_finds_its_machines_in_another_order(tmp_path: Path) -> None:
    data = tasks.load("ad", sounds(tmp_path, MIMII), clip_seconds=3, pitches=())
    meta = data.metadata({})
    windows = Windows.from_json(meta["micronets.frontend"], "m")
    assert windows == data.windows
    labels = ("fan_id_02", "fan_id_00")
    card = tasks.Card(labels, meta["micronets.frontend"], (32, 32, 1), "m.tflite")
    found = tasks.examples("ad", card, tmp_path)
    rows = np.flatnonzero(data.labels("test") < 2)
    assert np.array_equal(found.inputs, data.inputs("test", {}, rows))
    assert np.array_equal(found.labels, 1 - data.labels("test")[rows])
    outputs = np.random.default_rng(0).normal(size=(len(rows), 2))
    score = found.score(outputs)
    assert list(score.metrics) == ["auc", "pauc", "auc fan_id_02", "pauc fan_id_02", "auc fan_id_00", "pauc fan_id_00"]
    assert score.value == pytest.approx((score.metrics["auc fan_id_00"] + score.metrics["auc fan_id_02"]) / 2)
    assert score.samples == 13
    with pytest.raises(DataError, match="none of a machine that the model has learnt \\(valve_id_00"):
        tasks.examples("ad", tasks.Card(("valve_id_00", "fan_id_08"), card.frontend, (32, 32, 1), "m"), tmp_path)
    with pytest.raises(SpecError, match="its front end is not that of anomaly detection"):
        tasks.examples("ad", tasks.Card(labels, json.dumps({"kind": "logmel"}), (32, 32, 1), "m"), tmp_path)


PUMP = {"pump_id_00/normal/{:04}.wav": 12, "pump_id_00/anomaly/{:04}.wav": 3}


def test_one_machine_is_enough_where_the_network_tells_pitches_apart(tmp_path: Path) -> None:
    still = WindowAugmentation(jitter_frames=0, gain_db=0)
    data = tasks.load("ad", sounds(tmp_path, PUMP), clip_seconds=3, pitches=(0.9, 1.1), augmentation=still)
    assert data.classes == ("pump_id_00", "pump_id_00 x 0.9", "pump_id_00 x 1.1")
    windows = data.windows.count(data.clips["train"].shape[1])
    for s, pitches in (("train", 3), ("val", 3), ("test", 1)):
        n = len(data.clips[s]) * windows
        assert data.size(s) == pitches * n
        assert data.labels(s).tolist() == [k for k in range(pitches) for _ in range(n)]
    assert (data.made, data.made_to_choose) == (data.size("train") * 2 // 3, data.size("val") * 2 // 3)
    rows = np.arange(data.size("train"))
    x = data.inputs("train", {})
    assert np.array_equal(
        x[: len(x) // 3], replace(data, windows=replace(data.windows, pitches=())).inputs("train", {})
    )
    augmented = data.augmented(torch.from_numpy(rows), {}, torch.Generator().manual_seed(0))
    assert np.allclose(augmented.numpy(), x, atol=1e-5)
    outputs = np.zeros((data.size("test"), 3))
    outputs[np.repeat(~data.abnormal["test"], windows), 0] = 1  # only normal windows are taken for the machine itself
    assert data.evaluate(outputs, "test").value == 1


def test_a_tone_at_another_pitch_is_where_a_tone_of_that_frequency_is(tmp_path: Path) -> None:
    hertz = {"a_id_00/normal/{}.wav": 900.0, "a_id_02/normal/{}.wav": 1000.0, "a_id_04/normal/{}.wav": 1100.0}
    for pattern, f in hertz.items():
        for i in range(4):
            path = tmp_path / pattern.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_wav(tone(i, 48000, hertz=f)))
    data = tasks.load("ad", tmp_path, clip_seconds=3, pitches=(0.9, 1.1))
    x, label = data.inputs("train", {}).mean(1)[..., 0], data.labels("train")
    lower, itself, higher = (x[label == i].mean(0) for i in (1 + 3, 1, 1 + 6))
    for found, i in ((lower, 0), (itself, 1), (higher, 2)):
        others = [np.abs(found - x[label == k].mean(0)).mean() for k in range(3)]
        assert int(np.argmin(others)) == i


def test_a_model_of_pitches_is_judged_by_the_sound_as_it_is(tmp_path: Path) -> None:
    data = tasks.load("ad", sounds(tmp_path, MIMII), clip_seconds=3, pitches=(0.9,))
    frontend = data.metadata({})["micronets.frontend"]
    card = tasks.Card(data.classes, frontend, (32, 32, 1), "m.tflite")
    found = tasks.examples("ad", card, tmp_path)
    assert np.array_equal(found.labels, data.labels("test"))
    assert set(found.labels) == {0, 1, 2}
    assert np.array_equal(found.inputs, data.inputs("test", {}))
    with pytest.raises(SpecError, match="its 3 labels are not those of machines at 2 pitches"):
        tasks.examples("ad", tasks.Card(data.classes[:3], frontend, (32, 32, 1), "m"), tmp_path)
    with pytest.raises(DataError, match=r"has learnt \(valve_id_00\)"):
        tasks.examples("ad", tasks.Card(("valve_id_00", "valve_id_00 x 0.9"), frontend, (32, 32, 1), "m"), tmp_path)


@pytest.mark.parametrize(
    ("pitches", "text"),
    [
        ((1.001,), "data.pitches: 1.001; allowed: 0.5 to 0.995 and 1.005 to 2"),
        ((float("nan"),), "data.pitches: nan; allowed: 0.5 to 0.995 and 1.005 to 2"),
        ((3,), "data.pitches: 3; allowed: 0.5 to 0.995 and 1.005 to 2"),
        ((0.9, 0.9), "data.pitches: [0.9, 0.9]; allowed: at most 8 different factors"),
    ],
)
def test_pitches_that_cannot_be(pitches: tuple[float, ...], text: str) -> None:
    with pytest.raises(SpecError) as e:
        tasks.load("ad", None, pitches=pitches)
    assert str(e.value) == text


def test_a_model_and_the_sounds_of_other_machines_or_of_one_state(tmp_path: Path) -> None:
    data = tasks.load("ad", sounds(tmp_path / "fans", MIMII), clip_seconds=3, pitches=())
    card = tasks.Card(data.classes, data.metadata({})["micronets.frontend"], (32, 32, 1), "m.tflite")

    def message(folders: dict[str, int], split: str = "test") -> str:
        root = sounds(tmp_path / f"sounds{len(list(tmp_path.iterdir()))}", folders)
        with pytest.raises(DataError) as e:
            tasks.examples("ad", card, root, split=split)
        return str(e.value).removeprefix(f"{root}: ")

    def found(folders: dict[str, int], split: str) -> tasks.Examples:
        return tasks.examples("ad", card, sounds(tmp_path / f"x{len(list(tmp_path.iterdir()))}", folders), split=split)

    assert message({"valve_id_00/normal/{}.wav": 3, "valve_id_00/anomaly/{}.wav": 1}) == (
        "recordings of valve_id_00, none of a machine that the model has learnt (fan_id_00, fan_id_02, pump_id_00); "
        "give recordings of those, or train a model on these"
    )
    normal = {"fan_id_00/normal/{}.wav": 4, "valve_id_00/anomaly/{}.wav": 1}
    few = {"fan_id_00/normal/{}.wav": 2, "valve_id_00/anomaly/{}.wav": 1}
    assert message(few).startswith("split 'test' is empty: fan_id_00 have no recordings in it; ")
    everything = found(normal, "all")
    assert (len(everything.labels), everything.source.partition(": ")[2]) == (4 * 2, "1 machine, 4 clips of 3 s")
    assert everything.notes[0] == "machines that the model does not know left out: valve_id_00"
    assert everything.score(np.eye(3)[everything.labels]).metric == "accuracy"
    abnormal = {"fan_id_00/abnormal/{}.wav": 4}
    for split in ("test", "all"):
        assert message(abnormal, split).startswith("no machine has normal and abnormal recordings to test on, ")
    # A folder of test recordings alone, as DCASE has them, needs none to train on.
    tests = {"fan/test/normal_id_00_{:08}.wav": 2, "fan/test/anomaly_id_00_{:08}.wav": 2}
    assert found(tests, "test").score(np.zeros((8, 3))).samples == 4


def test_synthetic_machines() -> None:
    data = tasks.load("ad", synthetic_clips=56, clip_seconds=2.2)
    assert data.source.startswith("synthetic machine sounds (slider): 8 machines, 112 clips")
    assert data.synthetic
    assert [int(a.sum()) for a in data.abnormal.values()] == [0, 0, 24]
    again = tasks.load("ad", synthetic_clips=56, clip_seconds=2.2)
    assert all(np.array_equal(data.clips[s], again.clips[s]) for s in data.clips)
    level = [data.clips["test"][i].mean() for i in range(len(data.clips["test"]))]
    own, bad = data.machine["test"], data.abnormal["test"]
    assert auc(np.array(level), bad) < 0.7, "loudness must not give the faults away"
    assert set(own) == set(range(8))


@pytest.mark.parametrize("kind", synthetic.MACHINE_KINDS)
def test_every_fault_changes_the_sound_and_nothing_overflows(kind: str) -> None:
    m = synthetic.machine(kind, "id_02")
    for fault in (None, *synthetic.FAULTS[kind]):
        x = synthetic.clip(m, 1.0, fault, np.random.default_rng(5))
        assert x.shape == (16000,)
        assert np.abs(x).max() <= 32767
        assert 300 < np.sqrt((x**2).mean()) < 4000
    assert np.array_equal(
        synthetic.clip(m, 0.5, None, np.random.default_rng(5)), synthetic.clip(m, 0.5, None, np.random.default_rng(5))
    )


def test_the_slide_rail_sounds_as_it_did_when_the_zoos_model_learnt_from_it() -> None:
    heard = {
        None: [-1541, -102, -1519, 4227, 2741, 3398, -376],
        "bearing": [533, -122, 100, -45, 403, -202, -113],
        "scrape": [-214, 4304, 2899, 1289, -148, -1767, -2063],
        "belt": [230, 619, 913, 3197, 1106, -1060, -2464],
    }
    for fault, samples in heard.items():
        x = synthetic.clip(synthetic.machine("slider", "id_02"), 0.5, fault, np.random.default_rng(5))
        assert np.abs(x[1000:8000:1000] - samples).max() <= 1, fault


@pytest.mark.parametrize("kind", synthetic.MACHINE_KINDS)
def test_loudness_does_not_give_the_faults_away(kind: str) -> None:
    found = []
    for name in synthetic.IDS[:4]:
        m = synthetic.machine(kind, name)
        faults = [synthetic.FAULTS[kind][i // 2 % 3] if i % 2 else None for i in range(24)]
        clips = [synthetic.clip(m, 1.0, fault, np.random.default_rng([9, i])) for i, fault in enumerate(faults)]
        level = np.array([np.log(np.square(x).mean()) for x in clips])
        found.append(auc(level, np.array([f is not None for f in faults])))
    assert 0.3 < np.mean(found) < 0.7
