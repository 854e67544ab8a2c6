"""What a step that mixes its examples in pairs makes of inputs and labels."""

import numpy as np
import pytest
import torch

from micronets.design.mixing import Mixing, draw_mixing

CPU = torch.device("cpu")


def drawn(shape: tuple[int, int, int], mixup: float, cutmix: float, steps: int = 300) -> list[Mixing]:
    return [draw_mixing(8, shape, mixup, cutmix, np.random.default_rng(i), CPU) for i in range(steps)]


def test_a_picture_gets_a_rectangle_of_its_partner_and_as_much_of_its_label() -> None:
    x = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 20, 20, 3)
    shares = []
    for mixing in drawn((20, 20, 3), 0, 1):
        mixed = mixing.mixed(x)
        foreign = (mixed != x).any(3)[mixing.partner != torch.arange(8)]
        assert (mixed == torch.where((mixed != x), x[mixing.partner], x)).all()
        assert foreign.float().mean((1, 2)).numpy() == pytest.approx(1 - mixing.share)
        rows, columns = foreign[0].any(1).sum(), foreign[0].any(0).sum()
        assert foreign[0].sum() == rows * columns
        assert abs(rows - columns) <= 1
        shares.append(mixing.share)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.06)
    assert min(shares) < 0.05
    assert max(shares) > 0.95


def test_windows_and_spectrograms_get_a_stretch_of_time() -> None:
    x = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 40, 6, 1)
    for mixing in drawn((40, 6, 1), 0, 1, 50):
        foreign = (mixing.mixed(x) != x)[mixing.partner != torch.arange(8)][0, :, :, 0]
        assert torch.equal(foreign.any(1), foreign.all(1))
        assert int(foreign[:, 0].sum()) == round(40 * (1 - mixing.share))


def test_another_model_sees_the_same_place_at_its_own_size() -> None:
    mixing = Mixing(torch.tensor([1, 0]), 0.75, (0.5, 1.0, 0.0, 0.5))
    x = torch.arange(2.0).view(2, 1, 1, 1)
    for side in (4, 10):
        mixed = mixing.mixed(x.expand(2, side, side, 1))[0, :, :, 0]
        assert mixed[side // 2 :, : side // 2].min() == 1
        assert mixed.mean() == 0.25


def test_how_many_steps_cut_blend_or_do_neither() -> None:
    found = drawn((9, 9, 1), 0.5, 0.25)
    assert sum(m.piece is not None for m in found) == pytest.approx(75, abs=25)
    assert all(0 <= m.share <= 1 for m in found)
    assert sum(m.share == 1 for m in drawn((9, 9, 1), 0, 0.25)) == pytest.approx(225, abs=25)
    blended = Mixing(torch.tensor([1, 0]), 0.75).mixed(torch.tensor([0.0, 4.0]).view(2, 1, 1, 1))
    assert blended.flatten().tolist() == [1, 3]
