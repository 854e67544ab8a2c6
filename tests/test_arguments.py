"""Arguments of wrong kinds from Python: one line of ours for each, by the annotations of the public functions."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

import micronets as mn
from micronets.arguments import checked
from micronets.errors import MicronetsError, SpecError
from micronets.frontend.spectral import SpectralSettings
from micronets.pipeline.config import TeacherConfig
from micronets.tasks.ad.settings import WindowAugmentation
from micronets.tasks.ad.task import AdOptions
from micronets.tasks.images.settings import ImageAugmentation
from micronets.tasks.kws.settings import SpectrogramAugmentation
from tests.commands.test_from_python import MODEL, X, Y, arch

if TYPE_CHECKING:
    from decimal import Decimal


@checked
def takes(
    place: str | Path,
    share: float = 0.0,
    flag: bool = False,
    names: Sequence[str] = (),
    fix: Mapping[str, int] | None = None,
    exact: Decimal | None = None,
    word: Literal["first", "last"] = "first",
    tell: Callable[[int], None] | None = None,
    *rest: int,
    **more: int,
) -> str:
    return f"{place} {share} {flag} {[*names]} {fix} {exact} {word} {rest} {more}"


def test_what_may_stand_for_an_annotation() -> None:
    from decimal import Decimal

    assert takes("a") == "a 0.0 False [] None None first () {}"
    assert takes(Path("a"), 2.0, True, ["b"], {"c": 3}, Decimal(4), "last", print, 5, d=6) == (
        "a 2.0 True ['b'] {'c': 3} 4 last (5,) {'d': 6}"
    )
    # Numbers and arrays of numpy stand for those of Python.
    assert takes("a", np.float32(2), np.True_, np.array(["b"]), {"c": np.int64(3)}).startswith("a 2.0 True")
    with pytest.raises(TypeError, match=r"takes\(\) missing 1 required positional argument: 'place'"):
        takes()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"place": None}, "place is None; need text or a path"),
        ({"place": b"a"}, "place is b'a'; need text or a path"),
        ({"place": "a\0b"}, r"place = 'a\\x00b' holds a NUL character; take it out"),
        ({"place": "a\ud800b"}, r"place = 'a\\ud800b' holds characters that are not UTF-8, which no path can have"),
        (
            {"place": Path("b") / ("a" * 256)},
            r"place = 'b/a+\.\.\. is too long: a name has 255 bytes at most, and a path 4,095",
        ),
        ({"place": ""}, r"place = '' is empty; name a path, or '\.' for the current directory"),
        ({"place": "a/" * 2048}, r"place = '[a/]+\.\.\. is too long: a name has 255 bytes at most, and a path 4,095"),
        ({"share": "1"}, "share is '1'; need a number"),
        ({"share": np.zeros(2)}, "share is a ndarray; need a number"),
        ({"flag": 3}, "flag is 3; need True or False"),
        ({"names": "abc"}, "names is 'abc'; need a list"),
        ({"names": ["a", 3]}, r"names\[1\] is 3; need text"),
        ({"fix": {"a": 1.5}}, r"fix\['a'\] is 1.5; need an integer"),
        ({"fix": {1: 2}}, "a name in fix is 1; need text"),
        ({"fix": [("a", 1)]}, "fix is a list; need a mapping or None"),
        ({"exact": 3.0}, "exact is 3; need a Decimal or None"),
        ({"word": "middle"}, "word is 'middle'; need 'first' or 'last'"),
        ({"tell": int.real}, "tell is a getset_descriptor; need a function or None"),
        ({"place": int}, "place is the class int; need text or a path"),
    ],
)
def test_what_may_not(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{message}$"):
        takes(**{"place": "a", **given})


FUNCTIONS = [name for name in mn.__all__ if inspect.isfunction(getattr(mn, name))]
NEEDED = {
    "model": MODEL,
    "path": "none/m.tflite",
    "board": "NUCLEO-F446RE",
    "out": "out",
    "x": X,
    "y": Y,
    "train": [(x, y) for x, y in zip(X, Y, strict=True)],
    "name": "features",
    "network": arch(),
    "trained": MODEL,
    "config": "none.toml",
    "space": "dscnn",
    "values": {},
    "module": None,
    "example": None,
}
"""A value for each parameter without a default, by its name."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_public_function_ends_in_an_error_of_python(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once 17 calls with a wrong kind of argument ended in a TypeError or an AttributeError far inside."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    function = getattr(mn, name)
    parameters = inspect.signature(function).parameters.values()
    needed = {p.name: NEEDED[p.name] for p in parameters if p.default is p.empty and p.name in NEEDED}
    needed |= {"data": mn.arrays(X, Y)} if "data" in inspect.signature(function).parameters else {}
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD or parameter.annotation == "Any":
            continue
        for bad in (object(), b"x", {1}, int, [None]):
            if callable(bad) and parameter.name in ("progress", "augment"):  # a class is a function, too
                continue
            with pytest.raises(MicronetsError) as e:
                function(**needed | {parameter.name: bad})
            assert str(e.value), (parameter.name, bad)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "kws", "test": 3}, "test is 3; need a path, text or None"),
        ({"name": "kws", "frontend": "log-mel"}, "frontend is 'log-mel'; need a FrontEnd or None"),
        ({"name": "kws", "splits": 3}, "splits is 3; need a list"),
        ({"name": "wake", "seed": -1}, "seed = -1; need an integer from 0 to 4294967295"),
        ({"name": "ad", "windows": object()}, "windows is an object; need a Windows or None"),
        ({"name": "kws", "path": "x" * 5000}, "path = 'x+\\.\\.\\. is too long: a name has 255 bytes at most, .*"),
    ],
)
def test_options_of_a_task_are_checked_too(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MicronetsError, match=f"^{message}$"):
        mn.load_data(**options)


