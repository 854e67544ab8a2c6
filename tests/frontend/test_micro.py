"""TFLM's own audio front end gives the values of pymicro-features, whatever the sound and the pieces it comes in."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.frontend.micro import BANDS, MOST_VALUE, Micro, MicroState, code_factors, codes, is_micro, micro_tables
from tests.support.micro import RECORDED, frames, signals, theirs, values


@pytest.mark.parametrize("name", signals())
def test_values_are_those_that_were_recorded(name: str) -> None:
    with np.load(RECORDED) as recorded:
        np.testing.assert_array_equal(values(signals()[name]), recorded[name])


def test_values_are_those_of_pymicro_features() -> None:
    pytest.importorskip("pymicro_features", reason="needs the package pymicro-features")
    rng = np.random.default_rng(1)
    sounds = list(signals().values())
    for _ in range(40):
        loud = 10 ** rng.uniform(0, 5)
        sounds.append(np.clip(np.rint(rng.normal(0, loud, 8000)), -32768, 32767).astype(np.int16))
        square = np.sign(np.sin(np.arange(8000) * rng.uniform(0.01, 3))) * loud
        sounds.append(np.clip(np.rint(square), -32768, 32767).astype(np.int16))
    for x in sounds:
        np.testing.assert_array_equal(values(x), theirs(x))


def test_values_of_real_words_are_those_of_pymicro_features(shared: Path) -> None:
    pytest.importorskip("pymicro_features", reason="needs the package pymicro-features")
    recordings = shared / "data/kws_speech_commands_v2_test_wav.zip"
    if not recordings.exists():
        pytest.skip("needs the recordings of ../shared")
    with zipfile.ZipFile(recordings) as archive:
        names = [name for name in archive.namelist() if name.endswith(".wav") and "_background" not in name]
        for name in names[::40]:
            x = np.frombuffer(archive.read(name)[44:], "<i2")
            np.testing.assert_array_equal(values(x), theirs(x), err_msg=name)


def test_any_pieces_of_a_stream_give_the_same_values() -> None:
    rows = frames(signals()["voice"])
    state = MicroState()
    pieces = [state.values(part) for part in np.split(rows, [1, 2, 9, 9, 30])]
    np.testing.assert_array_equal(np.concatenate(pieces), MicroState().values(rows))


def test_a_steady_noise_is_taken_away_and_a_new_sound_is_heard() -> None:
    """The noise estimate follows a sound that stays; what is louder than it stands out."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 300, 48_000)
    beep = np.where(np.arange(48_000) >= 40_000, 3000 * np.sin(np.arange(48_000) * 0.6), 0)
    found = values(np.rint(noise + beep).astype(np.int16))
    assert found[0].mean() > 1.5 * found[200:240].mean()
    band = found[255].argmax()
    assert found[255, band] > 300 + found[240, band]


def test_tables_are_those_of_the_algorithm() -> None:
    t = micro_tables()
    assert t.window.tolist()[:2] == [0, 0]
    assert t.window.max() == 4096
    assert (t.first_bin[0], t.first_bin[-1]) == (5, 241)  # 125 to 7500 Hz in steps of 31.25 Hz
    assert t.fall.min() >= 0
    assert t.fall.max() <= 4096
    assert len(t.fall) == 236
    assert t.gains[0].tolist() == [32636, 0, 0]  # 2^21 / 80^0.95
    assert t.logarithms[[0, 64, 128]].tolist() == [0, round((np.log2(1.5) - 0.5) * 65536), 0]


@pytest.mark.parametrize(("scale", "zero_point"), [(26 / 255, -128), (0.1035, -128), (0.05, 3)])
def test_a_code_is_the_value_in_units_of_the_input(scale: float, zero_point: int) -> None:
    x = np.arange(MOST_VALUE + 1)
    want = np.clip(np.floor(x / 25.6 / scale + zero_point + 0.5), -128, 127)
    real = x / 25.6 / scale + zero_point
    assert np.abs(codes(x, scale, zero_point) - np.clip(real, -128, 127)).max() <= 0.5 + 1e-3
    assert (codes(x, scale, zero_point) == want).mean() > 0.999


def test_codes_of_an_input_without_a_scale_are_those_of_micro_speech() -> None:
    x = np.arange(MOST_VALUE + 1)
    np.testing.assert_array_equal(codes(x, 1.0, 0), np.clip((x * 256 + 333) // 666 - 128, -128, 127))


def test_what_cannot_be_is_told_in_one_line() -> None:
    with pytest.raises(SpecError, match=r"^front end micro: step_ms = 15; allowed: 10, 20$"):
        Micro(step_ms=15)
    with pytest.raises(SpecError, match=r"^a: no field 'step'; did you mean 'step_ms'\? known: frames, step_ms$"):
        Micro.from_json('{"kind": "micro", "step": 10}', "a")
    with pytest.raises(SpecError, match=r"^a: its front end is not TFLM's own; its kind would be \"micro\"$"):
        Micro.from_json('{"kind": "logmel"}', "a")
    with pytest.raises(SpecError, match=r"^b: the scale of its input is 0.0001; the front end micro gives numbers"):
        code_factors(1e-4, 0, "b")
    for value in ('"x"', "1.5", "null", "[1]", "true", "{}"):
        for name in ("step_ms", "frames"):
            with pytest.raises(SpecError, match=f"^a: front end micro: {name} = .*; an integer is needed$"):
                Micro.from_json(f'{{"kind": "micro", "{name}": {value}}}', "a")
    one = Micro(step_ms=20, frames=49)
    assert Micro.from_json(one.to_json(), "a") == one
    assert is_micro(one.to_json())
    assert not is_micro("x")
    assert (one.input_shape, one.samples) == ((49, BANDS, 1), 15_840)
