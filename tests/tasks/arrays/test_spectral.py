"""Recordings of a sensor with the spectral front end: from a file to inputs, in the model's metadata, and back."""

from pathlib import Path

import numpy as np
import pytest
import torch

from micronets.errors import DataError, SpecError
from micronets.frontend.spectral import Spectral, SpectralSettings
from micronets.pipeline.config import load as load_config
from micronets.tasks.arrays import movement
from micronets.tasks.arrays.task import ArraysOptions, examples, load, outline
from micronets.tasks.base import Card
from tests.support.pages import ROOT


def recordings(path: Path) -> Path:
    """Writes windows of slow and fast oscillations of random size and place, 60 of each, in units of a sensor."""
    rng = np.random.default_rng(0)
    t = np.arange(64)[None, :, None] + rng.uniform(0, 64, (120, 1, 3))
    y = np.repeat([0, 1], 60)
    speed = np.where(y == 0, 0.3, 1.1)[:, None, None]
    x = rng.uniform(0.5, 4, (120, 1, 1)) * np.sin(speed * t) + rng.normal(0, 5, (120, 1, 3))
    np.savez(path, x=x.astype(np.float32), y=y, classes=np.array(["slow", "fast"]))
    return path


SETTINGS = SpectralSettings(frame=32, hop=16, bands=6)


def test_windows_become_bands_and_moments(tmp_path: Path) -> None:
    data = load(recordings(tmp_path / "r.npz"), front_end="spectral", spectral=SETTINGS)
    assert data.input_shape({}) == (3, 10, 3)
    x = data.inputs("train", {})
    assert x.shape[1:] == (3, 10, 3)
    np.testing.assert_allclose(x.mean((0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(x.std((0, 1)), 1, atol=1e-3)
    np.testing.assert_array_equal(data.inputs("train", {}, np.array([3, 1])), x[[3, 1]])
    slow, fast = (x[data.labels("train") == c] for c in (0, 1))
    assert slow[:, :, 1].mean() > fast[:, :, 1].mean() + 1
    assert fast[:, :, 4].mean() > slow[:, :, 4].mean() + 1


def test_training_inputs_are_disturbed_after_the_front_end_and_before_it(tmp_path: Path) -> None:
    path, rows = recordings(tmp_path / "r.npz"), torch.arange(8)
    still = load(path, front_end="spectral", spectral=SETTINGS, noise=0)
    drawn = still.augmented(rows, {}, torch.Generator().manual_seed(0)).numpy()
    np.testing.assert_array_equal(drawn, still.inputs("train", {})[:8])
    noisy = load(path, front_end="spectral", spectral=SETTINGS, noise=0.5)
    off = noisy.augmented(rows, {}, torch.Generator().manual_seed(0)).numpy() - drawn
    assert 0.4 < off.std() < 0.6


def test_a_model_is_judged_by_the_front_end_that_it_carries(tmp_path: Path) -> None:
    path = recordings(tmp_path / "r.npz")
    data = load(path, front_end="spectral", spectral=SETTINGS)
    meta = data.metadata({})
    assert Spectral.from_json(meta["micronets.frontend"], "m") == data.preparation
    card = Card(data.classes, meta["micronets.frontend"], (3, 10, 3), "m.tflite")
    np.testing.assert_array_equal(examples(card, path).inputs, data.inputs("test", {}))
    with pytest.raises(SpecError, match=r"m\.tflite: its input is \(3, 9, 3\), its front end gives \(3, 10, 3\)"):
        examples(Card(data.classes, meta["micronets.frontend"], (3, 9, 3), "m.tflite"), path)
    other = tmp_path / "other.npz"
    np.savez(other, x=np.zeros((9, 60, 3), np.float32), y=np.repeat([0, 1, 2], 3))
    with pytest.raises(DataError, match=r"examples are \[60, 3\], the model's \[64, 3\]; give the same kind of data"):
        examples(card, other)


def test_arrays_that_are_no_windows_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((12, 5), np.float32), y=np.repeat([0, 1], 6))
    with pytest.raises(SpecError, match=r"a\.npz: spectral front end: examples are \[5\]; need windows"):
        load(tmp_path / "a.npz", front_end="spectral")
    with pytest.raises(SpecError, match="front_end = 'mfcc'"):
        load(tmp_path / "a.npz", front_end="mfcc")  # type: ignore[arg-type]


def test_the_outline_knows_the_input_before_the_data_are_read(tmp_path: Path) -> None:
    path = recordings(tmp_path / "r.npz")
    for options in (
        ArraysOptions(path=str(path), front_end="spectral", spectral=SETTINGS),
        ArraysOptions(synthetic="falls", synthetic_clips=16, front_end="spectral"),
    ):
        data = load(
            Path(options.path) if options.path else None,
            synthetic_clips=16,
            synthetic=options.synthetic,
            front_end="spectral",
            spectral=options.spectral,
        )
        assert dict(outline(options).space_options) == dict(data.space_options)


def test_the_recipe_for_falls_makes_spectra_of_movements() -> None:
    config = load_config(ROOT / "examples/imu.toml")
    assert isinstance(config.data, ArraysOptions)
    assert (config.data.synthetic, config.data.front_end) == ("falls", "spectral")
    assert dict(outline(config.data).space_options) == {"height": 7, "width": 12, "channels": 6}
    assert (config.budget.flash_bytes, config.budget.sram_bytes) == (20_000, 4_000)


def test_synthetic_falls_can_be_told_from_the_rest() -> None:
    rows = movement.movements(80)
    assert rows.x.shape == (80 + 20 + 40, *movement.WINDOW_SHAPE)
    assert rows.classes == ("fall", "rest", "sit", "walk")
    size = np.sqrt((rows.x[..., :3] ** 2).sum(-1))
    fall, rest = size[rows.y == 0], size[rows.y == 1]
    assert fall.max(1).min() > 1.4  # an impact, in g
    assert (fall.min(1) < 0.75).mean() > 0.8  # and a moment of free fall
    assert np.abs(rest - 1).max() < 0.3
    np.testing.assert_array_equal(rows.x, movement.movements(80).x)