def test_a_path_that_is_too_long_to_be_one() -> None:
    for function in (mn.run, mn.evaluate):
        with pytest.raises(MicronetsError, match=r"^\w+ = 'c+\.\.\. is too long: a name has 255 bytes at most, "):
            function("c" * 5000)


def test_messages_are_one_line_that_can_be_shown() -> None:
    assert str(MicronetsError("a\n  b\tc \x1b[31m\0")) == "a b c \\x1b[31m\\x00"
    long = str(MicronetsError(f"begin {'x' * 5000} end"))
    assert long.startswith("begin xxx")
    assert long.endswith("xxx end")
    assert len(long) == 1505
    with pytest.raises(MicronetsError, match=r"^unknown board 'a b'; known: "):
        mn.load_board("a\nb")


def changed(record: Any, **fields: Any) -> Any:
    return dataclasses.replace(record, **fields)


CONV = MODEL.arch.layers[0]
RECORDS = {
    "act_bits": (lambda bad: changed(CONV, act_bits=bad), "Conv2D.act_bits"),
    "name": (lambda bad: changed(CONV, name=bad), "Conv2D.name"),
    "kernel": (lambda bad: changed(CONV, kernel=bad), "Conv2D.kernel"),
    "inputs": (lambda bad: changed(CONV, inputs=bad), "Conv2D.inputs"),
}


@pytest.mark.parametrize("field", RECORDS)
@pytest.mark.parametrize("bad", [{1: 2}, [3], np.zeros(2)])
def test_layers_with_fields_of_wrong_kinds_are_named(field: str, bad: object) -> None:
    make, said = RECORDS[field]
    with pytest.raises(SpecError) as e:
        mn.Arch((8, 6, 1), (make(bad),))
    assert str(e.value).startswith((said, "layer 'conv': ", "layer '[3]'", "layer '{1: 2}'"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quant": None}, "QuantizedModel.quant is None; need a mapping"),
        ({"arch": 3}, "QuantizedModel.arch is 3; need an Arch"),
        ({"metadata": {"a": None}}, r"QuantizedModel.metadata\['a'\] is None; need text"),
        ({"quant": {**MODEL.quant, "conv": mn.TensorQuant([], 0)}}, "TensorQuant.scale is a list; need a number"),
        (
            {"quant": {**MODEL.quant, "conv": mn.TensorQuant(10**400, 0)}},
            "TensorQuant.scale is an integer of 1329 bits",
        ),
        (
            {"weights": {**MODEL.weights, "conv": changed(MODEL.weights["conv"], scales=[1])}},
            "LayerWeights.scales is a",
        ),
    ],
)
def test_models_with_fields_of_wrong_kinds_are_named(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=f"^{message}"):
        mn.write(changed(MODEL, **fields), tmp_path / "m.tflite")


@pytest.mark.parametrize(
    "make",
    [
        lambda: mn.TrainSettings(ema_decay=None),
        lambda: mn.TrainSettings(precision=np.zeros(2)),
        lambda: mn.SearchSettings(method=[]),
        lambda: mn.FrontEnd(sample_rate=10**400),
        lambda: mn.FrontEnd(window=np.zeros(2)),
        lambda: mn.ImageFrontEnd(fit=np.zeros(2)),
        lambda: mn.SearchSettings(supernet=np.zeros(2)),
        lambda: ImageAugmentation(zoom=None),
        lambda: ImageAugmentation(zoom=(1.0,)),
        lambda: ImageAugmentation(flip=np.zeros(2)),
        lambda: SpectrogramAugmentation(snr_db=3),
        lambda: SpectralSettings(moments=1),
        lambda: SpectralSettings(bands=None),
        lambda: WindowAugmentation(gain_db=None),
        lambda: AdOptions(pitches={}),
        lambda: TeacherConfig(run=np.zeros(2)),
        lambda: mn.load_data("images", balance=np.zeros(2)),
    ],
)
def test_settings_of_wrong_kinds_are_one_line(make: Callable[[], object]) -> None:
    with pytest.raises(SpecError) as e:
        make()
    assert len(str(e.value)) < 300


def test_lists_may_stand_for_tuples_in_settings() -> None:
    assert ImageAugmentation(zoom=[0.8, 1.0]).zoom == [0.8, 1.0]
    assert SpectralSettings(frame=np.int64(32)).points == SpectralSettings(frame=32).points
