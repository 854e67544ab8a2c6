"""The ranges of the settings of a search and of a training. This file is read without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args, get_origin, get_type_hints

from micronets.errors import SpecError
from micronets.ranges import check_is_number, shown

WITHOUT_EFFECT = ("checkpoint_seconds",)
"""Names of settings that do not affect the result of a search or a training: they may change when it is resumed."""

OF_SPACES = ("space_share", "space_networks")
"""Names of settings of `[search]` by which a space is chosen; they do not affect the search of a space."""

GREATEST = {
    "arch_lr": 100,
    "batch": 1_000_000,
    "calibration_batches": 10_000,
    "candidates": 10_000,
    "checkpoint_seconds": 1_000_000,
    "distill_temperature": 1000,
    "epochs": 100_000,
    "evaluations": 1_000_000,
    "fill_log_ratio": 1000,
    "final_share": 1,
    "final_temperature": 1000,
    "finalists": 1000,
    "hint_weight": 1000,
    "label_smoothing": 1,
    "lr": 100,
    "made_weight": 1000,
    "mixup": 1000,
    "penalty": 1_000_000,
    "qat_epochs": 100_000,
    "qat_lr": 100,
    "settle": 1,
    "space_networks": 1000,
    "space_share": 1000,
    "temperature": 1000,
    "warmup": 100_000,
    "weight_decay": 100,
}
"""The largest values of settings of a search or a training, far above any use: a larger one is a slip."""


def _words(record: type) -> Mapping[str, tuple[str, ...]]:
    """Returns the allowed values of the settings of a record that are words, by name: those of their annotations."""
    return {name: get_args(kind) for name, kind in get_type_hints(record).items() if get_origin(kind) is Literal}


def check_ranges(section: str, settings: object, positive: Iterable[str], not_negative: Iterable[str]) -> None:
    """Raises `SpecError` for a number out of its range, NaN included, and for an unknown word.

    - section: the section of a configuration that holds the settings, for the message.
    - settings: the record of settings; it need not have all the numbers of `GREATEST`.
    - positive: names of settings that must be more than 0.
    - not_negative: names of settings that must be 0 or more.
    """
    for name in {*GREATEST, *positive, *not_negative}:
        check_is_number(f"{section}: {name}", getattr(settings, name, 0))
    for name, most in GREATEST.items():
        value = getattr(settings, name, 0)
        if not value <= most:
            raise SpecError(f"{section}: {name} = {value}; at most {most:,}")
    for name in positive:
        if not getattr(settings, name) > 0:
            raise SpecError(f"{section}: {name} = {getattr(settings, name)}; need more than 0")
    for name in not_negative:
        if not getattr(settings, name) >= 0:
            raise SpecError(f"{section}: {name} = {getattr(settings, name)}; need 0 or more")
    for name, allowed in _words(type(settings)).items():
        word = getattr(settings, name)
        if not isinstance(word, str) or word not in allowed:
            raise SpecError(f"{section}: {name} = {shown(word)}; allowed: {', '.join(allowed)}")
