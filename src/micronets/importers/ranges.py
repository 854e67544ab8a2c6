"""The ranges of a float network's tensors over typical inputs: all values, most of them, or those of least error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never, get_args

import numpy as np
import numpy.typing as npt

from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork
from micronets.ir.layers import INPUT
from micronets.ir.scales import scale_owners

Array = npt.NDArray[Any]

RangeRule = Literal["minmax", "percentile", "mse"]
"""How a tensor's range follows from its values.

- minmax: from the least value to the greatest.
- percentile: without the most extreme `TAIL` of the values on either side.
- mse: the range whose 256 steps have the least squared error over all values.
"""

RANGE_RULES: tuple[RangeRule, ...] = get_args(RangeRule)

TAIL = 1e-4
"""The share of a tensor's values that the rule "percentile" leaves out on either side."""

_BINS = 2048
_STEPS = 255
_SHRINKS = np.linspace(0.3, 1.0, 36)

Range = tuple[float, float]
"""The least and the greatest real value that a tensor's codes stand for; 0 lies between them."""


@dataclass(frozen=True, eq=False)
class Observed:
    """A histogram of the values of a tensor over equal bins, with the least and the greatest value.

    - low, high: the least and the greatest value, and 0 if that is less or greater.
    - counts: `[bins]`, from `low` to `high`.
    """

    low: float
    high: float
    counts: npt.NDArray[np.float64]

    def range(self, rule: RangeRule) -> Range:
        """Returns the tensor's range by a rule."""
        match rule:
            case "minmax":
                return self.low, self.high
            case "percentile":
                return self._percentile()
            case "mse":
                return self._least_error()
            case _:
                assert_never(rule)

    @property
    def _edges(self) -> npt.NDArray[np.float64]:
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    def _percentile(self) -> Range:
        below = np.cumsum(self.counts)
        first = int(np.searchsorted(below, TAIL * below[-1]))
        last = int(np.searchsorted(below, (1 - TAIL) * below[-1]))
        edges = self._edges
        return min(0.0, float(edges[first])), max(0.0, float(edges[last + 1]))

    def _least_error(self) -> Range:
        """Returns the best of the ranges whose ends are shrunk, first both together and then each alone."""
        if self.high - self.low <= 0:
            return self.low, self.high
        edges = self._edges
        middles = (edges[:-1] + edges[1:]) / 2

        def error(low: float, high: float) -> float:
            step = (high - low) / _STEPS
            zero = np.rint(low / step)  # ends move so that 0 has a code
            codes = np.clip(np.rint(middles / step), zero, zero + _STEPS)
            return float(((middles - codes * step) ** 2 * self.counts).sum())

        both = min(_SHRINKS, key=lambda k: error(k * self.low, k * self.high))
        low, high = both * self.low, both * self.high
        low = min((k * self.low for k in _SHRINKS), key=lambda v: error(v, high))
        high = min((k * self.high for k in _SHRINKS), key=lambda v: error(low, v))
        return float(low), float(high)


def observe(network: FloatNetwork, x: npt.NDArray[np.float32], chunk: int) -> Mapping[str, Observed]:
    """Returns histograms of the tensors of a network over inputs, by the name of the tensor that owns their scale.

    - network: the network.
    - x: inputs `[N, *input_shape]`.
    - chunk: how many inputs are computed at a time.

    Tensors that must have one scale (`ir.scales.scale_owners`) are observed together.
    """
    owners = dict(scale_owners(network.arch.steps()))
    owners.setdefault(INPUT, INPUT)
    ends: dict[str, Range] = {}

    def widen(name: str, values: Array) -> Array:
        low, high = ends.get(owners[name], (0.0, 0.0))
        ends[owners[name]] = (min(low, float(values.min())), max(high, float(values.max())))
        return values

    counts: dict[str, npt.NDArray[np.float64]] = {}

    def count(name: str, values: Array) -> Array:
        low, high = ends[owners[name]]
        if high > low:
            found = np.histogram(values, _BINS, (low, high))[0]
            counts[owners[name]] = counts.get(owners[name], np.zeros(_BINS)) + found
        return values

    for visit in (widen, count):
        for i in range(0, len(x), chunk):
            execute(network, x[i : i + chunk], visit)
    return {name: Observed(low, high, counts.get(name, np.ones(_BINS))) for name, (low, high) in ends.items()}
