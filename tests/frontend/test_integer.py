"""The integer arithmetic of sound front ends against the one in floats, and against numbers computed by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.frontend import FrontEnd, features, fourier, integer, network_input
from micronets.frontend.features import to_clip_length
from tests.support.front_ends import CASES, codes, signals

LOUD = [0, 1, 2, 3]  # the signals whose bands lie above the rounding of 16 bits


@pytest.mark.parametrize("name", [name for name, (fe, _) in CASES.items() if fe.kind == "logmel"])
def test_pixels_are_those_of_floats_or_one_off(name: str) -> None:
    fe, _ = CASES[name]
    chosen = [signals()[i] for i in LOUD]
    got, want = features(chosen, fe), features([np.rint(s) for s in chosen], replace(fe, arithmetic="float"))
    difference = np.abs(got.astype(int) - want.astype(int))
    assert (difference <= 1).mean() > 0.998
    assert (difference == 0).mean() > 0.95


@pytest.mark.parametrize("name", CASES)
def test_codes_are_those_of_floats_or_one_off(name: str) -> None:
    fe, quant = CASES[name]
    chosen = [np.rint(signals()[i]) for i in LOUD]
    real = network_input(features(chosen, replace(fe, arithmetic="float")), fe)[..., 0]
    want = np.clip(np.rint(real / np.float32(quant.scale)) + quant.zero_point, -128, 127)
    clips = integer.integer_samples([to_clip_length(s.astype(np.float32), fe) for s in chosen])
    difference = np.abs(codes(clips, fe, quant) - want)
    assert (difference <= 1).mean() > 0.995


def test_a_bin_of_a_sine_has_the_power_that_is_computed_by_hand() -> None:
    # 1000 Hz is bin 64 of 1024 at 16 kHz. Behind Hann's window over all n samples, the bin has the power (A n / 4)^2.
    fe = FrontEnd(arithmetic="integer", window_ms=64, clip_ms=64, hop_ms=64)
    wave = np.rint(12000 * np.sin(2 * math.pi * 1000 * np.arange(1024) / 16000))
    power, up = integer._spectrum(wave.astype(np.int64)[None], fe, integer.sound_tables(fe))
    unit = (512 / 2**integer.WINDOW_BITS) ** 2 / 4.0 ** up[0]
    assert power[64, 0] * unit == pytest.approx((12000 * 1024 / 4) ** 2, rel=2e-4)
    assert power[40, 0] * unit < 1e-8 * power[64, 0] * unit


def test_roots_and_logarithms_are_near_the_real_ones() -> None:
    n = np.unique(np.random.default_rng(0).integers(1, 2**62, 5000) >> np.random.default_rng(1).integers(0, 62, 5000))
    n = n[n > 0]
    np.testing.assert_allclose(fourier.log2(n) / 2**15, np.log2(n.astype(float)), rtol=0, atol=1e-4)
    np.testing.assert_allclose(integer._root(n), np.floor(np.sqrt(n.astype(float))), rtol=5e-5)
    assert integer._root(np.array([0, 1, 4, 2**40, 2**62 - 1])).tolist() == [0, 1, 2, 2**20, 65535 * 2**15]


def test_silence_has_the_lowest_pixel_and_the_floor_of_the_logarithm() -> None:
    fe, _ = CASES["log-mel"]
    assert not features([np.zeros(16000)], fe).any()
    mfcc, _ = CASES["micronet-mfcc"]
    np.testing.assert_allclose(features([np.zeros(16000)], mfcc), math.log(1e-6), rtol=1e-5)


def test_a_transform_of_another_size_is_refused() -> None:
    with pytest.raises(SpecError) as e:
        FrontEnd(n_fft=500)
    assert str(e.value) == (
        "front end: n_fft = 500; integer arithmetic takes 64, 128, 256, 512, 1024, 2048, 4096; any other needs "
        "arithmetic = 'float', which has no C"
    )
    assert FrontEnd(n_fft=500, arithmetic="float").n_fft == 500


def test_frames_are_the_same_alone_and_in_threads() -> None:
    rng = np.random.default_rng(0)
    for fe, _ in CASES.values():
        rows = rng.integers(-32768, 32768, (integer._PARALLEL * integer._FRAMES + 7, fe.window_samples))
        rows[::5] //= 4096
        together = integer.frame_levels(rows, fe)
        some = [0, 5, integer._FRAMES, len(rows) - 1]
        assert all(np.array_equal(integer.frame_levels(rows[[i]], fe)[0], together[i]) for i in some)
