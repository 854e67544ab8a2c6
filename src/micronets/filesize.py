"""Size of the `.tflite` file that `tflite.write` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micronets.arch import Step
from micronets.counts import step_weight_bytes, step_weights

Number = Any  # int, float or 0-d tensor

METADATA_BYTES = 1000  # room for the class names and the front end that travel with a model


def tflite_bytes(steps: Sequence[Step], metadata_bytes: int = 0) -> Number:
    """Bytes of the `.tflite` file."""
    total: Number = 250 + metadata_bytes
    for s in steps:
        _, channels = step_weights(s)
        total = total + s.gate * (step_weight_bytes(s) + channels * 4 + 110 + (150 if channels != 0 else 0))
    return total
