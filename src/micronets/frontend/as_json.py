"""Front ends as JSON objects: the text that travels with a model and with prepared data.

It serves every front end that is a frozen dataclass of numbers, texts and tuples of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from micronets.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    F = TypeVar("F", bound=DataclassInstance)
else:
    F = TypeVar("F")


def to_json(front_end: DataclassInstance) -> str:
    """Returns every field of a front end as one line of JSON."""
    return json.dumps(asdict(front_end))


def from_json(kind: type[F], text: str, where: str, left_out: Mapping[str, str] = MappingProxyType({})) -> F:
    """Makes a front end from its JSON text; fields that are left out take their defaults.

    - `kind`: the front end's class, which checks the values of its fields.
    - `text`: a JSON object whose keys are names of fields; lists become tuples.
    - `where`: what the text is or where it stands, for error messages.
    - `left_out`: values of fields that are left out, where these are not the defaults.

    Raises `SpecError` for a text that is not a JSON object, an unknown key, or a value that the class refuses.
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
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in {**left_out, **raw}.items()}
    try:
        return kind(**values)
    except SpecError as e:
        raise SpecError(f"{where}: {e}") from e
