"""`import micronets as mn`: what is there, that help fits on two screens, and that importing stays light."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import micronets as mn
from micronets.installation import install

SOURCE = Path(str(mn.__file__)).read_text("utf-8")
VERBS = (
    *("read", "write", "inspect", "invoke", "tensors", "compile", "app", "measure", "evaluate"),
    *("arrays", "data_from_torch", "load_data", "from_torch", "search", "train", "quantise", "export", "run"),
)


def test_every_name_is_found_and_is_what_type_checkers_see() -> None:
    block = next(n for n in ast.parse(SOURCE).body if isinstance(n, ast.If))
    seen = {}
    for line in block.body:
        assert isinstance(line, ast.ImportFrom)
        (alias,) = line.names
        seen[alias.asname] = (str(line.module).removeprefix("micronets."), alias.name)
    assert seen == mn._PLACES
    assert sorted(seen) == mn.__all__
    for name in mn.__all__:
        assert getattr(mn, name) is not None
    with pytest.raises(AttributeError, match="module 'micronets' has no attribute 'serach'"):
        mn.serach  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "scipy", "click", "typing_extensions"}
    code = f"import sys, micronets; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_deploy_half_needs_no_torch() -> None:
    names = (
        "read",
        "write",
        "inspect",
        "invoke",
        "tensors",
        "compile",
        "app",
        "measure",
        "evaluate",
        "Arch",
        "SearchSettings",
        "run",
    )
    code = f"import sys, micronets as mn; [getattr(mn, n) for n in {names}]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_run_stays_the_function_whatever_is_imported() -> None:
    import micronets.pipeline.context

    assert callable(mn.run)
    assert mn.run is micronets.pipeline.perform.run
    for name in mn.__all__:
        assert not (Path(str(mn.__file__)).parent / name).exists(), f"a folder called {name} would hide the name"
        assert not (Path(str(mn.__file__)).parent / f"{name}.py").exists(), f"a file called {name} would hide the name"


def test_help_fits_on_two_screens() -> None:
    show = "import pydoc; print(pydoc.render_doc(mn, renderer=pydoc.plaintext))"
    code = f"import micronets as mn; mn.search; mn.Arch; {show}"  # names that were used before change nothing
    text = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert len(text.splitlines()) <= 100, len(text.splitlines())
    lines = str(mn.__doc__).splitlines()
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("name", VERBS)
def test_help_shows_the_verbs_with_their_signatures(name: str) -> None:
    found = re.search(rf"^    {name}\(((?:[^()]|\(\))*)\)", str(mn.__doc__), re.MULTILINE)
    assert found is not None, name
    parameters = inspect.signature(getattr(mn, name)).parameters.values()
    said, starred = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            said.append("*")
            starred = True
        default = getattr(p.default, "name", p.default)
        text = "" if p.default is p.empty else f"={default!r}"
        said.append(f"**{p.name}" if p.kind is p.VAR_KEYWORD else f"{p.name}{text}")
    assert " ".join(found[1].split()) == ", ".join(said)


def test_help_names_every_noun() -> None:
    text = str(mn.__doc__)
    for name in mn.__all__:
        assert re.search(rf"\b{name}\b", text), name


def test_type_checkers_of_users_see_our_types() -> None:
    root = Path(str(mn.__file__)).parent
    assert (root / "py.typed").exists()
    table = tomllib.loads((root.parents[1] / "pyproject.toml").read_text("utf-8"))
    assert "py.typed" in table["tool"]["setuptools"]["package-data"]["micronets"]


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_torch(name: str, *rest: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("importlib.import_module", without_torch)
    with pytest.raises(ModuleNotFoundError) as raised:
        mn.__getattr__("search")
    assert raised.value.__notes__ == [f"micronets.search needs the package 'torch': {install('design')}"]


def test_verbs_of_the_design_half_name_the_package_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micronets.installation.find_spec", lambda package: None)
    needed = f"this needs the package 'torch': {install('design')}"
    trained = type("TrainResult", (), {})()  # that of ours cannot be imported without torch
    for verb in (
        lambda: mn.search("dscnn", None, board="x"),
        lambda: mn.train("m.tflite", None),
        lambda: mn.quantise(trained, None),
    ):
        with pytest.raises(mn.MicronetsError) as raised:
            verb()
        assert str(raised.value) == needed
