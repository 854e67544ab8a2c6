"""The search for a placement: the same as one that places every buffer anew for every order, only quicker."""

import random
from itertools import permutations

import pytest

from micronets.compiler.memory.placement import PairDistances, search_placement
from micronets.cost.tflm_plan import align


def plain(
    sizes: list[int], births: list[int], near: PairDistances, exact: PairDistances, bound: int, tries: int
) -> tuple[list[int], int]:
    """Searches as the package does, but places every order of buffers from its beginning."""

    def place(order: list[int]) -> tuple[list[int], int]:
        offsets = [-1] * len(sizes)
        for new in order:
            barred = []
            for k, at in enumerate(offsets):
                if at >= 0 and (new, k) in near:
                    ends = (at - near[new, k], at + near[k, new])
                    barred += [(ends[0], at), (at, ends[1])] if {(new, k), (k, new)} & set(exact) else [ends]
            offsets[new] = 0
            for low, high in sorted(barred):
                if low < offsets[new] < high:
                    offsets[new] = high
        return offsets, max(o + s for o, s in zip(offsets, sizes, strict=True))

    rng, count = random.Random(0), range(len(sizes))
    keys = (lambda i: -sizes[i], lambda i: (-sizes[i], -i), lambda i: -births[i])
    found = [(*place(order), order) for order in (sorted(count, key=key) for key in keys)]
    offsets, size, best = min(found, key=lambda f: f[1])
    for _ in range(tries):
        if align(size) <= align(bound) or len(sizes) < 2:
            break
        order = list(best)
        for _ in range(rng.choice((1, 1, 2, 3))):
            high = [i for i in order if offsets[i] + sizes[i] == size]
            item = rng.choice(high) if rng.random() < 0.5 else rng.choice(order)
            order.remove(item)
            order.insert(rng.randrange(len(order) + 1), item)
        other, total = place(order)
        if total <= size:
            offsets, size, best = other, total, order
    return offsets, size


@pytest.mark.parametrize("seed", range(40))
def test_same_as_placing_every_order_anew(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randrange(1, 25)
    sizes = [rng.randrange(1, 40) * rng.choice((4, 16, 100)) for _ in range(count)]
    births = [rng.randrange(12) for _ in range(count)]
    deaths = [b + rng.randrange(5) for b in births]
    near, exact = {}, {}
    for i, k in permutations(range(count), 2):
        if births[i] <= deaths[k] and births[k] <= deaths[i]:
            near[i, k] = align(sizes[i], 4)
            if deaths[k] == births[i] and rng.random() < 0.3:
                near[i, k] = rng.randrange(0, sizes[i] // 4 + 1) * 4
            elif deaths[k] == births[i] and rng.random() < 0.3:
                exact[i, k] = 0
    assert search_placement(sizes, births, near, exact, 0, 60) == plain(sizes, births, near, exact, 0, 60)
