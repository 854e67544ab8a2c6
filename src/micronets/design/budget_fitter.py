"""Making the values of a search space meet hard limits, in integers: refuse, repair, and use what is left.

Costs grow with every choice of kind width, kernel and keep, and a dilation costs nothing. So the smallest network of
some combination of shapes is the cheapest of all: if none of those fits, nothing does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from micronets.boards.board import Board, Budget
from micronets.cost.costs import TFLM, Runtime, budget_costs
from micronets.errors import BudgetError
from micronets.ir.space import Choice, SearchSpace, derive

Probabilities = Mapping[str, list[float]]
Evaluate = Callable[[Mapping[str, int]], Mapping[str, float]]


class Fitter:
    """Checks and changes values of one space under one budget; costs are cached, as they take a plan each.

    budget: with the board's own limits included (`board.board_budget`). runtime: what is to execute the network.
    """

    def __init__(
        self, space: SearchSpace, budget: Budget, board: Board, evaluate: Evaluate | None = None, runtime: Runtime = TFLM
    ) -> None:
        self.space = space
        self.limits = budget.limits()
        self._evaluate = evaluate or (
            lambda values: budget_costs(derive(space, values), board, tuple(self.limits), runtime=runtime)
        )
        self._cache: dict[tuple[int, ...], Mapping[str, float]] = {}

    def costs(self, values: Mapping[str, int]) -> Mapping[str, float]:
        """What the network of `values` costs, by limit name, in the limit's unit."""
        key = tuple(values[c.name] for c in self.space.choices)
        if key not in self._cache:
            self._cache[key] = self._evaluate(values)
        return self._cache[key]

    def excess(self, values: Mapping[str, int]) -> float:
        """Sum over the limits of `max(0, cost / limit - 1)`; 0 means that the network fits."""
        costs = self.costs(values)
        return sum(max(0.0, costs[name] / limit - 1) for name, limit in self.limits.items())

    def fits(self, values: Mapping[str, int]) -> bool:
        """Whether every limit is met."""
        return self.excess(values) == 0

    def feasible_shapes(self) -> list[dict[str, int]]:
        """The combinations of shape choices under which some network fits.

        Raises `BudgetError` naming the smallest achievable figures when there are none.
        """
        smallest = [self.space.smallest() | shapes for shapes in self.space.shape_combinations()]
        feasible = [values for values in smallest if self.fits(values)]
        if not feasible:
            raise BudgetError(self._refusal(smallest))
        names = [c.name for c in self.space.choices if c.kind == "shape"]
        return [{name: values[name] for name in names} for values in feasible]

    def _refusal(self, smallest: list[dict[str, int]]) -> str:
        parts = []
        for name, limit in self.limits.items():
            least = min(self.costs(v)[name] for v in smallest)
            if least > limit:
                parts.append(f"{name} = {limit:,.6g}, but the smallest network needs {least:,.6g}")
        if not parts:  # each limit can be met alone, not all together
            best = min(smallest, key=self.excess)
            costs = self.costs(best)
            near = ", ".join(f"{name} {costs[name]:,.6g} of {limit:,.6g}" for name, limit in self.limits.items())
            parts.append(f"no network meets all limits at once; the nearest needs {near}")
        return f"budget: nothing in space '{self.space.name}' fits: {'; '.join(parts)}; raise the limit or choose another space"

    def repair(self, values: Mapping[str, int], probabilities: Probabilities) -> dict[str, int]:
        """The nearest values that fit: steps down where most excess goes for the least probability given up.

        Raises `BudgetError` if nothing fits.
        """
        values = self._feasible_start(dict(values), probabilities)
        while (now := self.excess(values)) > 0:
            best, best_score = None, -math.inf
            for choice, changed in self._moves(values, -1):
                gain = now - self.excess(changed)
                loss = max(0.0, _log_ratio(choice, values, changed, probabilities)) + 0.1
                # A step that gains nothing by itself (one of two equal peaks) is taken only when no step gains.
                score = gain / loss if gain > 0 else -loss - 1e6
                if score > best_score:
                    best, best_score = changed, score
            assert best is not None, "the smallest network of a feasible shape fits"
            values = best
        return values

    def fill(self, values: Mapping[str, int], probabilities: Probabilities) -> dict[str, int]:
        """Larger values that still fit: steps up, the most probable first, until no step fits.

        A step that costs nothing is none: it widens a block that is not there.
        """
        values = dict(values)
        while True:
            moves = [
                (_log_ratio(choice, values, changed, probabilities), changed)
                for choice, changed in self._moves(values, 1)
                if self.fits(changed) and self.costs(changed) != self.costs(values)
            ]
            if not moves:
                return values
            values = min(moves, key=lambda m: m[0])[1]

    def _feasible_start(self, values: dict[str, int], probabilities: Probabilities) -> dict[str, int]:
        """`values` with the most probable shapes under which something fits; its own where possible."""
        feasible = self.feasible_shapes()
        if any(all(values[n] == v for n, v in shapes.items()) for shapes in feasible):
            return values

        def log_probability(shapes: Mapping[str, int]) -> float:
            return sum(_log(probabilities[n][self.space.choice(n).options.index(v)]) for n, v in shapes.items())

        return values | max(feasible, key=log_probability)

    def _moves(self, values: Mapping[str, int], direction: int) -> list[tuple[Choice, dict[str, int]]]:
        moves = []
        for choice in self.space.choices:
            k = choice.options.index(values[choice.name]) + direction
            if choice.kind in ("shape", "dilation") or not 0 <= k < len(choice.options):
                continue
            moves.append((choice, dict(values) | {choice.name: choice.options[k]}))
        return moves


def _log_ratio(choice: Choice, values: Mapping[str, int], changed: Mapping[str, int], probabilities: Probabilities) -> float:
    """Log of how much more probable the present option is than the changed one."""
    p = probabilities[choice.name]
    return _log(p[choice.options.index(values[choice.name])]) - _log(p[choice.options.index(changed[choice.name])])


def _log(p: float) -> float:
    return math.log(max(p, 1e-9))
