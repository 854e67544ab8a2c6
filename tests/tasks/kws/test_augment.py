import math
from dataclasses import replace

import numpy as np
import pytest

from micronets.frontend import FrontEnd
from micronets.tasks.kws.task import KwsData, SpectrogramAugmentation

torch = pytest.importorskip("torch")

N, SCALE = 64, FrontEnd().pixel_scale


def data(
    augmentation: SpectrogramAugmentation, background: int = 20, classes: tuple[str, ...] = ("_silence_", "a", "b")
) -> KwsData:
    """Returns 64 clips: pixels of 50 with a ramp of 100..149 in frames 40..59; every third clip is silence."""
    x = np.full((N, 98, 40), 50, np.uint8)
    x[:, 40:60] = np.arange(100, 140, dtype=np.uint8)
    x[:, :, 0] = np.arange(N, dtype=np.uint8)[:, None]
    y = np.arange(N) % len(classes)
    noise = np.random.default_rng(0).integers(80, 100, (background, 98, 40)).astype(np.uint8)
    return KwsData(
        classes=classes,
        source="test",
        frontend=FrontEnd(),
        features={"train": x},
        target={"train": y.astype(np.int64)},
        background=noise,
        augmentation=augmentation,
    )


def batch(d: KwsData, settings: dict[str, int] | None = None, seed: int = 0) -> np.ndarray:
    g = torch.Generator().manual_seed(seed)
    return d.augmented(torch.arange(N), settings or {}, g).numpy()


def pixels(x: np.ndarray) -> np.ndarray:
    return x[..., 0] * 64 + 128


@pytest.mark.parametrize(
    "settings", [{}, {"frame_stride": 2}, {"frame_stride": 3, "coefficients": 12}, {"coefficients": 40}]
)
def test_without_disturbance_it_equals_the_inputs(settings: dict[str, int]) -> None:
    d = data(SpectrogramAugmentation.none(), classes=("a", "b", "c"))
    got = batch(d, settings)
    assert got.dtype == np.float32
    assert got.shape == (N, *d.input_shape(settings))
    np.testing.assert_allclose(got, d.inputs("train", settings), atol=5e-5)


def test_a_training_step_in_bfloat16_does_not_blur_the_inputs() -> None:
    d = data(SpectrogramAugmentation())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = batch(d, {"coefficients": 10})
    assert np.array_equal(inside, batch(d, {"coefficients": 10}))


def test_the_generator_decides_everything() -> None:
    d = data(SpectrogramAugmentation())
    before = d.features["train"].copy()
    a, b, c = batch(d, seed=1), batch(d, seed=1), batch(d, seed=2)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert np.array_equal(d.features["train"], before)


def test_all_is_finite_and_within_the_pixels() -> None:
    x = pixels(batch(data(SpectrogramAugmentation(gain_db=40, snr_db=(-20, 0)))))
    assert x.min() >= 0
    assert x.max() <= 255


def test_shift_moves_the_clip_both_ways_and_mirrors_its_edge() -> None:
    d = data(replace(SpectrogramAugmentation.none(), shift_frames=10), classes=("a", "b", "c"))
    x = pixels(batch(d))
    starts = (x[:, :, 1] > 90).argmax(1)
    assert set(starts) == set(range(30, 51)) & set(starts)
    assert len(set(starts)) > 10
    assert starts.min() < 36 < 44 < starts.max()
    assert (x[:, :20, 1] == 50).all()  # no gap at the edges
    assert (x[:, -20:, 1] == 50).all()


def test_padding_is_the_floor() -> None:
    d = data(replace(SpectrogramAugmentation.none(), shift_frames=10, pad_probability=1.0), classes=("a", "b", "c"))
    x = pixels(batch(d))
    starts = (x[:, :, 1] > 90).argmax(1)
    for row, start in zip(x, starts, strict=True):
        assert (row[: max(0, start - 40), 1:] == 0).all()
        assert (row[max(0, start - 40) : 98 + min(0, start - 40), 1:] >= 50).all()
        assert (row[98 + min(0, start - 40) :, 1:] == 0).all()


def test_gain_is_a_constant_in_pixels() -> None:
    d = data(replace(SpectrogramAugmentation.none(), gain_db=6.0), classes=("a", "b", "c"))
    shift = pixels(batch(d))[:, :, 1:] - pixels(d.inputs("train", {}))[:, :, 1:]
    assert np.ptp(shift, axis=(1, 2)).max() < 1e-3
    most = SCALE * math.log(10 ** (6 / 10))
    assert 0.8 * most < np.abs(shift[:, 0, 0]).max() <= most


