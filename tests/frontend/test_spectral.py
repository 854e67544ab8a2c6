"""The spectral front end: its integers beside floats, values by hand, what it refuses, and its JSON."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.frontend.spectral import Spectral, SpectralSettings, code_tables, codes_of, values_of
from tests.support.spectral import CASES, front_end, windows


def in_floats(steps: np.ndarray, fe: Spectral) -> np.ndarray:
    """Computes the values `[N, frames, values, axes]` in floats, by numpy's own transform."""
    s = fe.settings
    frames = np.lib.stride_tricks.sliding_window_view(steps.astype(float), s.frame, axis=1)[:, :: s.hop]
    mean = frames.mean(-1)
    around = frames - mean[..., None]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(s.frame) / s.frame)
    power = np.abs(np.fft.rfft(around * hann, 2 * s.points)) ** 2
    edges = s.edges()
    bands = [power[..., a:b].sum(-1) / (s.points * (hann**2).sum()) for a, b in pairwise(edges)]
    least = s.floor**2

    def level(energy: np.ndarray) -> np.ndarray:
        return np.log2(np.maximum(energy, least))

    moments = {"mean": mean, "deviation": level(around.var(-1)), "minimum": frames.min(-1), "maximum": frames.max(-1)}
    return np.stack([*map(level, bands), *(moments[name] for name in s.wanted)], axis=2)


@pytest.mark.parametrize("name", CASES)
def test_values_are_near_those_of_floats(name: str) -> None:
    fe, quant = CASES[name]
    steps = windows(fe)
    want = in_floats(steps, fe)
    got = fe.real_values(steps * np.asarray(fe.units))
    # 15 bits of samples: what is far below the largest band of a frame is rounding.
    loudest = want[:, :, : fe.settings.bands].max(2, keepdims=True)
    bands = np.s_[:, :, : fe.settings.bands]
    near = want[bands] > loudest - 16
    assert np.abs(got[bands] - want[bands])[near].max() < 0.05
    moments = np.s_[:, :, fe.settings.bands :]
    if fe.settings.moments:
        np.testing.assert_allclose(got[moments], want[moments], atol=0.001)
    inputs = fe.inputs(steps * np.asarray(fe.units))
    codes = np.clip(np.rint(inputs / quant.scale) + quant.zero_point, -128, 127)
    off = np.abs(codes - codes_of(steps, fe, quant.scale, quant.zero_point))
    assert off.max() <= 1
    assert (off == 0).mean() > 0.98


def test_a_band_has_the_variance_of_its_oscillation() -> None:
    fe = front_end(SpectralSettings(frame=64, hop=64, bands=32, spacing="linear"), 64, 1)
    wave = np.rint(1000 + 4000 * np.sin(2 * np.pi * 8 * np.arange(64) / 64)).reshape(1, 64, 1)
    values = fe.real_values(wave)[0, 0, :, 0]
    bands, (mean, deviation, low, high) = values[:32], values[32:]
    assert (mean, low, high) == (1000, -3000, 5000)
    assert deviation == pytest.approx(np.log2(4000**2 / 2), abs=0.001)
    assert np.log2((2.0 ** bands[6:9]).sum()) == pytest.approx(deviation, abs=0.01)  # bins 7, 8 and 9
    assert bands.argmax() == 7
    assert (bands[20:] < 1).all()


def test_a_window_that_stands_still_has_the_least_levels_and_its_mean() -> None:
    fe, _ = CASES["usual"]
    values = values_of(np.full((1, *fe.shape), -32768), fe)
    assert (values[:, :, :8] == 0).all()  # log2 of a deviation of a step
    assert (values[:, :, 8] == -32768 * 32).all()
    assert (values[:, :, 9] == 0).all()
    assert (values[:, :, 10:] == -32768).all()


