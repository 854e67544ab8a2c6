from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from micronets.errors import SpecError
from micronets.pipeline.toml_config import build, flat, parse_override, to_toml


@dataclass(frozen=True)
class Inner:
    kind: Literal["adam", "sgd"] = "adam"
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True)
class Outer:
    epochs: int
    rate: float = 0.1
    limit_bytes: int | None = None
    names: tuple[str, ...] = ()
    fast: bool = False
    label: str = ""
    fix: Mapping[str, int] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)


def test_values_of_every_type() -> None:
    table = tomllib.loads("""
        epochs = 2e3
        rate = 1
        limit_bytes = "128K"
        names = ["a", "b"]
        fast = true
        fix = { stride = 2 }
        inner = { kind = "sgd", betas = [0, 0.5] }
    """)
    made = build(Outer, table, "", "f.toml")
    assert made == Outer(2000, 1.0, 131072, ("a", "b"), True, "", {"stride": 2}, Inner("sgd", (0.0, 0.5)))
    assert isinstance(made.rate, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"epoch": 1}, "f.toml: unknown key 'train.epoch'; did you mean 'epochs'? known: epochs, fast, "),
        ({}, "f.toml: 'train.epochs' is missing; give it in the file or with --set train.epochs=VALUE"),
        ({"epochs": "x"}, "f.toml: train.epochs = 'x'; need an integer"),
        ({"epochs": 1.5}, "f.toml: train.epochs = 1.5; need an integer"),
        ({"epochs": float("inf")}, "f.toml: train.epochs = inf; need an integer"),
        ({"epochs": True}, "f.toml: train.epochs = True; need an integer"),
        ({"epochs": 1, "rate": "fast"}, "f.toml: train.rate = 'fast'; need a number"),
        ({"epochs": 1, "limit_bytes": "12Q"}, "f.toml: train.limit_bytes: '12Q' is not a size; "),
        ({"epochs": 1, "names": "a"}, "f.toml: train.names = 'a'; need a list"),
        ({"epochs": 1, "inner": 3}, "f.toml: train.inner = 3; need a table [train.inner]"),
        (
            {"epochs": 1, "inner": {"kind": "adamw"}},
            "f.toml: train.inner.kind = 'adamw'; did you mean 'adam'? known: adam, sgd",
        ),
        ({"epochs": 1, "inner": {"betas": [1]}}, "f.toml: train.inner.betas = [1]; need 2 values"),
        ({"epochs": 1, "fix": {"a": "b"}}, "f.toml: train.fix.a = 'b'; need an integer"),
    ],
)
def test_errors_name_the_key_the_value_and_the_way_out(table: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as e:
        build(Outer, table, "train.", "f.toml")
    assert str(e.value).startswith(message)


def test_toml_round_trip() -> None:
    value = Outer(3, 1e-5, None, ("ä", 'quo"te\n'), True, "x", {"b": 2}, Inner())
    text = to_toml(value)
    assert build(Outer, tomllib.loads(text), "", "f.toml") == value
    assert flat(value)["inner.betas"] == [0.9, 0.999]
    assert "limit_bytes" not in text


@pytest.mark.parametrize(
    ("text", "keys", "value"),
    [("a.b=3", ("a", "b"), 3), ("a=128K", ("a",), "128K"), ("a = [1, 2]", ("a",), [1, 2]), ("a=x=y", ("a",), "x=y")],
)
def test_overrides(text: str, keys: tuple[str, ...], value: Any) -> None:
    assert parse_override(text) == (keys, value)


@pytest.mark.parametrize("text", ["a", "=3", "a..b=1", ""])
def test_bad_overrides(text: str) -> None:
    with pytest.raises(SpecError, match="write --set key=value"):
        parse_override(text)
