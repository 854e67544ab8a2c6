import dataclasses
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docs.make_configuration import page
from micronets.errors import FileError, SpecError
from micronets.pipeline.config import SpaceConfig, first_difference, load, make_space, parse
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import RunDir
from micronets.pipeline.sweep_config import load_sweep
from micronets.pipeline.toml_config import to_toml
from tests.support.tones import tones

MINIMAL = {"board": "NUCLEO-F446RE", "space": {"name": "dscnn"}}
ROOT = Path(__file__).parents[2]


def test_the_least_configuration_has_every_default() -> None:
    config = parse(MINIMAL, "x/little.toml")
    assert (config.task, config.seed, config.init, config.out) == ("kws", 0, "supernet", "runs/little")
    assert config.budget.limits() == {}
    assert config.data.path == ""
    assert config.space.options["max_width"] == 276
    assert config.teacher is None


def test_the_saved_configuration_reads_back_the_same() -> None:
    table = {
        **MINIMAL,
        "seed": 3,
        "optimise": "speed",
        "budget": {"arena_bytes": "64kB", "macs": 8.3e6},
        "data": {"path": "my words", "augmentation": {"snr_db": [0, 10]}, "frontend": {"n_mels": 32}},
        "space": {"name": "dscnn", "max_width": 80, "fix": {"stem_stride": 2}},
        "train": {"epochs": 7},
        "teacher": {"options": {"max_width": 120}, "values": {"stem_width": 12}, "train": {"epochs": 9}},
    }
    config = parse(table, "a.toml")
    assert config.budget.arena_bytes == 64000
    assert (config.optimise, parse(MINIMAL, "a.toml").optimise) == ("speed", "size")
    assert config.data.frontend is not None
    assert config.data.frontend.n_mels == 32
    assert config.teacher is not None
    assert config.teacher.train is not None
    assert (config.teacher.train.epochs, config.teacher.train.lr) == (9, config.train.lr)
    assert parse(tomllib.loads(to_toml(config)), "a.toml") == config


def test_an_augmentation_in_part_leaves_the_rest_as_the_task_has_it() -> None:
    """What a table left out was taken from the defaults of another task: vww moves no pictures."""
    table = {**MINIMAL, "task": "vww", "space": {"name": "mobilenetv2"}, "data": {"augmentation": {"flip": 0.25}}}
    found, usual = parse(table, "a.toml").data.augmentation, parse({**table, "data": {}}, "a.toml").data.augmentation
    assert usual.shift == 0
    assert found == replace(usual, flip=0.25)


