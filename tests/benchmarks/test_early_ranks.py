"""The rank correlation and the race of `benchmarks.early_ranks`."""

from __future__ import annotations

import pytest

from benchmarks.early_ranks import Trained, kendall, race


def test_the_rank_correlation_counts_pairs_in_order() -> None:
    assert kendall([1, 2, 3, 4], [10, 20, 30, 40]) == 1
    assert kendall([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    assert kendall([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)


def test_a_race_keeps_the_better_half_and_counts_every_step() -> None:
    def network(*late: float) -> Trained:
        """Returns a network with these losses at the pauses of a race; those at the earlier pauses do not count."""
        return Trained([-sum(late), -sum(late), *late], validation=0.5, test=0.5, steps=100)

    best, slow = network(1, 2, 1), network(2, 1, 2)
    others = [network(3, 3, 0), network(4, 0, 0), network(5, 0, 0), network(6, 0, 0)]
    winner, cost = race([*others, slow, best])
    assert winner is best, "a network that was dropped at the first pause cannot win by a later loss"
    assert cost == pytest.approx(6 * 0.16 + 3 * 0.09 + 2 * 0.25 + 0.5)
