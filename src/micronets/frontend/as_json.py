"""Front ends as JSON, which travels with a model: one line with every field, and back with what is wrong in it told."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

from micronets.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    F = TypeVar("F", bound=DataclassInstance)
else:
    F = TypeVar("F")


def to_json(front_end: DataclassInstance) -> str:
    """One line of JSON with every field."""
    return json.dumps(asdict(front_end))


def from_json(kind: type[F], text: str, where: str) -> F:
    """The front end of class `kind` that `to_json` wrote; fields that are left out take their defaults, lists become tuples.

    where: names the text in errors. Raises `SpecError`.
    """
    name = kind.__name__
    try:
        raw = json.loads(text)
    except (TypeError, ValueError, RecursionError) as e:
        raise SpecError(f"{where}: not JSON ({e}); write one with {name}.to_json") from e
    if not isinstance(raw, dict):
        raise SpecError(f"{where}: a JSON object is needed, not {type(raw).__name__}; write one with {name}.to_json")
    known = {f.name for f in fields(kind)}
    for key in raw:
        if key not in known:
            raise SpecError(f"{where}: no field '{key}'; {did_you_mean(key, known)}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    try:
        return kind(**values)
    except SpecError as e:
        raise SpecError(f"{where}: {e}") from e
