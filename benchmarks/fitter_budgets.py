"""Random budgets against the fitter, and every network of a small space as the judge of what it answers.

A case is a space, a board, a runtime, a budget of some of its limits, and what a search might have chosen: values and
probabilities, at random. The fitter either refuses or settles on a network. In a small space (at most 200 networks) all
are costed, so that it is known which budgets can be met and under which shapes. In a whole one the budget is what some
network costs, or a little more, so that refusing is wrong.

    crash           anything but a refusal was raised
    false refusal   some network meets the budget, and the fitter refused or forbade the shapes of all that do
    miss            the network that it settled on is over a limit, or it settled though nothing fits

    python -m benchmarks.fitter_budgets [--budgets 2000] [--whole 0.05] [--seed 0] [--search-only] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import product

from micronets.boards.board import (
    TIME_LIMITS,
    Board,
    Budget,
    board_budget,
    board_names,
    estimated_limits,
    load_board,
)
from micronets.cost import latency_model
from micronets.cost.costs import RuntimeCosts, budget_costs, tflm_costs
from micronets.design import budget_fitter
from micronets.design.budget_fitter import BudgetFitter
from micronets.errors import BudgetError
from micronets.ir import spaces
from micronets.ir.space import SearchSpace, derive
from micronets.runtimes.c import c_costs

SMALL = 200  # networks of a small space
A_TABLE = 20  # budgets judged by one table of costs
SECONDS = 10.0  # that a case may take
LIMITS = tuple(f.name for f in fields(Budget))
WHOLE = tuple((name, kind) for name, space in spaces.SPACES.items() for kind in space.kinds)
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "kws": {"frames": 49, "bands": 20, "coefficients": (10, 8)},
    "images": {"resolutions": (48, 32, 24), "colours": (3, 1)},
    "ic": {"resolutions": (32, 24), "colours": (3, 1)},
    "features": {"height": 24, "width": 6},
    "ad": {},
}
"""Inputs of the small spaces, smaller than the spaces' own."""


@dataclass(frozen=True)
class Outcome:
    """What became of one budget.

    case: space, kind of input, board, runtime and budget, to repeat it by. possible: whether some network meets it;
    None where that is not known. refused: whether the fitter said that nothing fits. fault: "crash", "false refusal",
    "miss" or nothing; what: of a fault. seconds, cpu_seconds: for the check of shapes, the repair and the filling up.
    """

    case: str
    possible: bool | None
    refused: bool
    fault: str
    what: str
    seconds: float
    cpu_seconds: float


def runtime(name: str, board: Board) -> RuntimeCosts:
    """Returns the costs of a runtime on a board, by the latency model that comes with micronets, if any."""
    model = latency_model.shipped_model(board.name, name)
    return tflm_costs(model) if name == "tflm" else c_costs(model)


def known_limits(name: str, board: Board) -> tuple[str, ...]:
    """Returns the limits that the runtime can estimate on a board.

    No time is known of a core without a cycle model, and of our C only where times were measured.
    """
    timed = name == "tflm" or latency_model.shipped_model(board.name, name) is not None
    return tuple(n for n in estimated_limits(board) if timed or n not in TIME_LIMITS)


def small_space(name: str, kind: str, rng: random.Random) -> SearchSpace:
    """Returns a part of the space: a few options of a few choices, drawn at random, at most `SMALL` networks."""
    space = spaces.make(name, kind, rng.choice((2, 4, 10)), **OPTIONS[kind])
    left, kept = SMALL, {c.name: (rng.choice(c.options),) for c in space.choices}
    # Choices that seldom matter come first as often as widths, of which there are most.
    kinds = ("dilation", "kernel", "keep", "shape", "width", "width")
    while True:
        of_kind = rng.choice(kinds)
        open_ = [c for c in space.choices if c.kind == of_kind and len(kept[c.name]) == 1 < len(c.options)]
        if not open_ and all(len(kept[c.name]) > 1 or len(c.options) == 1 for c in space.choices):
            break
        if not open_:
            continue
        choice = rng.choice(open_)
        count = min(len(choice.options), rng.choice((2, 2, 3)))
        if left // count < 1:
            break
        drawn = set(rng.sample(choice.options, count))
        kept[choice.name], left = tuple(o for o in choice.options if o in drawn), left // count
    return replace(space, choices=tuple(replace(c, options=kept[c.name]) for c in space.choices))


