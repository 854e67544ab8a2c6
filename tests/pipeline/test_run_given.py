"""Runs that train a finished model on: `init` names its file, and nothing is searched."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import micronets as mn
from micronets.boards.board import load_board
from micronets.cost.costs import budget_costs
from micronets.errors import SpecError
from micronets.ir.layers import Weighted
from micronets.pipeline.config import SpaceConfig, load, parse
from micronets.pipeline.toml_config import to_toml
from tests.commands.test_first_network import model
from tests.support.calling import Result, call
from tests.support.needs import needs

needs("torch", "design")

CONFIG = """\
task = "features"
board = "NUCLEO-F446RE"
init = "old.tflite"
out = "run"
[data]
path = "data"
[train]
epochs = 1
qat_epochs = 1
batch = 8
device = "cpu"
"""
ROOT = Path(__file__).parents[2]
TABLE = {"task": "features", "board": "NUCLEO-F446RE", "init": "m.tflite"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a directory with a model of the classes a, b and c, and data of b, c and d, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(CONFIG)
    mn.write(model(), tmp_path / "old.tflite")
    rng = np.random.default_rng(0)
    for name in "bcd":
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            np.save(tmp_path / "data" / name / f"{i}.npy", rng.normal(0, 1, (8, 6)))
    return tmp_path


def do(command: str, *words: str) -> Result:
    return call(command, "c.toml", *words)


def test_train_goes_on_from_the_network_of_a_file(here: Path) -> None:
    result = do("train", "--set", "data.noise=0.1")
    assert result.code == 0, result.err
    assert "search    old.tflite: new outputs for d; 2 outputs kept" in result.err
    assert "search    old.tflite: outputs without a class in the data left out: a" in result.err
    assert "search    no search: the network is that of old.tflite" in result.err
    assert '# [space]\n# name = "init"' in result.err
    arch = mn.Arch.from_json((here / "run/search/arch.json").read_text())
    assert [layer.name for layer in arch.layers] == [layer.name for layer in model().arch.layers]
    assert call("export", "run").code == 0
    made = mn.read(here / "run/model.tflite")
    assert json.loads(made.metadata["micronets.labels"]) == ["b", "c", "d"]
    shown = made.weights["conv"].centred * np.asarray(made.weights["conv"].scales).reshape(-1, 1, 1, 1)
    before = model().weights["conv"]
    old = before.centred * np.asarray(before.scales).reshape(-1, 1, 1, 1)
    gain = np.abs(shown).max(axis=(1, 2, 3)) / np.abs(old).max(axis=(1, 2, 3))
    near = np.abs(shown - gain[:, None, None, None] * old).max() / np.abs(shown).max()
    assert near < 0.2  # a training of two epochs has not left the weights it began with


def test_weights_of_an_int8_model_are_trained_on_in_4_bits(here: Path) -> None:
    fixed = do("train", "--out", "some", "--set", "space.bits=[8, 4]", "--set", "space.fix.bits_conv=4")
    assert fixed.code == 0, fixed.err
    assert "# bits = [8, 4]\n#\n# [space.fix]\n# bits_conv = 4" in fixed.err
    arch = mn.Arch.from_json((here / "some/search/arch.json").read_text())
    bits = {layer.name: layer.weight_bits for layer in arch.layers if isinstance(layer, Weighted)}
    assert bits.pop("conv") == 4
    assert set(bits.values()) == {8}
    values = json.loads((here / "some/search/values.json").read_text())
    assert {name: values[f"bits_{name}"] for name in ("conv", *bits)} == {"conv": 4, **bits}
    assert call("export", "some").code == 0
    weights = mn.read(here / "some/model.tflite").weights["conv"].weights
    assert abs(weights).max() == 7

    eight = budget_costs(model().arch, load_board("NUCLEO-F446RE"), ("tflite_bytes",))["tflite_bytes"]
    limit = f"budget.tflite_bytes={eight - 10}"
    chosen = do("train", "--out", "few", "--set", "space.bits=[8, 4]", "--set", limit)
    assert chosen.code == 0, chosen.err
    values = json.loads((here / "few/search/values.json").read_text())
    assert sorted(values.values()) == [4, *[8] * (len(values) - 1)], "one layer is enough"
    wrong = do("train", "--set", "space.bits=[4]", "--set", "space.fix.bits_cnv=4").error
    assert wrong == "space init: no choice 'bits_cnv'; did you mean 'bits_conv'? known: bits_conv, bits_dw, bits_logits"


def test_a_training_is_done_again_with_other_settings(here: Path) -> None:
    assert do("train").code == 0
    before = (here / "run/search/arch.json").read_bytes(), (here / "run/train/weights.pt").read_bytes()
    refused = call("train", "run", "--set", "train.lr=0.02")
    assert "run: holds a run with train.lr = 0.005, not 0.02; name another directory with --out" in refused.error
    again = call("train", "run", "--redo", "--set", "train.lr=0.02")
    assert again.code == 0, again.err
    assert load(here / "run/config.toml").train.lr == 0.02
    assert (here / "run/search/arch.json").read_bytes() == before[0]
    assert (here / "run/train/weights.pt").read_bytes() != before[1]
    assert call("export", "run").code == 0
    other = call("train", "run", "--redo", "--set", "data.noise=0.3")
    assert "run: holds a run with data.noise = " in other.error


def test_another_file_of_the_same_name_is_not_mixed_with_the_run(here: Path) -> None:
    assert do("train").code == 0
    mn.write(model(outputs=2, labels=("a", "b")), here / "old.tflite")
    assert "stage search was made with first weights = " in do("train").error


def test_a_budget_that_the_network_does_not_keep_is_refused(here: Path) -> None:
    result = do("train", "--set", "budget.macs=100")
    assert result.code == 2
    assert result.error.startswith(
        "budget: no network of space 'init' fits: macs = 100, but the cheapest network needs "
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {**TABLE, "space": {"name": "dscnn"}},
            "c.toml: init = 'm.tflite' gives the network, and [space] asks for another; remove [space], or set --set "
            "space=init",
        ),
        (
            {**TABLE, "init": "scratch", "space": "init"},
            "c.toml: space = \"init\" needs the network of a file, and init = 'scratch' names no model file; give "
            "the path of a .tflite or .onnx file",
        ),
        (
            {**TABLE, "space": {"name": "init", "max_width": 40}},
            'c.toml: space.max_width cannot be combined with space.name = "init"; remove it',
        ),
        (
            {**TABLE, "teacher": {"train": {"epochs": 3}}},
            "c.toml: [teacher] trains the largest network of a space, but here init gives the only network; name a "
            "trained teacher with teacher.run or teacher.model",
        ),
        (
            {**TABLE, "init": "m.tfl"},
            "c.toml: init = 'm.tfl'; known: scratch, supernet, or the directory of a finished run, or a .tflite or "
            ".onnx file",
        ),
    ],
)
def test_what_a_configuration_cannot_ask_for(table: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as e:
        parse(table, "c.toml")
    assert str(e.value) == message


def test_the_configuration_says_what_is_given(tmp_path: Path) -> None:
    config = parse({**TABLE, "teacher": {"model": "t.tflite"}, "train": {"epochs": 0}}, "c.toml")
    assert (config.space, config.train.epochs) == (SpaceConfig("init"), 0)
    (tmp_path / "c.toml").write_text(to_toml(config))
    assert load(tmp_path / "c.toml") == config
    text = 'task = "features"\nboard = "NUCLEO-F446RE"\n[space]\nname = "dscnn"\nmax_width = 80\n'
    (tmp_path / "d.toml").write_text(text)
    assert load(tmp_path / "d.toml", ("init=m.tflite", "space=init")).space == SpaceConfig("init")


def test_a_file_that_is_missing_is_told_before_the_data_are_read(here: Path) -> None:
    (here / "old.tflite").unlink()
    result = do("train")
    assert (result.code, result.error) == (2, f"init = 'old.tflite': no such file (paths start at {here})")


def test_a_dry_run_goes_through(here: Path) -> None:
    result = do("run", "--dry-run")
    assert result.code == 0, result.err
    rows = [line.split() for line in result.out.splitlines()]
    assert ["search", "-", "-", "-"] in [row[:4] for row in rows]


def test_the_configuration_of_the_page_is_one() -> None:
    page = (ROOT / "docs/own-data.md").read_text("utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    config = parse(tomllib.loads(text), "page.toml")
    assert (ROOT / config.init).is_file()
    assert config.space == SpaceConfig("init")
