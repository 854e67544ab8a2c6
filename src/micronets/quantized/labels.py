"""The names of the outputs of a network, from its metadata."""

from __future__ import annotations

import json
import math

from micronets.quantized.model import QuantizedModel


def labels_of(model: QuantizedModel) -> tuple[str, ...]:
    """Returns what the values of the only output stand for, from the metadata; nothing where that does not tell."""
    arch = model.arch
    try:
        found = json.loads(model.metadata.get("micronets.labels", "[]"))
    except (ValueError, RecursionError):
        return ()
    fits = len(arch.outputs) == 1 and isinstance(found, list) and len(found) == math.prod(arch.output_shape)
    return tuple(found) if fits and all(isinstance(text, str) for text in found) else ()