def every_network(space: SearchSpace) -> Iterator[dict[str, int]]:
    """Yields all values of a space."""
    for options in product(*(c.options for c in space.choices)):
        yield {c.name: o for c, o in zip(space.choices, options, strict=True)}


def random_probabilities(space: SearchSpace, rng: random.Random) -> dict[str, list[float]]:
    """Returns a probability of every option, as a search may end: some choices undecided, some decided."""
    found = {}
    for c in space.choices:
        sharp = rng.choice((0.0, 1.0, 10.0))
        weights = [math.exp(sharp * rng.random()) for _ in c.options]
        found[c.name] = [w / sum(weights) for w in weights]
    return found


def random_budget(costs: Mapping[str, float], least: Mapping[str, float], rng: random.Random, tight: bool) -> Budget:
    """Returns limits near what a network costs, or (not `tight`) also near the least that any does, above or below.

    costs: of the network; least: of all networks, by limit; both hold the limits to draw from.
    """
    limits = {}
    for name in rng.sample(sorted(costs), rng.choice((1, 1, 2, 3, len(costs)))):
        base = costs[name] if tight or rng.random() < 0.5 else least[name]
        limit = base * (rng.choice((1.0, 1.0, 1.001, 1.05)) if tight else rng.choice((0.9, 0.999, 1.0, 1.0, 1.02, 1.3)))
        limits[name] = (
            limit if name in ("latency_ms", "energy_mj") else max(1, math.ceil(limit) if tight else int(limit))
        )
    return Budget(**limits)  # type: ignore[arg-type]


def tabled(
    by_values: Mapping[tuple[int, ...], Mapping[str, float]], space: SearchSpace, values: Mapping[str, int]
) -> Mapping[str, float]:
    """Returns the costs of `values` from a table of all networks, whose keys are values in the space's order."""
    return by_values[tuple(values[c.name] for c in space.choices)]


def judged(
    case: str,
    make: Callable[[], BudgetFitter],
    likely: Mapping[str, int],
    probabilities: Mapping[str, list[float]],
    possible: list[dict[str, int]] | None,
) -> Outcome:
    """Returns what becomes of one case. possible: the networks that keep the budget; None if one is known to."""
    fault, what, refused = "", "", False
    began, cpu = time.monotonic(), time.process_time()
    fitter = make()
    try:
        shapes = fitter.feasible_shapes()
        values = fitter.fill(fitter.repair(likely, probabilities), probabilities)
    except BudgetError as e:
        refused = True
        if possible is None or possible:
            fault, what = "false refusal", str(e)
    except Exception as e:  # what this program looks for
        fault, what = "crash", repr(e)
    else:
        costs = fitter.costs(values)
        over = [f"{n} {costs[n]} of {limit}" for n, limit in fitter.limits.items() if costs[n] > limit]
        allowed = {tuple(s.values()) for s in shapes}
        right = {tuple(v[n] for n in shapes[0]) for v in possible} if possible is not None else allowed
        if over:
            fault, what = "miss", ", ".join(over)
        elif allowed != right:
            fault, what = "false refusal", f"shapes {sorted(right ^ allowed)}"
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu
    return Outcome(case, bool(possible) if possible is not None else True, refused, fault, what, seconds, cpu_seconds)