@pytest.mark.parametrize(("spacing", "bands", "edges"), [
    ("linear", 4, [1, 5, 9, 13, 17]),
    ("log", 4, [1, 2, 4, 8, 17]),
    ("log", 8, [1, 2, 3, 4, 5, 6, 8, 12, 17]),
    ("linear", 16, list(range(1, 18))),
    ("log", 16, list(range(1, 18))),
])  # fmt: skip
def test_bands_have_a_bin_each(spacing: str, bands: int, edges: list[int]) -> None:
    assert SpectralSettings(spacing=spacing, bands=bands).edges().tolist() == edges  # type: ignore[arg-type]


def test_units_are_those_of_the_data_or_of_the_user() -> None:
    x = np.stack([np.linspace(-1, 3, 64), np.linspace(-300, 70, 64)], 1)[None].astype(np.float32)
    settings = SpectralSettings(frame=16, hop=16)
    assert Spectral.of(x, settings).units == (2**-13, 2**-6)  # 3 and 300 in less than 32768 steps
    assert Spectral.of(np.rint(x), settings).units == (1.0, 1.0)
    own = Spectral.of(x, replace(settings, units=(0.004,)))
    assert own.units == (0.004, 0.004)
    assert own.steps(np.array([1.0, -200.0])).tolist() == [250, -32768]  # held to 16 bits


def test_a_front_end_is_its_json() -> None:
    for fe, _ in CASES.values():
        text = fe.to_json()
        assert json.loads(text)["kind"] == "spectral"
        assert Spectral.from_json(text, "x") == fe


def test_factors_use_their_16_bits() -> None:
    for fe, quant in CASES.values():
        tables = code_tables(fe, quant.scale, quant.zero_point)
        assert tables.factors.min() >= 2**14
        assert tables.factors.max() < 2**15


@pytest.mark.parametrize(("settings", "error"), [
    ({"n_fft": 48}, "n_fft = 48; need a power of 2 from 16 to 4096 that is at least frame = 32, or 0 for the least"),
    ({"n_fft": 16}, "n_fft = 16; need a power of 2 from 16 to 4096 that is at least frame = 32, or 0 for the least"),
    ({"bands": 17}, "bands = 17; a transform of 32 has 16 at most; give fewer bands or a larger n_fft"),
    ({"frame": 1}, "frame = 1; allowed: 2 to 4,096"),
    ({"moments": ("median",)}, "moments holds 'median'; did you mean"),
    ({"units": (0.0,)}, "units = 0; allowed: 1e-30 to"),
    ({"spacing": "mel"}, "spacing = 'mel'; "),
])  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], error: str) -> None:
    with pytest.raises(SpecError) as refused:
        SpectralSettings(**settings)  # type: ignore[arg-type]
    assert f"spectral front end: {error}" in str(refused.value)


def test_examples_of_another_form_are_refused() -> None:
    with pytest.raises(SpecError, match=r"examples are \[20\]; need windows \[samples, axes\], or front_end = "):
        Spectral.of(np.zeros((4, 20), np.float32), SpectralSettings())
    with pytest.raises(SpecError, match="frame = 32; a window has 20 samples; give fewer"):
        Spectral.of(np.zeros((4, 20, 3), np.float32), SpectralSettings())
    with pytest.raises(SpecError, match="2 units for 3 axes; give one, or one for each"):
        Spectral.of(np.zeros((4, 64, 3), np.float32), SpectralSettings(units=(1.0, 2.0)))


@pytest.mark.parametrize("change", [
    {"kind": "standard"}, {"axes": 5}, {"samples": 3}, {"mean": "no"}, {"settings": {"frame": 32, "speed": 3}},
    {"settings": 7}, {"scale": [0.0] * 72}, {"units": [1.0]},
])  # fmt: skip
def test_json_of_another_form_is_refused(change: dict[str, object]) -> None:
    raw = json.loads(CASES["usual"][0].to_json())
    with pytest.raises(SpecError, match=r"a\.tflite"):
        Spectral.from_json(json.dumps(raw | change), "a.tflite")
