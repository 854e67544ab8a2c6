"""`Window` against hand-computed positions, and against a loop over every position."""

import itertools

import pytest

from micronets.ir.window import Window


def test_same_by_hand() -> None:
    window = Window((3, 4), stride=(2, 1), dilation=(1, 2), padding="same")
    assert window.reach == (3, 7)
    assert window.out((10, 5, 8)) == (5, 5)
    assert window.covered((10, 5, 8)) == (11, 11)
    assert window.before((10, 5, 8)) == (0, 3)
    assert window.after((10, 5, 8)) == (1, 3)


def test_a_window_smaller_than_its_stride_leaves_no_map() -> None:
    window = Window((1, 2), stride=(2, 3), padding="same")
    assert window.out((4, 6)) == (2, 2)
    assert window.covered((4, 6)) == (3, 5)
    assert window.before((4, 6)) == window.after((4, 6)) == (0, 0)


def test_valid_by_hand() -> None:
    window = Window((3, 2), stride=(2, 3), dilation=(2, 1))
    assert window.reach == (5, 2)
    assert window.out((10, 9)) == (3, 3)
    assert window.covered((10, 9)) == (9, 8)
    assert window.before((10, 9)) == window.after((10, 9)) == (0, 0)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_positions_fill_the_padded_map(padding: str) -> None:
    """The last position ends within the padded map, and one position more would not."""
    for size, kernel, stride, dilation in itertools.product(range(1, 12), range(1, 5), range(1, 4), range(1, 3)):
        window = Window((kernel, 1), (stride, 1), (dilation, 1), padding)
        reach, count = window.reach[0], window.out((size, 1))[0]
        if padding == "valid" and reach > size:
            assert count < 1
            continue
        padded = window.before((size, 1))[0] + size + window.after((size, 1))[0]
        assert (count - 1) * stride + reach <= padded < count * stride + reach
        if padding == "same":
            assert count == -(-size // stride)
            assert 0 <= window.after((size, 1))[0] - window.before((size, 1))[0] <= 1
