"""A user's mistake ends in one line that says what, where and the way out, with exit code 2, and leaves nothing."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from micronets.installation import install
from tests.support.calling import call
from tests.support.tones import QUICK, config, tones, write_wav

SECOND = 0.1 * np.random.default_rng(0).standard_normal(16000)

SMALL = """
task = "features"
board = "NUCLEO-F446RE"
out = "{out}"
data.path = "{data}"
budget.macs = 5000
space = {{ name = "dscnn" }}
search.epochs = 1
"""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tones(tmp_path_factory.mktemp("tones") / "words", clips=10)


@pytest.fixture
def spoilt(words: Path, tmp_path: Path) -> Path:
    """Makes a folder of good recordings, which the tests spoil."""
    return Path(shutil.copytree(words, tmp_path / "words"))


def refused(root: Path, data: Path | str, *more: str, text: str = QUICK) -> str:
    """Returns the error of a run that has to be refused without a trace."""
    result = call("run", config(root, data, text), *more)
    assert result.code == 2, result
    assert result.out == ""
    assert not (root / "run").exists(), sorted((root / "run").rglob("*"))
    return result.error


def test_a_missing_data_directory(tmp_path: Path) -> None:
    where = tmp_path / "nowhere"
    expected = f"data.path = '{where}': no such file or directory (paths start at {Path.cwd()})"
    assert refused(tmp_path, where) == expected


def test_an_empty_data_directory(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    expected = f"{tmp_path / 'words'}: no folders in it; give a directory with a folder of WAV files per class"
    assert refused(tmp_path, tmp_path / "words") == expected


def test_an_empty_class(spoilt: Path, tmp_path: Path) -> None:
    (spoilt / "silent").mkdir()
    expected = (
        f"{spoilt / 'silent'}: no .wav files for class 'silent' (the folder is empty); add recordings or "
        "remove the folder"
    )
    assert refused(tmp_path, spoilt) == expected


def test_a_corrupt_recording(spoilt: Path, tmp_path: Path) -> None:
    bad = spoilt / "low/clip003.wav"
    bad.write_bytes(b"ID3 not a wav at all")
    error = refused(tmp_path, spoilt)
    assert error == (
        f"{bad}: damaged MP3 file (Format not recognised); copy it again or convert it: ffmpeg -i clip003.wav -c:a "
        "pcm_s16le clip003_pcm.wav"
    )
    bad.write_bytes((spoilt / "low/clip004.wav").read_bytes()[:30])
    assert refused(tmp_path, spoilt).startswith(f"{bad}: damaged WAV file")


def test_a_recording_of_no_length(spoilt: Path, tmp_path: Path) -> None:
    bad = spoilt / "low/clip003.wav"
    write_wav(bad, SECOND[:0])
    assert refused(tmp_path, spoilt).startswith(f"{bad}: ")
    bad.write_bytes(b"")
    assert refused(tmp_path, spoilt) == f"{bad}: the file is empty (0 bytes); remove it or record it again"


def test_stereo_and_other_rates_are_converted_and_told(spoilt: Path, tmp_path: Path) -> None:
    write_wav(spoilt / "low/clip003.wav", np.stack([SECOND, SECOND], 1), channels=2)
    write_wav(spoilt / "low/clip004.wav", np.repeat(SECOND, 3)[:44100], rate=44100)
    result = call("run", config(tmp_path, spoilt, QUICK))
    assert result.code == 0, result.err
    notes = [line for line in result.err.splitlines() if line.startswith("data ")]
    assert any(
        f"more than one channel, mixed to mono: 1 recording (first: {spoilt / 'low/clip003.wav'})" in n for n in notes
    )
    assert any(
        f"resampled to 16000 Hz: 1 recording (first: {spoilt / 'low/clip004.wav'}, 44100 Hz)" in n for n in notes
    )


def test_two_classes_are_enough_and_one_is_not(words: Path, tmp_path: Path) -> None:
    two = tones(tmp_path / "two", clips=10, classes=2)
    assert call("run", config(tmp_path, two, QUICK)).code == 0
    shutil.rmtree(tmp_path / "run")
    one = tones(tmp_path / "one", clips=10, classes=1)
    expected = f"{one}: only one class, 'high'; a classifier needs at least two folders; to judge a finished model on "
    expected += "this one alone, evaluate it with --split all"
    assert refused(tmp_path, one) == expected


def test_a_class_with_no_clip_for_validation(spoilt: Path, tmp_path: Path) -> None:
    for path in sorted((spoilt / "low").iterdir())[1:]:
        path.unlink()
    expected = (
        f"{spoilt / 'low'}: class 'low' has 1 clip; at least 3 are needed (one each for train, val and test); record "
        "more, or cut long recordings into several files"
    )
    assert refused(tmp_path, spoilt) == expected


def test_an_unknown_key(words: Path, tmp_path: Path) -> None:
    error = refused(tmp_path, words, text=QUICK.replace("[train]\nepochs", "[train]\nepoch"))
    assert error.startswith(
        f"{tmp_path / 'tiny.toml'}: unknown key 'train.epoch'; did you mean 'epochs'? known: batch, "
    )
    error = refused(tmp_path, words, "--set", "budget.arena=64K")
    assert error.startswith(
        f"{tmp_path / 'tiny.toml'}: unknown key 'budget.arena'; did you mean 'arena_bytes'? known: "
    )


def test_an_unknown_board(words: Path, tmp_path: Path) -> None:
    error = refused(tmp_path, words, "--set", "board=nucleo-f445re")
    assert error.startswith(f"{tmp_path / 'tiny.toml'}: unknown board 'nucleo-f445re'; ")
    assert "NUCLEO-F446RE" in error
    assert call("inspect", "x.tflite", "--board", "arduino").code == 2


def test_a_limit_of_1_kb_is_refused_before_training_with_what_is_possible(words: Path, tmp_path: Path) -> None:
    result = call("run", config(tmp_path, words, QUICK), "--set", "budget.arena_bytes=1K")
    assert result.code == 2
    assert "search    step" not in result.err
    assert "data " not in result.err, "it is refused before data are read"
    assert result.error.startswith(
        "budget: no network of space 'dscnn' was found that fits: arena_bytes = 1,024, but the cheapest network "
        "found needs "
    )
    assert not (tmp_path / "run").exists()


def test_a_small_budget_for_small_examples_is_kept_and_an_impossible_one_refused_before_they_are_read(
    tmp_path: Path,
) -> None:
    """The space's own input, 32 x 32, is not that of examples of 6 x 1."""
    rng = np.random.default_rng(0)
    for name in ("rise", "fall"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(12):
            np.save(tmp_path / "data" / name / f"p{i}.npy", rng.standard_normal((6, 1), dtype=np.float32))
    text = SMALL.format(out=tmp_path / "run", data=tmp_path / "data")
    path = tmp_path / "small.toml"
    path.write_text(text)
    kept = call("search", path)
    assert kept.code == 0, kept.err
    for space in ("dscnn", "temporal", "resnet"):
        settings = ("--set", f"space.name={space}", "--set", "budget.macs=30")
        result = call("search", path, *settings, "--out", tmp_path / "none")
        assert result.code == 2
        assert "data " not in result.err, "it is refused before data are read"
        found = re.fullmatch(r".* macs = 30, but the cheapest network found needs ([\d,]+); .*", result.error)
        assert found is not None, result.error
        assert int(found[1].replace(",", "")) < 5000, "costs of the examples' own size"


def test_a_truncated_model(words: Path, tmp_path: Path, shared: Path) -> None:
    whole = (shared / "models/micronets/kws_micronet_m.tflite").read_bytes()
    path = tmp_path / "cut.tflite"
    for size in (0, 3, 20, 1000, len(whole) // 2, len(whole) - 1000):
        path.write_bytes(whole[:size])
        for words_ in (("inspect", path, "--board", "NUCLEO-F446RE"), ("evaluate", path, "--data", words)):
            result = call(*words_)
            assert result.code == 2, (size, result)
            assert result.error.startswith(f"{path}: "), (size, result)


def test_models_that_are_none(words: Path, tmp_path: Path) -> None:
    missing = call("evaluate", tmp_path / "no.tflite", "--data", words)
    expected = (
        f"{tmp_path / 'no.tflite'}: cannot read this model (No such file or directory); give the path of a .tflite file"
    )
    assert (missing.code, missing.error) == (2, expected)
    (tmp_path / "a.json").write_text('{"layers": 3}')
    assert call("inspect", tmp_path / "a.json", "--board", "NUCLEO-F446RE").error.startswith(
        f"{tmp_path / 'a.json'}: not an arch"
    )


def test_a_model_without_front_end(words: Path, shared: Path, tmp_path: Path) -> None:
    model = shared / "models/micronets/kws_micronet_m.tflite"
    assert call("evaluate", model, "--data", words).error.startswith(f"{model}: carries no task, so it is not known ")
    given = ("evaluate", model, "--data", words, "--task", "kws")
    error = call(*given).error
    assert error.startswith(f"{model}: carries no front end; name one with --front-end: logmel, micronet-mfcc, ")
    error = call(*given, "--front-end", "micronet").error
    assert error.startswith("front end 'micronet' is not known; did you mean 'micronet-mfcc'? ")
    (tmp_path / "bad.json").write_text("{")
    for name, text in (
        ("no.json", "cannot read this front end (No such file"),
        ("bad.json", "not a front end ("),
    ):
        assert f"{name}: {text}" in call(*given, "--front-end", tmp_path / name).error
    error = call(*given, "--front-end", "micronet-mfcc").error
    assert "class 'high' is not a label of the model (down, go, left, " in error


def test_slips_on_the_command_line(tmp_path: Path) -> None:
    known = (
        "app, boards, characterize, compile, data, evaluate, export, import, incremental, inspect, listen, measure, "
        "report, run, search, sweep, tasks, train, tune"
    )
    assert call("runn").error == f"no command 'runn'; did you mean 'run'? known: {known}"
    assert "cannot read this configuration (No such file or directory)" in call("run", tmp_path / "no.toml").error
    assert call("evaluate", "x.tflite", "--task", "kvs").error.startswith(
        "unknown task 'kvs'; did you mean 'kws'? known: "
    )
    assert call("evaluate", "x.tflite", "--runtime", "tfl").error.startswith(
        "--runtime tfl: did you mean 'tflm'? known: "
    )
    assert call("run").code == 2
    assert call("run").error == "Missing argument 'CONFIG'; see micronets run --help"
    assert call("measure", "m.tflite").error == "Missing option '--board'; see micronets measure --help"
    nothing = call()
    assert nothing.code in (0, 2)  # by click's version
    assert "Commands:" in nothing.out + nothing.err


def test_a_package_that_is_not_installed(words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("search_methods", "dnas"):
        monkeypatch.delitem(sys.modules, f"micronets.design.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert refused(tmp_path, words) == f"this needs the package 'torch': {install('design')}"


def test_a_directory_that_is_not_ours(words: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/me.jpg").write_bytes(b"x")
    result = call("run", config(tmp_path, words, QUICK), "--out", tmp_path / "photos")
    expected = (
        f"{tmp_path / 'photos'}: is not a run directory, and holds other files; name a new or empty one with --out"
    )
    assert (result.code, result.error) == (2, expected)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["me.jpg"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("compile", "m.tflite", "--board", "NUCLEO-F446RE", "--out", ""), "--out"),
        (("evaluate", "m.tflite", "--data", " "), "--data"),
        (("listen", "m.tflite", "--input="), "--input"),
        (("run", ""), "CONFIG"),
    ],
)
def test_an_empty_argument_is_not_the_current_directory(
    words: tuple[str, ...], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert result.code == 2
    assert result.error == (f"{name}: is empty (is a variable of your shell not set?); see micronets {words[0]} --help")
    assert not list(tmp_path.iterdir())


def test_a_setting_without_a_value_and_a_text_without_quotes_are_refused_with_the_way_out(tmp_path: Path) -> None:
    run = ("run", Path(__file__).parents[2] / "examples" / "own_features.toml", "--out", tmp_path / "run", "--set")
    assert call(*run, "data.path=").error == (
        "--set data.path=: has no value (is a variable of your shell not set?); an empty text is --set 'data.path=\"\"'"
    )
    for written in ("2024", "2024-11-30", "true"):
        assert call(*run, f"data.path={written}").error.endswith(
            f"own_features.toml: data.path = {written}; need text, in quotes: data.path='\"{written}\"'"
        )
