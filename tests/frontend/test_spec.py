import json
from dataclasses import replace

import pytest

from micronets.errors import SpecError
from micronets.frontend import PRESETS, FrontEnd, preset


@pytest.mark.parametrize("fe", [*PRESETS.values(), FrontEnd().with_settings({"frame_stride": 3, "coefficients": 12})])
def test_json_round_trip(fe: FrontEnd) -> None:
    assert FrontEnd.from_json(fe.to_json()) == fe


def test_the_short_form_in_features_npz() -> None:
    text = json.dumps({"kind": "logmel", "window_ms": 30, "hop_ms": 10, "fmin": 0, "fmax": 4000, "pixel_scale": 9.85})
    assert FrontEnd.from_json(text) == FrontEnd(arithmetic="float")


def test_new_front_ends_compute_in_integers_and_texts_of_earlier_versions_in_floats() -> None:
    assert FrontEnd().arithmetic == "integer"
    old = json.loads(FrontEnd().to_json())
    del old["arithmetic"]
    assert FrontEnd.from_json(json.dumps(old)) == FrontEnd(arithmetic="float")
    assert FrontEnd.from_json(FrontEnd().to_json()) == FrontEnd()
    assert [fe.arithmetic for fe in PRESETS.values()] == ["integer", "float", "float"]  # as released models expect


def test_settings_make_a_new_front_end() -> None:
    fe = FrontEnd().with_settings({"frame_stride": 2, "coefficients": 3})
    assert (fe.frame_stride, fe.coefficients) == (2, 3)
    assert (fe.input_mean, fe.input_scale) == ((550, 65, 0), (280, 75, 50))
    assert fe.base() == FrontEnd()
    assert fe.with_settings({}) == FrontEnd()
    assert preset("micronet-mfcc").with_settings({}) == preset("micronet-mfcc")


def error(**changes: object) -> str:
    with pytest.raises(SpecError) as e:
        replace(FrontEnd(), **changes)  # type: ignore[arg-type]
    return str(e.value)


def test_errors_say_what_is_allowed() -> None:
    assert error(kind="mel") == "front end: kind = 'mel'; allowed: logmel, mfcc"
    assert error(n_mels=40.5) == "front end: n_mels = 40.5; an integer is needed"
    assert error(hop_ms="10") == "front end: hop_ms = '10'; a number is needed"
    assert error(hop_ms=0) == "front end: hop_ms = 0; it must be above 0"
    assert error(coefficients=41) == "front end: coefficients = 41; allowed: 0 (the bands) to n_mels = 40"
    assert error(fmax=9000) == "front end: bands from 0 to 9000 Hz; need 0 <= fmin < fmax <= 8000 Hz"
    assert error(n_fft=256) == (
        "front end: a window of 480 samples every 160; need a hop of at least 1 and a window of 2 to n_fft = 256"
        " samples within the clip's 16000"
    )
    assert (
        error(input_mean=(1.0, 2.0))
        == "front end: input_mean has 2 numbers; need 1 or one for each of the 40 values of a frame"
    )
    assert error(input_scale=(0.0,)) == "front end: input_scale = 0.0; it must be above 0"
    assert error(input_scale=64.0) == "front end: input_scale = 64.0; a list of numbers is needed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "m.tflite: not JSON"),
        ("[]", "m.tflite: a JSON object is needed, not list; write one with FrontEnd.to_json"),
        ('{"nmels": 3}', "m.tflite: no field 'nmels'; did you mean 'n_mels'? known:"),
        ('{"power": 3}', "m.tflite: front end: power = 3; allowed: 1, 2"),
    ],
)
def test_bad_json_names_its_place(text: str, message: str) -> None:
    with pytest.raises(SpecError) as e:
        FrontEnd.from_json(text, "m.tflite")
    assert str(e.value).startswith(message)


def test_bad_settings() -> None:
    with pytest.raises(SpecError, match=r"no input setting 'stride'; did you mean 'frame_stride'\?"):
        FrontEnd().with_settings({"stride": 2})
    with pytest.raises(SpecError, match="frame_stride and coefficients can be set for kind 'logmel' only"):
        preset("micronet-mfcc").with_settings({"coefficients": 12})
    with pytest.raises(SpecError, match=r"front end 'micronet' is not known; did you mean 'micronet-mfcc'\?"):
        preset("micronet")
