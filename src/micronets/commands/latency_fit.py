"""Fits to measured networks: lines of latency against ops, and the coefficients of a `latency_model.LatencyModel`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from micronets.cost.latency_model import LatencyModel, fitted_cycles, kernel_kind, layer_counts, layer_cycles
from micronets.errors import DataError
from micronets.ir.arch import Step
from micronets.report.latency_findings import Errors, Line, NetworkRecord, Residual

Vector = npt.NDArray[np.float64]
_SMALL = 0.01  # of a network's cycles: a smaller layer is weighted as if it had that many
HELD_OUT = 4  # one in this many networks of a space is held out from the fit


def line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Fits the line of least squares. Raises `DataError` for fewer than three points, or if all x are equal."""
    a, b = np.asarray(x, float), np.asarray(y, float)
    if len(a) < 3 or np.ptp(a) == 0:
        raise DataError(
            f"a line through {len(a)} points whose x span {np.ptp(a) if len(a) else 0}: measure more networks"
        )
    slope, intercept = np.polyfit(a, b, 1)
    return Line(float(slope), float(intercept), _r2(b, slope * a + intercept), len(a))


def errors(predicted: Sequence[float], actual: Sequence[float]) -> Errors:
    """Returns the errors of predictions. Raises `DataError` for fewer than three."""
    from scipy.stats import spearmanr

    p, a = np.asarray(predicted, float), np.asarray(actual, float)
    if len(p) < 3:
        raise DataError(f"errors of {len(p)} predictions: measure more networks")
    off = np.abs(p / a - 1)
    return Errors(float(off.mean()), float(off.max()), float(spearmanr(p, a).statistic), _r2(a, p), len(p))


def _r2(actual: Vector, predicted: Vector) -> float:
    return float(1 - ((actual - predicted) ** 2).sum() / ((actual - actual.mean()) ** 2).sum())


def split_networks(records: Sequence[NetworkRecord]) -> tuple[list[NetworkRecord], list[NetworkRecord]]:
    """Divides networks into those to fit and those held out: every fourth of each space, in order of drawing."""
    seen: dict[str, int] = defaultdict(int)
    parts: tuple[list[NetworkRecord], list[NetworkRecord]] = ([], [])
    for r in records:
        seen[r.space] += 1
        parts[seen[r.space] % HELD_OUT == 0].append(r)
    return parts


def layer_rows(records: Sequence[NetworkRecord]) -> dict[str, list[tuple[Step, float, float]]]:
    """Returns, by kind of kernel, every layer, its cycles, and the cycles to which its error is relative."""
    rows: dict[str, list[tuple[Step, float, float]]] = defaultdict(list)
    for r in records:
        for step, layer in zip(r.steps(), r.layers, strict=True):
            name = kernel_kind(step)
            if name is not None:
                rows[name].append((step, layer.cycles, max(layer.cycles, _SMALL * r.cycles)))
    return rows


def fit(
    records: Sequence[NetworkRecord], board: str, runtime: str, source: str, more: Sequence[NetworkRecord] = ()
) -> LatencyModel:
    """Fits non-negative coefficients, kind by kind, that minimise the squared relative errors of layers.

    The reported errors are those of the held-out networks (`split_networks`).

    - `records`: the measured networks, some of which are held out.
    - `board`, `runtime`: their names, for the model.
    - `source`: a description of the measurements, for the model.
    - `more`: networks to fit that are never held out.

    Raises `DataError` for too few networks.
    """
    from scipy.optimize import nnls

    fitted, held_out = split_networks(records)
    kinds: dict[str, dict[str, float]] = {}
    for name, rows in sorted(layer_rows([*fitted, *more]).items()):
        counted = [layer_counts(step) for step, _, _ in rows]
        names = list(counted[0])
        matrix = np.array([[float(c[n]) for n in names] for c in counted])
        actual, scale = np.array([y for _, y, _ in rows]), np.array([s for _, _, s in rows])
        # Scaled columns, so that the solver's tolerance means the same for a layer and for a million MACs.
        size = np.maximum(np.abs(matrix / scale[:, None]).max(axis=0), 1e-30)
        found, _ = nnls(matrix / scale[:, None] / size, actual / scale, maxiter=50 * len(names))
        kinds[name] = {n: float(f) for n, f in zip(names, found / size, strict=True) if f > 0}
    outside = float(np.median([r.outside_cycles for r in fitted]))
    model = LatencyModel(board, runtime, kinds, outside, 0.0, 0.0, source)
    off = errors(*predictions(held_out, model))
    return LatencyModel(board, runtime, kinds, outside, off.mean, off.worst, source)


def predictions(records: Sequence[NetworkRecord], model: LatencyModel) -> tuple[list[float], list[float]]:
    """Returns predicted and measured cycles, for the networks all of whose layers the model knows."""
    known = [r for r in records if all(kernel_kind(s) in (None, *model.kinds) for s in r.steps())]
    return [float(fitted_cycles(r.steps(), model)) for r in known], [float(r.cycles) for r in known]


def residuals(records: Sequence[NetworkRecord], model: LatencyModel) -> dict[str, Residual]:
    """Returns, by kind of kernel, the model's error over single layers."""
    found = {}
    total = sum(layer.cycles for r in records for layer in r.layers) or 1
    for name, rows in sorted(layer_rows(records).items()):
        if name in model.kinds:
            spent = sum(y for _, y, _ in rows)
            off = sum(abs(float(layer_cycles(s, model)) - y) for s, y, _ in rows)
            found[name] = Residual(len(rows), off / max(spent, 1), spent / total)
    return found
