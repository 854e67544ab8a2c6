"""Computes the address of each buffer in the arena.

Buffers are placed one after the other, each as low as those placed before it allow. So an order of the buffers gives a
placement, and a good order is searched for.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from micronets.cost.tflm_plan import align

PairDistances = Mapping[tuple[int, int], int]
"""A number of bytes for pairs of buffers, which are named by their places in a list."""

_Around = Sequence[Sequence[tuple[int, int, int, bool]]]
"""For each buffer, those that are alive at the same time: (which one, how far above its start this buffer must start,
how far below, whether this buffer may also start exactly where that one does).
"""


def search_placement(
    sizes: Sequence[int], births: Sequence[int], near: PairDistances, exact: PairDistances, bound: int, tries: int
) -> tuple[list[int], int]:
    """Returns the offsets of buffers, in bytes from the start of the arena, and where the last one ends.

    - sizes: bytes of each buffer.
    - births: the times at which they are first alive.
    - near: (lower, upper) -> how far above the lower's start the upper must start, for every pair alive at the
      same time.
    - exact: pairs that may also start at the same place.
    - bound: a lower bound of every placement's size; the search ends when it is reached.
    - tries: how many other orders are tried at most.

    Three orders are tried first, two by size and one by birth; then the best so far is changed at random. The random
    numbers have a fixed seed.
    """
    count = range(len(sizes))
    around: list[list[tuple[int, int, int, bool]]] = [[] for _ in count]
    for low, high in near:
        around[high].append((low, near[low, high], near[high, low], (low, high) in exact or (high, low) in exact))
    starts = [
        sorted(count, key=lambda i: -sizes[i]),
        sorted(count, key=lambda i: (-sizes[i], -i)),
        sorted(count, key=lambda i: -births[i]),
    ]
    placed = [_place(order, around) for order in starts]
    size, _, offsets, best = min((_end(o, sizes), i, o, starts[i]) for i, o in enumerate(placed))
    rng, rank, top = random.Random(0), _ranks(best), _top(offsets, sizes, size)
    for _ in range(tries):
        if align(size) <= align(bound) or len(sizes) < 2:
            break
        order, moved = list(best), []
        for _ in range(rng.choice((1, 1, 2, 3))):
            item = rng.choice(sorted(top, key=order.index)) if rng.random() < 0.5 else rng.choice(order)
            order.remove(item)
            order.insert(rng.randrange(len(order) + 1), item)
            moved.append(item)
        ranks = _ranks(order)
        other = _place_again(order, ranks, _reordered(moved, rank, ranks, around), around, offsets, sizes, size)
        if other is not None:
            offsets, size, best, rank = other, _end(other, sizes), order, ranks
            top = _top(offsets, sizes, size)
    return offsets, size


def _end(offsets: Sequence[int], sizes: Sequence[int]) -> int:
    """Returns where the last buffer ends."""
    return max(o + s for o, s in zip(offsets, sizes, strict=True))


def _top(offsets: Sequence[int], sizes: Sequence[int], size: int) -> list[int]:
    """Returns the buffers that end at `size`: one of them must move for the arena to become smaller."""
    return [i for i, o in enumerate(offsets) if o + sizes[i] == size]


def _ranks(order: Sequence[int]) -> list[int]:
    """Returns the place of each buffer in an order."""
    ranks = [0] * len(order)
    for rank, item in enumerate(order):
        ranks[item] = rank
    return ranks


def _place(order: Sequence[int], around: _Around) -> list[int]:
    """Returns every buffer's offset: the lowest that those placed before it allow."""
    offsets, ranks = [-1] * len(order), _ranks(order)
    for new in order:
        offsets[new] = _lowest(new, ranks, around, offsets)
    return offsets


def _lowest(new: int, ranks: Sequence[int], around: _Around, offsets: Sequence[int]) -> int:
    """Returns the lowest offset of buffer `new` that those before it in the order, whose `offsets` are known, allow."""
    # Between the two numbers of each pair, both excluded, the new buffer would be too near to one already placed.
    barred, own = [], ranks[new]
    for k, above, below, same in around[new]:
        if ranks[k] < own:
            at = offsets[k]
            barred += [(at - below, at), (at, at + above)] if same else [(at - below, at + above)]
    offset = 0
    barred.sort()
    for low, high in barred:
        if low < offset < high:
            offset = high
    return offset


def _reordered(moved: Sequence[int], before: Sequence[int], after: Sequence[int], around: _Around) -> set[int]:
    """Returns the buffers that moved in the order, and those that one of them passed."""
    found = set(moved)
    for m in moved:
        found.update(k for k, *_ in around[m] if (before[k] < before[m]) != (after[k] < after[m]))
    return found


def _place_again(
    order: Sequence[int],
    ranks: Sequence[int],
    changed: set[int],
    around: _Around,
    offsets: Sequence[int],
    sizes: Sequence[int],
    size: int,
) -> list[int] | None:
    """Returns what `_place` does for `order`, from the `offsets` of another order; None as soon as it exceeds `size`.

    Only buffers that stand behind one of those `changed`, and are alive with it, are placed again.
    """
    placed = list(offsets)
    for new in order:
        if new in changed:
            offset = _lowest(new, ranks, around, placed)
            if offset + sizes[new] > size:
                return None
            if offset != placed[new]:
                placed[new] = offset
                changed.update(k for k, *_ in around[new] if ranks[k] > ranks[new])
    return placed
