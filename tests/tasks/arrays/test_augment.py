"""Changes of training windows of a sensor: what each does to the numbers, and that nothing else changes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import micronets as mn
from micronets import tasks
from micronets.errors import SpecError
from micronets.tasks.arrays.augment import SensorAugmentation, rotations

RNG = np.random.default_rng(0)
WINDOWS = RNG.normal(3, 2, (50, 24, 6)).astype(np.float32)


def changed(x: np.ndarray = WINDOWS, **settings: Any) -> np.ndarray:
    before = x.copy()
    out = SensorAugmentation(**settings)(x, np.random.default_rng(1))
    assert np.array_equal(x, before)
    assert out.dtype == np.float32
    assert out.shape == x.shape
    return out


def test_rotations_are_those_of_the_formula() -> None:
    quarter, third = rotations(np.array([[0, 0, 1.0], [3**-0.5] * 3]), np.array([np.pi / 2, 2 * np.pi / 3]))
    assert quarter @ [1, 0, 0] == pytest.approx([0, 1, 0])
    assert third @ [1, 2, 3] == pytest.approx([3, 1, 2])  # a third of a turn about the diagonal exchanges the axes


def test_sensors_turn_together_and_by_no_more_than_is_said() -> None:
    out = changed(turn=20)
    for first in (0, 3):
        before, after = (x[:, :, first : first + 3] for x in (WINDOWS, out))
        assert np.linalg.norm(after, axis=2) == pytest.approx(np.linalg.norm(before, axis=2), rel=1e-4)
    cosines = (WINDOWS * out)[:, :, :3].sum(2) / (np.linalg.norm(WINDOWS[:, :, :3], axis=2) ** 2)
    angles = np.degrees(np.arccos(np.minimum(cosines, 1)))
    assert 17 < angles.max() <= 20.01
    between = [np.einsum("bti,bti->bt", x[:, :, :3], x[:, :, 3:]) for x in (WINDOWS, out)]
    assert between[1] == pytest.approx(between[0], rel=1e-3, abs=1e-3)


def test_a_spin_keeps_the_axis_that_is_upright_and_other_columns() -> None:
    out = changed(np.concatenate([WINDOWS, WINDOWS[:, :, :1]], 2), spin=180, upright="z", vectors=(3, 4, 5))
    assert np.array_equal(out[:, :, [0, 1, 2, 6]], WINDOWS[:, :, [0, 1, 2, 0]])
    assert out[:, :, 5] == pytest.approx(WINDOWS[:, :, 5], rel=1e-5)
    assert out[:, :, 3:5] != pytest.approx(WINDOWS[:, :, 3:5])
    assert np.linalg.norm(out[:, :, 3:5], axis=2) == pytest.approx(np.linalg.norm(WINDOWS[:, :, 3:5], axis=2), rel=1e-4)


def test_windows_get_stronger_as_a_whole() -> None:
    ratio = changed(gain=0.5) / WINDOWS
    assert np.ptp(ratio.reshape(50, -1), axis=1).max() < 1e-4
    assert 1 / 1.5 <= ratio.min() < 0.75
    assert 1.35 < ratio.max() <= 1.5001


def test_windows_move_and_play_at_other_speeds() -> None:
    ramp = np.tile(np.arange(41, dtype=np.float32)[None, :, None], (200, 1, 2))
    moved = changed(ramp, move=0.25)[:, 11:30, 0] - np.arange(11, 30)
    assert np.ptp(moved, axis=1).max() < 1e-4  # away from the edges, all samples by the same
    assert moved[:, 0].min() == pytest.approx(-10.25, abs=0.5)
    assert moved[:, 0].max() == pytest.approx(10.25, abs=0.5)
    played = changed(ramp, tempo=0.2)[:, :, 0]
    assert played[:, 20] == pytest.approx(20, abs=1e-4)  # about the middle
    speeds = np.diff(played[:, 5:36], axis=1)
    assert 1 / 1.2 - 0.02 < speeds.min() < 0.9
    assert 1.1 < speeds.max() < 1.22
    assert np.abs(np.diff(speeds, 2, axis=1)).max() < 1e-4  # which change steadily
    assert played.min() >= 0
    assert played.max() <= 40  # mirrored at the edges


def test_stretches_are_erased_by_their_chance() -> None:
    out = changed(erase=0.5, erase_share=0.25)
    lost = (out != WINDOWS).any(2)
    assert 15 <= lost.any(1).sum() <= 35
    assert lost.sum(1).max() == 6
    rows, samples = np.nonzero(lost)
    assert out[rows, samples] == pytest.approx(WINDOWS.mean(1)[rows], rel=1e-5)
    assert all(np.ptp(np.flatnonzero(row)) + 1 == row.sum() for row in lost if row.any())  # one stretch each


def test_one_sample_and_no_change() -> None:
    assert changed(WINDOWS[:, :1], tempo=0.5, move=1) == pytest.approx(WINDOWS[:, :1])
    assert np.array_equal(changed(upright="x", erase_share=1), WINDOWS)
    assert SensorAugmentation(erase_share=1, vectors=(0, 1, 2)).is_none
    assert not SensorAugmentation(gain=0.1).is_none


@pytest.mark.parametrize("front_end", ["standard", "spectral"])
def test_inputs_are_made_of_changed_windows_of_the_training_alone(front_end: str) -> None:
    def loaded(**settings: Any) -> tasks.TaskData:
        own = SensorAugmentation(**settings)
        return tasks.load("features", synthetic="falls", front_end=front_end, noise=0, augmentation=own)

    plain, data = loaded(), loaded(gain=1.0)
    rows = torch.arange(40)
    same, first, again = (d.augmented(rows, {}, torch.Generator().manual_seed(3)) for d in (plain, data, data))
    assert np.array_equal(same, plain.inputs("train", {}, rows.numpy()))
    assert torch.equal(first, again)
    assert not torch.allclose(same, first)
    assert np.array_equal(data.inputs("val", {}), plain.inputs("val", {}))


def test_bad_settings_in_one_line(tmp_path: Path) -> None:
    def message(shape: tuple[int, ...] = (8, 6), **settings: Any) -> str:
        with pytest.raises(SpecError) as e:
            mn.arrays(
                RNG.normal(size=(40, *shape)), np.arange(40) % 2, augment=mn.SensorAugmentation(**settings), source="d"
            )
        return str(e.value)

    assert message(turn=200) == "augmentation: turn = 200; allowed: 0 to 180"
    assert message(upright="up") == "augmentation: upright is 'up'; need 'x', 'y' or 'z'"
    assert message(vectors=(0, 1, 1)) == (
        "augmentation: vectors = [0, 1, 1]; need three different columns for each sensor that turns"
    )
    assert message((8, 7), spin=5) == (
        "d: augmentation: spin needs sensors of three axes each, and these examples have 7 columns; "
        "name those of such sensors, from 0 to 6, in vectors, or set spin to 0"
    )
    assert "these examples have 6 columns" in message(turn=5, vectors=(4, 5, 6))
    assert message((9,), gain=0.1) == (
        "d: augmentation: gain is for windows [samples, axes] of a sensor, and these examples are [9]; set it to 0"
    )
    np.savez(tmp_path / "d.npz", x=RNG.normal(size=(40, 9)), y=np.arange(40) % 2)
    with pytest.raises(SpecError, match=r"d.npz: augmentation: move is for windows \[samples, axes\]"):
        tasks.load("features", tmp_path / "d.npz", augmentation=SensorAugmentation(move=0.1))