def small_cases(count: int, seed: int) -> Iterator[Outcome]:
    """Yields `count` budgets for small spaces, in turn of all spaces and inputs, boards and runtimes."""
    boards = [load_board(n) for n in board_names()]
    for table in range(-(-count // A_TABLE)):
        rng = random.Random(f"{seed} small {table}")
        (name, kind), board = WHOLE[table % len(WHOLE)], boards[table % len(boards)]
        way = ("tflm", "c")[table // len(WHOLE) % 2]
        space, names = small_space(name, kind, rng), known_limits(way, board)
        how = runtime(way, board)
        networks = [(v, budget_costs(derive(space, v), board, names, runtime=how)) for v in every_network(space)]
        by_key = {tuple(v.values()): costs for v, costs in networks}
        least = {n: min(costs[n] for _, costs in networks) for n in names}
        for _ in range(min(A_TABLE, count - table * A_TABLE)):
            budget = board_budget(random_budget(rng.choice(networks)[1], least, rng, tight=False), board)
            limits = budget.limits()
            possible = [v for v, costs in networks if all(costs[n] <= limit for n, limit in limits.items())]
            measured = partial(tabled, by_key, space)
            yield judged(
                f"small {name} {kind}, {board.name}, {way}, table {table}: {limits}",
                partial(BudgetFitter, space, budget, board, measured, how),
                space.sample(rng),
                random_probabilities(space, rng),
                possible,
            )


def whole_cases(count: int, seed: int) -> Iterator[Outcome]:
    """Yields `count` budgets for the spaces as they are, each kept by a network near the smallest, or by any."""
    boards = [load_board(n) for n in board_names()]
    for i in range(count):
        rng = random.Random(f"{seed} whole {i}")
        name, kind = WHOLE[i % len(WHOLE)]
        way, board = ("tflm", "c")[i // len(WHOLE) % 2], boards[i % len(boards)]
        space, names, how = spaces.make(name, kind, 10), known_limits(way, board), runtime(way, board)
        witness = space.sample(rng)
        if rng.random() < 0.7:
            share = rng.choice((0.05, 0.3))
            witness = {k: witness[k] if rng.random() < share else v for k, v in space.smallest().items()}
        costs = budget_costs(derive(space, witness), board, names, runtime=how)
        if costs["sram_bytes"] > board.sram_bytes or costs["flash_bytes"] > board.flash_bytes:
            witness = space.smallest()
            costs = budget_costs(derive(space, witness), board, names, runtime=how)
        budget = board_budget(random_budget(costs, costs, rng, tight=True), board)
        if costs["sram_bytes"] > board.sram_bytes or costs["flash_bytes"] > board.flash_bytes:
            continue
        yield judged(
            f"whole {name} {kind}, {board.name}, {way}, number {i}: {budget.limits()}",
            partial(BudgetFitter, space, budget, board, runtime=how),
            space.sample(rng),
            random_probabilities(space, rng),
            None,
        )


def main() -> int:
    """Runs the cases; 1 if any has a fault or takes longer than `SECONDS` of processor time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budgets", type=int, default=2000)
    parser.add_argument("--whole", type=float, default=0.05, help="share of the budgets that are for whole spaces")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--search-only", action="store_true", help="small spaces are searched like large ones, not costed whole"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.search_only:
        budget_fitter.MOST_COSTED = 0
    whole = round(args.budgets * args.whole)
    outcomes = []
    for kind, cases in (
        ("small", small_cases(args.budgets - whole, args.seed)),
        ("whole", whole_cases(whole, args.seed)),
    ):
        part = []
        for outcome in cases:
            part.append(outcome)
            if outcome.fault and not args.json:
                print(f"{outcome.fault}: {outcome.case}: {outcome.what}", flush=True)
        outcomes += part
        if not args.json and part:
            slowest = max(part, key=lambda o: o.cpu_seconds)
            print(
                f"{kind} spaces: {len(part):,} budgets, {sum(o.possible is True for o in part):,} can be met; "
                f"{sum(o.refused for o in part):,} refused; crashes {_count(part, 'crash')}, false refusals "
                f"{_count(part, 'false refusal')}, misses {_count(part, 'miss')}; slowest {slowest.cpu_seconds:.1f} s "
                f"of processor time, {slowest.seconds:.1f} s in all: {slowest.case.split(':')[0]}",
                flush=True,
            )
    if args.json:
        print(json.dumps([asdict(o) for o in outcomes]))
    return int(any(o.fault or o.cpu_seconds > SECONDS for o in outcomes))


def _count(outcomes: list[Outcome], fault: str) -> int:
    return sum(o.fault == fault for o in outcomes)


if __name__ == "__main__":
    raise SystemExit(main())
