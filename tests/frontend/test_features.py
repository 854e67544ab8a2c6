"""The vectorised front end against one written plainly, loop by loop, from its description."""

import math
from dataclasses import replace

import numpy as np
import pytest

from micronets.frontend import PRESETS, FrontEnd, features, network_input
from tests.support.wavs import tone

CLIPS = [tone(0), tone(1, hertz=2500) * np.linspace(0, 1, 16000), np.zeros(16000)]


def plain(samples: np.ndarray, fe: FrontEnd) -> np.ndarray:
    """Computes the network's input `[T, K]` of a clip of one second in doubles, with plain loops but for sums."""
    x = np.asarray(samples, np.float64)
    if fe.sample_scale == "max":
        x = x / (x.max() or 1)
    if fe.sample_scale == "unit":
        x = x / 32768
    width, hop = int(16 * fe.window_ms), int(16 * fe.hop_ms)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / width) for i in range(width)]
    bins = range(fe.n_fft // 2 + 1)
    wave = np.exp(-2j * np.pi * np.outer(np.arange(width), bins) / fe.n_fft)

    def mel(f: float) -> float:
        return 1127 * math.log(1 + f / 700)

    low, high = mel(fe.fmin), mel(fe.fmax)
    edge = [low + (high - low) * i / (fe.n_mels + 1) for i in range(fe.n_mels + 2)]
    rows = []
    for start in range(0, 16000 - width + 1, hop):
        magnitude = abs((x[start : start + width] * window) @ wave)
        bands = []
        for b in range(fe.n_mels):
            energy = 0.0
            for k in bins:
                m = mel(k * 16000 / fe.n_fft)
                if k and edge[b] < m < edge[b + 2]:
                    up, down = (m - edge[b]) / (edge[b + 1] - edge[b]), (edge[b + 2] - m) / (edge[b + 2] - edge[b + 1])
                    energy += min(up, down) * magnitude[k] ** fe.power
            value = math.log(energy + fe.log_floor)
            if fe.kind == "logmel":
                value = min(255, max(0, round(fe.pixel_scale * value + fe.pixel_offset)))
            bands.append(value)
        rows.append(bands)
    out = []
    for bands in rows[:: fe.frame_stride]:
        row = list(bands)
        if fe.coefficients:
            row = []
            for k in range(fe.coefficients):
                c = math.sqrt(2 / fe.n_mels) * sum(
                    v * math.cos(math.pi * k * (2 * n + 1) / (2 * fe.n_mels)) for n, v in enumerate(bands)
                )
                row.append(c / math.sqrt(2) if k == 0 and fe.dct == "orthonormal" else c)
        mean = list(fe.input_mean) * (len(row) // len(fe.input_mean))
        scale = list(fe.input_scale) * (len(row) // len(fe.input_scale))
        out.append([(v - m) / s for v, m, s in zip(row, mean, scale, strict=True)])
    return np.array(out)


@pytest.mark.parametrize("name", ["micronet-mfcc", "mlperf-mfcc"])
def test_mfcc_equals_the_plain_one(name: str) -> None:
    fe = replace(PRESETS[name], hop_ms=180)
    got = network_input(features(CLIPS, fe), fe)
    assert got.shape == (3, *fe.input_shape)
    for i, clip in enumerate(CLIPS):
        np.testing.assert_allclose(got[i, :, :, 0], plain(clip, fe), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("settings", [{}, {"coefficients": 10}, {"frame_stride": 2, "coefficients": 40}])
def test_log_mel_equals_the_plain_one(settings: dict[str, int]) -> None:
    fe = replace(FrontEnd(arithmetic="float"), hop_ms=150).with_settings(settings)
    got = network_input(features(CLIPS, fe), fe)
    assert got.shape == (3, *fe.input_shape)
    for i, clip in enumerate(CLIPS):
        # Half a pixel may round to either side: one pixel is 1/64, and spreads over the coefficients.
        np.testing.assert_allclose(got[i, :, :, 0], plain(clip, fe), atol=0.3 if fe.coefficients else 1 / 64)
        assert np.abs(got[i, :, :, 0] - plain(clip, fe)).mean() < 2e-3


def test_shapes_and_pixels() -> None:
    x = features(CLIPS, FrontEnd())
    assert (x.shape, x.dtype) == ((3, 98, 40), np.uint8)
    assert x[2].max() == 0  # silence is the floor
    assert features([], FrontEnd()).shape == (0, 98, 40)
    assert PRESETS["micronet-mfcc"].input_shape == (49, 10, 1)
    assert PRESETS["mlperf-mfcc"].input_shape == (49, 10, 1)
    assert FrontEnd().with_settings({"frame_stride": 2, "coefficients": 10}).input_shape == (49, 10, 1)


def test_a_pixel_is_one_int8_step() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 256).repeat(98, 1)
    x = network_input(pixels, FrontEnd())[0, 0, :, 0]
    assert np.array_equal(np.rint(x * 64), np.arange(256) - 128)


def test_more_clips_than_a_chunk_are_the_same_one_by_one() -> None:
    clips = [tone(i) for i in range(70)]
    together = features(clips, FrontEnd())
    assert all(np.array_equal(together[i], features([clips[i]], FrontEnd())[0]) for i in (0, 63, 64, 69))


def frames_in_use(clip: np.ndarray, fe: FrontEnd) -> tuple[int, int]:
    used = np.flatnonzero(features([clip], fe)[0].any(1))
    return int(used[0]), int(used[-1])


def test_short_clips_stand_where_the_front_end_says() -> None:
    short = tone(0, 8000)
    first, last = frames_in_use(short, FrontEnd())
    assert first in range(22, 27)
    assert last in range(71, 76)
    assert frames_in_use(short, FrontEnd(placement="start"))[0] == 0
    # A clip that was padded with zeros to a second is as short as before.
    assert frames_in_use(np.pad(short, (0, 8000)), FrontEnd()) == (first, last)


def test_long_clips_lose_their_ends() -> None:
    long = np.concatenate([np.zeros(8000), tone(0), np.zeros(8000)])
    middle, start = features([long], FrontEnd())[0], features([long], FrontEnd(placement="start"))[0]
    assert np.array_equal(middle, features([tone(0)], FrontEnd())[0])
    assert not start[:40].any()
    assert start[60:].all()
