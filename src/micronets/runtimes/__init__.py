"""Runtimes: our C and TFLM, which execute a network on a board. A budget's limits apply to one of them."""

from __future__ import annotations

from collections.abc import Mapping

from micronets.errors import SpecError, did_you_mean
from micronets.runtimes.base import MeasureOptions, Package, Runtime
from micronets.runtimes.c import OUR_C
from micronets.runtimes.measurement import Measurement
from micronets.runtimes.tflm import TFLM

__all__ = ["OUR_C", "RUNTIMES", "TFLM", "MeasureOptions", "Measurement", "Package", "Runtime", "runtime_named"]

RUNTIMES: Mapping[str, Runtime] = {runtime.name: runtime for runtime in (OUR_C, TFLM)}
"""Every runtime by its name; the first one is the default of commands."""


def runtime_named(name: str | Runtime) -> Runtime:
    """Returns the runtime with a name; a `Runtime` is returned unchanged.

    Raises `SpecError` for an unknown name, with the nearest known one.
    """
    if isinstance(name, Runtime):
        return name
    if name not in RUNTIMES:
        raise SpecError(f"runtime: unknown '{name}'; {did_you_mean(name, RUNTIMES)}")
    return RUNTIMES[name]