def test_noise_is_added_in_the_power_domain_at_the_ratio_asked_for() -> None:
    quiet = replace(SpectrogramAugmentation.none(), noise_probability=1.0, snr_db=(10.0, 10.0))
    d = data(quiet, classes=("a", "b", "c"))
    clean, noisy = pixels(d.inputs("train", {})).astype(np.float64), pixels(batch(d)).astype(np.float64)
    assert (noisy >= clean - 1e-3).all()
    added = np.log(np.exp(noisy / SCALE) - np.exp(clean / SCALE)) * SCALE  # what was added, in pixels
    loudest = clean.mean(2).max(1)
    snr_db = (loudest - added[:, :, 1:].mean((1, 2))) / SCALE * 10 / math.log(10)
    np.testing.assert_allclose(snr_db, 10, atol=0.3)


def test_noise_has_its_probability() -> None:
    d = data(replace(SpectrogramAugmentation.none(), noise_probability=0.5, snr_db=(0.0, 0.0)), classes=("a", "b", "c"))
    touched = (batch(d) != d.inputs("train", {})).any((1, 2, 3))
    assert 16 < touched.sum() < 48


def test_background_that_is_too_soft_is_not_mixed_in() -> None:
    d = data(replace(SpectrogramAugmentation.none(), noise_probability=1.0), classes=("a", "b", "c"))
    d = replace(d, background=np.full((5, 98, 40), 10, np.uint8))
    np.testing.assert_allclose(batch(d), d.inputs("train", {}), atol=1e-6)


def test_made_sounds_that_last_are_mixed_in() -> None:
    """The last clip is made by a program: 90 in one band and 50 in all others, all the time."""
    settings = replace(SpectrogramAugmentation.none(), noise_probability=1.0, snr_db=(0.0, 0.0))
    d = replace(data(settings, classes=("a", "b", "c"), background=0), made=1)
    last = d.features["train"][-1]
    last[:, :], last[:, 20] = 50, 90
    clean, noisy = pixels(d.inputs("train", {})), pixels(batch(d))
    assert (noisy[:-1, :, 20] - clean[:-1, :, 20]).mean() > 30
    last[10, :] = 255  # now it is a click, which is louder than its mean by more than 12 dB
    d = replace(d)
    np.testing.assert_allclose(batch(d), d.inputs("train", {}), atol=5e-5)


def test_masks_hide_stretches_with_the_mean() -> None:
    settings = replace(SpectrogramAugmentation.none(), time_masks=1, time_mask_frames=10, band_masks=1, mask_bands=5)
    d = data(settings, classes=("a", "b", "c"))
    clean, x = pixels(d.inputs("train", {})), pixels(batch(d))
    changed = np.abs(x - clean) > 1e-3
    frames, bands = changed.all(2).sum(1), changed.all(1).sum(1)
    assert frames.max() == 10
    assert bands.max() == 5
    assert frames.min() == bands.min() == 0
    for row, mask, mean in zip(x, changed, clean.mean((1, 2)), strict=True):
        np.testing.assert_allclose(row[mask], mean, atol=1e-3)


def test_silence_is_drawn_from_the_background() -> None:
    d = data(SpectrogramAugmentation.none())
    silent = d.labels("train") == 0
    x = pixels(batch(d))[silent]
    rows = {r.tobytes() for r in d.background.reshape(-1, 40)}
    assert all(np.rint(f).astype(np.uint8).tobytes() in rows for f in x.reshape(-1, 40))
    assert len(np.unique(x.reshape(len(x), -1), axis=0)) == len(x)  # another each time, and turned
    np.testing.assert_allclose(pixels(batch(d))[~silent], pixels(d.inputs("train", {}))[~silent])
    louder = data(replace(SpectrogramAugmentation.none(), silence_gain_db=(10.0, 10.0)))
    np.testing.assert_allclose(pixels(batch(louder))[silent], x + SCALE * math.log(10), atol=1e-3)


def test_without_background_silence_is_as_recorded_and_nothing_is_mixed_in() -> None:
    d = data(replace(SpectrogramAugmentation.none(), noise_probability=1.0), background=0)
    np.testing.assert_allclose(batch(d), d.inputs("train", {}))