@pytest.mark.parametrize(
    "teacher", [{"run": "runs/large", "views": 3}, {"model": "a.tflite", "front_end": "mlperf-mfcc"}]
)
def test_a_finished_teacher_is_saved_and_read_back(teacher: dict[str, object]) -> None:
    config = parse({**MINIMAL, "teacher": teacher}, "a.toml")
    assert config.teacher is not None
    assert config.teacher.train is None
    assert parse(tomllib.loads(to_toml(config)), "a.toml") == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sead": 1}, "c.toml: unknown key 'sead'; did you mean 'seed'? known: board, budget, data, init, "),
        ({"train": {"epoch": 1}}, "c.toml: unknown key 'train.epoch'; did you mean 'epochs'? known: "),
        ({"search": {"epochs": "many"}}, "c.toml: search.epochs = 'many'; need an integer"),
        ({"train": 3}, "c.toml: train = 3; need a table [train]"),
        ({"train": {"epochs": 0}}, "c.toml: train.epochs = 0; a run trains the network that it finds: give at least 1"),
        ({"train": {"qat_epochs": 0}}, "c.toml: train.qat_epochs = 0; a run ends with an int8 model: give at least 1"),
        ({"train": {"lr": -1}}, "c.toml: train: lr = -1.0; need more than 0"),
        ({"task": "kvs"}, "c.toml: unknown task 'kvs'; did you mean 'kws'? known: ad, "),
        (
            {"board": "NUCLEO-F446"},
            "c.toml: unknown board 'NUCLEO-F446'; did you mean 'NUCLEO-F446RE'? known: Alif E7 DK, ",
        ),
        (
            {"space": {"name": "dscn"}},
            "c.toml: unknown space 'dscn'; did you mean 'dscnn'? known: auto, dscnn, mobilenetv2, ",
        ),
        ({"space": {}}, "c.toml: unknown space ''; known: auto, dscnn, mobilenetv2, resnet, temporal"),
        (
            {"space": {"name": "dscnn", "width": 3}},
            "c.toml: unknown key 'space.width'; did you mean 'max_width'? known: ",
        ),
        ({"space": {"name": "dscnn", "max_width": 3}}, "c.toml: space dscnn: max_width = 3; allowed: 40 to 4,096"),
        (
            {"space": {"name": "dscnn", "fix": {"stem_strid": 1}}},
            "c.toml: space dscnn: no choice 'stem_strid'; did you mean 'stem_",
        ),
        ({"space": {"name": "dscnn", "fix": {"stem_stride": 3}}}, "c.toml: space.fix.stem_stride = 3; options: 1, 2"),
        (
            {"budget": {"arena_bytes": "12 parsecs"}},
            "c.toml: budget.arena_bytes: '12 parsecs' is not a size; write whole bytes, ",
        ),
        ({"budget": {"arena_bytes": 0}}, "c.toml: budget: arena_bytes = 0; a limit is greater than 0"),
        ({"budget": {"arena": 1}}, "c.toml: unknown key 'budget.arena'; did you mean 'arena_bytes'? known: "),
        ({"data": {"frontend": {"kind": "mel"}}}, "c.toml: front end: kind = 'mel'; "),
        (
            {"data": {"augmentation": {"shift": 1}}},
            "c.toml: unknown key 'data.augmentation.shift'; did you mean 'shift_frames'? ",
        ),
        (
            {"optimise": "fast"},
            "c.toml: optimise = 'fast'; did you mean 'fastest'? known: balanced, fastest, size, speed",
        ),
        ({"init": "random"}, "c.toml: init = 'random'; known: scratch, supernet"),
        ({"teacher": {"train": {"epoch": 1}}}, "c.toml: unknown key 'teacher.train.epoch'; did you mean 'epochs'? "),
        (
            {"teacher": {"run": "x", "values": {"a": 1}}},
            "c.toml: teacher.values cannot be combined with teacher.run, which is already trained",
        ),
        (
            {"teacher": {"model": "x.tflite", "train": {"epochs": 3}}},
            "c.toml: teacher.train cannot be combined with teacher.model, which is already trained",
        ),
        (
            {"teacher": {"model": "x.tflite", "run": "runs/x"}},
            "c.toml: teacher.run and teacher.model are two teachers; remove one of them",
        ),
        (
            {"teacher": {"front_end": "mlperf-mfcc"}},
            "c.toml: teacher.front_end = 'mlperf-mfcc' needs teacher.model, which is not set",
        ),
        ({"teacher": {"views": -1}}, "c.toml: teacher.views = -1; allowed: 0 to 1,000"),
        ({"teacher": {"values": {"width": 1}}}, "c.toml: teacher.values: space dscnn: no choice 'width'; "),
    ],
)
def test_errors_say_what_where_and_the_way_out(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as e:
        parse({**MINIMAL, **change}, "c.toml")
    assert str(e.value).startswith(message)


def test_a_missing_section_is_named() -> None:
    with pytest.raises(SpecError, match=r"c.toml: 'board' is missing; a configuration needs a board and a \[space\]"):
        parse({"space": {"name": "dscnn"}}, "c.toml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        FileError, match=r"none.toml: cannot read this configuration \(No such file or directory\); examples"
    ):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(FileError, match=r"bad.toml: not TOML \(Invalid value \(at line 1, column 5\)\)"):
        load(tmp_path / "bad.toml")


def test_overrides_change_and_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('board = "NUCLEO-F446RE"\nout = "a"\n[space]\nname = "dscnn"\n')
    config = load(path, ["train.epochs=3", "budget.arena_bytes=64K", "space.fix.stem_stride=2", "seed=9"], out="b")
    assert (config.train.epochs, config.budget.arena_bytes, config.seed, config.out) == (3, 65536, 9, "b")
    assert make_space("kws", config.space, 12).choice("stem_stride").options == (2,)
    with pytest.raises(SpecError, match=r"unknown key 'train.epoch'; did you mean 'epochs'\?"):
        load(path, ["train.epoch=3"])
    with pytest.raises(SpecError, match=r"--set out.x: 'out' is a value, not a table"):
        load(path, ["out.x=1"])


def test_the_first_difference_is_named_and_out_does_not_count() -> None:
    one = parse(MINIMAL, "c.toml")
    assert first_difference(one, dataclasses.replace(one, out="elsewhere")) is None
    two = dataclasses.replace(one, train=dataclasses.replace(one.train, epochs=1))
    assert first_difference(one, two) == ("train.epochs", one.train.epochs, 1)
    three = dataclasses.replace(one, budget=dataclasses.replace(one.budget, macs=5))
    assert first_difference(one, three) == ("budget.macs", None, 5)


@pytest.mark.parametrize(
    "path", sorted([*(ROOT / "examples").glob("*.toml"), *(ROOT / "benchmarks").glob("*.toml")]), ids=lambda p: p.stem
)
def test_examples_are_valid(path: Path) -> None:
    config = load_sweep(path).run if "sweep" in tomllib.loads(path.read_text("utf-8")) else load(path)
    assert config.out.split("/")[0] in ("demo", "runs")
    assert config.budget.limits()


def test_the_reference_says_what_the_classes_say() -> None:
    assert (ROOT / "docs/configuration.md").read_text("utf-8") == page(), "run: python -m docs.make_configuration"


def test_what_the_data_decide_cannot_be_set_to_something_else() -> None:
    given = {"frames": 49, "bands": 40}
    space = parse(MINIMAL, "c.toml").space

    def with_frames(frames: int) -> SpaceConfig:
        return replace(space, options={**space.options, "frames": frames})

    made = make_space("kws", space, 12, given)
    assert made.template(made.largest().__getitem__).input_shape == (49, 20, 1)
    assert make_space("kws", with_frames(49), 12, given).choices == made.choices
    with pytest.raises(SpecError, match=r"^space\.frames = 50; the data decide this, and have 49: remove it$"):
        make_space("kws", with_frames(50), 12, given)


def test_a_weight_of_made_examples_needs_some_before_anything_is_searched(tmp_path: Path) -> None:
    tones(tmp_path / "words", clips=8)
    table = {**MINIMAL, "data": {"path": str(tmp_path / "words"), "negatives": 0}, "train": {"made_weight": 3}}
    context = RunContext(parse(table, "a.toml"), RunDir(tmp_path / "run"), progress=lambda _: None)
    with pytest.raises(
        SpecError, match=r"^train: made_weight = 3: no examples are made on top of these data; leave it"
    ):
        _ = context.data


def test_the_seed_leaves_the_data_as_they_are(tmp_path: Path) -> None:
    """As its documentation says: it is of the search and the training."""
    tones(tmp_path / "words", clips=8)
    data = []
    for seed in (0, 7):
        config = parse({**MINIMAL, "seed": seed, "data": {"path": str(tmp_path / "words")}}, "a.toml")
        run = RunDir(tmp_path / str(seed))
        data.append(RunContext(config, run, progress=lambda _: None).data)
    for split in ("train", "val", "test"):
        x, y = (d.inputs(split, {}) for d in data)
        assert np.array_equal(x, y), split
        assert np.array_equal(data[0].labels(split), data[1].labels(split)), split
