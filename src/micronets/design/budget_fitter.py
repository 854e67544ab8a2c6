"""`BudgetFitter` changes the choices of a search space until the network meets hard limits, then uses the room left.

It learns nothing: it works with exact costs, and with the probabilities of options that a search found (`dnas.py`).

Every choice may change every cost, and not always upwards. A dilation makes TFLM's depthwise convolution slower but
saves its scratch memory; a 3 x 5 stem leaves our C an odd column that a 5 x 5 stem does not; a planner may place larger
buffers better than smaller ones. So the smallest network is often, but not always, the cheapest one. If it misses a
limit, `_find` tries networks near it, or all networks of a small space, before it gives up.

A network that is returned certainly meets every limit: its exact costs were compared with them. A refusal is certain
if the costs of all networks of the space were computed (at most `MOST_COSTED`); for a larger space it only says that
no network was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from operator import itemgetter

from micronets.boards.board import Board, Budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts, budget_costs, least_budget_costs
from micronets.errors import BudgetError
from micronets.ir.arch import Arch
from micronets.ir.space import Choice, SearchSpace, derive
from micronets.terminal import counted

Probabilities = Mapping[str, list[float]]
Evaluate = Callable[[Mapping[str, int]], Mapping[str, float]]

MOST_COSTED = 3000  # a space with at most this many networks is costed whole before it is refused
MOST_PAIRS = 1500  # pairs of steps to try if each limit can be met alone, but not all together


class _NetworkCosts:
    """A network's costs. Lower bounds are known first; the exact costs are computed on demand.

    - `least`: the lower bounds by name of the limit, replaced by the exact costs once those are computed.
    - `compute`: computes the exact costs.
    """

    def __init__(self, least: Mapping[str, float], compute: Callable[[], Mapping[str, float]]) -> None:
        self.least = least
        self._compute: Callable[[], Mapping[str, float]] | None = compute

    @property
    def exact(self) -> Mapping[str, float]:
        """The exact costs by name of the limit, computed on first use."""
        if self._compute is not None:
            self.least, self._compute = {**self.least, **self._compute()}, None
        return self.least


class BudgetFitter:
    """Checks and changes the values of one space under one budget.

    Costs are computed once per network and cached, since every computation makes a memory plan.

    - `space`: the choices, and the network of every combination of their options.
    - `budget`: the limits, including those of the board (`board.board_budget`).
    - `board`: the board for which costs are computed.
    - `evaluate`: computes the costs of values, by name of the limit; None computes those of their network.
    - `runtime`: the runtime that will execute the network, which decides its costs.

    In this file, "values" are one option for every choice, by the choice's name, and "to fit" is to meet every limit.
    """

    def __init__(
        self,
        space: SearchSpace,
        budget: Budget,
        board: Board,
        evaluate: Evaluate | None = None,
        runtime: RuntimeCosts = TFLM_COSTS,
    ) -> None:
        self.space = space
        self.limits = budget.limits()
        names, networks = tuple(self.limits), dict[Arch, _NetworkCosts]()
        bounded = tuple(name for name in names if runtime.costs[name].at_least is not None)

        def cost_network(values: Mapping[str, int]) -> _NetworkCosts:
            network = derive(space, values)  # often a known one: the choices of an omitted block have no effect
            if network not in networks:
                least = least_budget_costs(network, board, names, runtime=runtime)
                networks[network] = _NetworkCosts(least, lambda: budget_costs(network, board, bounded, runtime=runtime))
            return networks[network]

        def cost_values(values: Mapping[str, int]) -> _NetworkCosts:
            assert evaluate is not None
            return _NetworkCosts(evaluate(values), dict)

        def cost_without(values: Mapping[str, int]) -> Mapping[str, float]:
            return budget_costs(derive(space, values), board, names, runtime=replace(runtime, front_ends={}))

        self._cost_without = cost_without if evaluate is None and runtime.front_ends else None
        self._compute_costs = cost_network if evaluate is None else cost_values
        self._cache: dict[tuple[int, ...], _NetworkCosts] = {}
        self._found: dict[tuple[tuple[float, ...], tuple[int, ...]], dict[str, int] | None] = {}

    def costs(self, values: Mapping[str, int]) -> Mapping[str, float]:
        """Returns the exact costs of the network of `values`, by name of the limit, in the limit's unit."""
        return self._costs_of(values).exact

    def front_end_costs(self, values: Mapping[str, int]) -> Mapping[str, float]:
        """Returns the front end's part of the costs of `values`, by name of the limit."""
        costs = self.costs(values)
        bare = costs if self._cost_without is None else self._cost_without(values)
        return {name: cost - bare[name] for name, cost in costs.items()}

    def _costs_of(self, values: Mapping[str, int]) -> _NetworkCosts:
        """Returns the costs of the network of `values`, computed once and cached."""
        key = tuple(values[c.name] for c in self.space.choices)
        if key not in self._cache:
            self._cache[key] = self._compute_costs(values)
        return self._cache[key]

    def excess(self, values: Mapping[str, int]) -> float:
        """Returns the sum over the limits of max(0, cost / limit - 1); 0 means that the network fits."""
        return self._excess_of(self.costs(values))

    def _excess_of(self, costs: Mapping[str, float]) -> float:
        """Returns the excess of a network with these costs."""
        return sum(max(0.0, costs[name] / limit - 1) for name, limit in self.limits.items())

    def fits(self, values: Mapping[str, int]) -> bool:
        """Returns whether the network of `values` meets every limit."""
        return self._excess_of(self._costs_of(values).least) == 0 and self.excess(values) == 0

    def feasible_shapes(self) -> list[dict[str, int]]:
        """Returns the combinations of shape choices for which a network within the limits was found.

        Raises `BudgetError` with the smallest achievable figures if there are none.
        """
        feasible = [shapes for shapes in self.space.shape_combinations() if self.fitting(shapes) is not None]
        if not feasible:
            raise BudgetError(self._refusal())
        return feasible

    def fitting(self, shapes: Mapping[str, int]) -> dict[str, int] | None:
        """Returns values with these shapes that fit, preferably small ones; None if none were found."""
        key = tuple(self.limits.values()), tuple(shapes.values())
        if key not in self._found:
            self._found[key] = self._find({**self.space.smallest(), **shapes})
        return self._found[key]

    def _find(self, smallest: dict[str, int]) -> dict[str, int] | None:
        """Returns values with the shapes of `smallest` that fit; None if all of the following fail.

        It tries, from the quickest to the slowest:
        1. the smallest network;
        2. for each limit that this one misses, single steps to the network with the least cost under that limit;
        3. single steps that lower the excess, from each of these networks;
        4. all networks, if they are few, otherwise pairs of steps.
        """
        if self.fits(smallest):
            return smallest
        starts, alone = [smallest], True  # `alone`: each limit can be met on its own
        for name, limit in self.limits.items():
            if self.costs(smallest)[name] <= limit:
                continue
            cheapest = self._descend(smallest, itemgetter(name))
            alone = alone and self.costs(cheapest)[name] <= limit
            starts.append(cheapest)
        ends = [self._descend(start, self._excess_of) for start in starts]
        if self._can_cost_all():
            ends += self._all_values(smallest)
        elif alone and not any(map(self.fits, ends)):
            ends += [self._descend_by_pairs(end) for end in ends]
        return next((values for values in ends if self.fits(values)), None)

    def _can_cost_all(self) -> bool:
        """Returns whether the space is small enough to compute the costs of all its networks."""
        return math.prod(len(c.options) for c in self.space.choices) <= MOST_COSTED

    def _all_values(self, shaped: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Yields all values that have the shapes of `shaped`, narrow networks first."""
        others = [c for c in self.space.choices if c.kind != "shape"]
        for options in product(*(c.options for c in others)):
            yield {**shaped, **{c.name: o for c, o in zip(others, options, strict=True)}}

    def _descend(self, values: dict[str, int], objective: Callable[[Mapping[str, float]], float]) -> dict[str, int]:
        """Takes every step that lowers `objective` of the costs as soon as it is found; returns the last values."""
        now, improved = objective(self.costs(values)), True
        while improved:
            improved = False
            for choice in self.space.choices:
                for changed in _neighbours(choice, values):
                    if (
                        objective(self._costs_of(changed).least) < now
                        and (value := objective(self.costs(changed))) < now
                    ):
                        values, now, improved = changed, value, True
        return values

    def _descend_by_pairs(self, values: dict[str, int]) -> dict[str, int]:
        """Takes steps that lower the excess, or pairs of steps if no single one does; returns the last values.

        At most `MOST_PAIRS` pairs are tried.
        """
        left, improved = MOST_PAIRS, True
        while improved and not self.fits(values):
            improved, now = False, self.excess(values)
            steps = [(c, changed) for c in self.space.choices for changed in _neighbours(c, values)]
            steps.sort(key=lambda step: self.excess(step[1]))
            pairs = sorted(combinations(range(len(steps)), 2), key=sum)
            for i, j in pairs[:left]:
                (one, changed), (other, more) = steps[i], steps[j]
                both = changed | {other.name: more[other.name]}
                left -= 1
                if one is not other and self.excess(both) < now:
                    values, improved = self._descend(both, self._excess_of), True
                    break
        return values

    def _refusal(self) -> str:
        """Returns the message that no network fits: the missed limits, and the least figure found for each."""
        proved = self._can_cost_all()
        cheapest = "the cheapest network needs" if proved else "the cheapest network found needs"
        parts = []
        for name, limit in self.limits.items():
            least = self._cheapest(itemgetter(name))[name]
            if least > limit:
                parts.append(f"{name} = {_figure(limit)}, but {cheapest} {_figure(least)}")
        if not parts:  # each limit can be met alone, but not all together
            costs = self._cheapest(self._excess_of)
            near = ", ".join(
                f"{name} {_figure(costs[name])} of {_figure(limit)}" for name, limit in self.limits.items()
            )
            parts.append(
                f"no network {'meets' if proved else 'found meets'} all limits at once; the nearest needs {near}"
            )
        what = "no network of space '{}' fits" if proved else "no network of space '{}' was found that fits"
        return f"budget: {what.format(self.space.name)}: {'; '.join(parts)}; raise the limit or choose another space"

    def _cheapest(self, objective: Callable[[Mapping[str, float]], float]) -> Mapping[str, float]:
        """Returns the exact costs of the network with the least `objective` among all networks with known costs."""
        best: Mapping[str, float] | None = None
        for network in sorted(self._cache.values(), key=lambda network: objective(network.least)):
            if best is not None and objective(network.least) >= objective(best):
                break
            best = network.exact if best is None else min(best, network.exact, key=objective)
        assert best is not None
        return best

    def repair(self, values: Mapping[str, int], probabilities: Probabilities) -> dict[str, int]:
        """Returns values near the given ones that fit.

        It takes steps down, each time the one with the largest drop in excess for the probability that it gives up. If
        these steps do not lead to a network that fits, it changes choices towards a network that is known to fit, and
        then back to the given values wherever there is room.

        - `values`: the preferred option of every choice.
        - `probabilities`: the probability of every option, by choice, in the order of the choice's options.

        Raises `BudgetError` if nothing fits.
        """
        start = self._feasible_start(dict(values), probabilities)
        smaller = self._step_down(start, probabilities)
        if smaller is not None:
            return smaller
        return self._step_back(self._approach(start, probabilities), start, probabilities)

    def _step_down(self, values: dict[str, int], probabilities: Probabilities) -> dict[str, int] | None:
        """Returns the first values that fit on the way down; None if not even the smallest network fits."""
        while (now := self.excess(values)) > 0:
            moves = []
            for number, (choice, changed) in enumerate(self._steps_down(values)):
                loss = _loss(choice, values, changed, probabilities)
                moves.append(
                    (_score(now - self._excess_of(self._costs_of(changed).least), loss), -number, loss, changed)
                )
            if not moves:
                return None
            # Exact costs are expensive: they are computed only for steps that, by their lower bounds, may be the best.
            best, found = (-math.inf, 0), values
            for most, order, loss, changed in sorted(moves, key=lambda move: move[:2], reverse=True):
                if most < best[0]:
                    break
                score = _score(now - self.excess(changed), loss)
                if (score, order) > best:
                    best, found = (score, order), changed
            values = found
        return values

    def _approach(self, values: dict[str, int], probabilities: Probabilities) -> dict[str, int]:
        """Returns values that fit, by steps that lower the excess.

        If no step lowers it, one choice is set to its option in a network that is known to fit, and stays so. Between
        two such settings every step lowers the excess, so the loop ends, at the latest with that network itself.
        """
        target = self.fitting({c.name: values[c.name] for c in self.space.choices if c.kind == "shape"})
        if target is None:
            raise BudgetError(self._refusal())
        free = {c.name for c in self.space.choices}
        while (now := self.excess(values)) > 0:
            steps = []
            for choice in self.space.choices:
                for changed in _neighbours(choice, values) if choice.name in free else ():
                    gain = now - self.excess(changed)
                    if gain > 0:
                        steps.append((gain / _loss(choice, values, changed, probabilities), changed))
            if steps:
                values = max(steps, key=lambda step: step[0])[1]
                continue
            settings = []
            for choice in self.space.choices:
                if values[choice.name] != target[choice.name]:
                    changed = values | {choice.name: target[choice.name]}
                    settings.append((_loss(choice, values, changed, probabilities), choice.name, changed))
            _, name, values = min(settings, key=lambda setting: setting[0])
            free.discard(name)
        return values

    def _step_back(
        self, values: dict[str, int], wanted: Mapping[str, int], probabilities: Probabilities
    ) -> dict[str, int]:
        """Returns `values` with every choice as near to the preferred option as the limits allow.

        The least probable choices are moved first.
        """
        changing = True
        while changing:
            changing = False
            apart = [c for c in self.space.choices if values[c.name] != wanted[c.name]]
            apart.sort(key=lambda c: -_loss(c, wanted, values, probabilities))
            for choice in apart:
                now, goal = choice.options.index(values[choice.name]), choice.options.index(wanted[choice.name])
                for k in range(goal, now, 1 if now > goal else -1):
                    changed = values | {choice.name: choice.options[k]}
                    if self.fits(changed):
                        values, changing = changed, True
                        break
        return values

    def fill(
        self, values: Mapping[str, int], probabilities: Probabilities, log_ratio: float = math.inf
    ) -> dict[str, int]:
        """Returns larger values that still fit: takes steps up, the most probable first, until no further step fits.

        A step leads to the next larger option that is probable enough. Steps that do not change a cost are skipped:
        they widen a block that is left out of the network.

        - `values`: values that fit.
        - `probabilities`: the probability of every option, by choice, in the order of the choice's options.
        - `log_ratio`: 0 or more; the largest allowed logarithm of the ratio between the probabilities of the choice's
          likeliest option and of the option. Infinity allows every option.
        """
        values, found = dict(values), True
        while found:
            found = False
            moves = [
                (_log_ratio(choice, values, changed, probabilities), changed)
                for choice, changed in self._probable_steps_up(values, probabilities, log_ratio)
            ]
            for _, changed in sorted(moves, key=itemgetter(0)):
                if self.fits(changed) and self.costs(changed) != self.costs(values):
                    values, found = changed, True
                    break
        return values

    def _probable_steps_up(
        self, values: Mapping[str, int], probabilities: Probabilities, log_ratio: float
    ) -> list[tuple[Choice, dict[str, int]]]:
        """Returns each choice with a larger option that is probable enough (see `fill`), and the values with it."""
        steps = []
        for choice in self.space.choices:
            if choice.kind in ("shape", "dilation"):
                continue
            p = probabilities[choice.name]
            for k in range(choice.options.index(values[choice.name]) + 1, len(choice.options)):
                if _log(max(p)) - _log(p[k]) <= log_ratio + 1e-9:
                    steps.append((choice, dict(values) | {choice.name: choice.options[k]}))
                    break
        return steps

    def _feasible_start(self, values: dict[str, int], probabilities: Probabilities) -> dict[str, int]:
        """Returns `values`, with the most probable shapes that allow a network unless its own shapes do."""
        feasible = self.feasible_shapes()
        if any(all(values[n] == v for n, v in shapes.items()) for shapes in feasible):
            return values

        def log_probability(shapes: Mapping[str, int]) -> float:
            return sum(_log(probabilities[n][self.space.choice(n).options.index(v)]) for n, v in shapes.items())

        return values | max(feasible, key=log_probability)

    def _steps_down(self, values: Mapping[str, int]) -> list[tuple[Choice, dict[str, int]]]:
        """Returns each choice that has a next smaller option, and the values with it.

        Shapes stay as they are; dilations are left to `_neighbours`, as they are not ordered by cost.
        """
        moves = []
        for choice in self.space.choices:
            k = choice.options.index(values[choice.name]) - 1
            if choice.kind in ("shape", "dilation") or k < 0:
                continue
            moves.append((choice, dict(values) | {choice.name: choice.options[k]}))
        return moves


def _score(gain: float, loss: float) -> float:
    """Rates a step down by the excess that it removes (`gain`) and the probability that it gives up (`loss` > 0).

    A step may gain nothing by itself, for instance if it lowers one of two equal memory peaks. Such a step is taken
    only if no other step gains anything.
    """
    return gain / loss if gain > 0 else -loss - 1e6


def _neighbours(choice: Choice, values: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Yields the values with another option of `choice`: adjacent widths, no other shapes, and all other options."""
    if choice.kind == "shape":
        return
    now = choice.options.index(values[choice.name])
    for k, option in enumerate(choice.options):
        if k != now and (choice.kind != "width" or abs(k - now) == 1):
            yield {**values, choice.name: option}


def _loss(choice: Choice, values: Mapping[str, int], changed: Mapping[str, int], probabilities: Probabilities) -> float:
    """Returns the log probability that a step gives up, plus 0.1, so that the result is above 0."""
    return max(0.0, _log_ratio(choice, values, changed, probabilities)) + 0.1


def _log_ratio(
    choice: Choice, values: Mapping[str, int], changed: Mapping[str, int], probabilities: Probabilities
) -> float:
    """Returns the log of the ratio between the probabilities of the current option of `choice` and the changed one."""
    p = probabilities[choice.name]
    return _log(p[choice.options.index(values[choice.name])]) - _log(p[choice.options.index(changed[choice.name])])


def _log(p: float) -> float:
    return math.log(max(p, 1e-9))


def _figure(value: float) -> str:
    """Returns the text of a cost or a limit: integers of up to 15 digits in full, other numbers to six digits."""
    whole = float(value).is_integer() and abs(value) < 1e15
    return f"{value:,.0f}" if whole else f"{value:,.6g}"


def none_fits(refusals: Sequence[BudgetError]) -> BudgetError:
    """Returns the error that no space has a network within the limits, with the reason of the first space."""
    more = "" if len(refusals) == 1 else f" (likewise in the other {counted(len(refusals) - 1, 'spaces')})"
    return BudgetError(f"{refusals[0]}{more}")
