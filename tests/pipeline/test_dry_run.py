"""Dry runs: every stage of the recipes in minutes, what they foretell, and what they leave alone."""

import dataclasses
import functools
import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.needs import needs

needs("torch", "design")

import torch

from micronets import tasks
from micronets.frontend.image import ImageFrontEnd
from micronets.pipeline import dry_run
from micronets.pipeline.config import load
from micronets.tasks import Card
from micronets.tasks.images import coco
from micronets.tasks.views import view_of
from tests.support.calling import call
from tests.support.tiny_task import TinyTask
from tests.support.tones import config, tones

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = {  # the spaces of the recipes, so narrow that a network trains and is simulated in a second
    "dscnn": ["space.max_width=40"],
    "temporal": ["space.max_width=40", "space.blocks=2"],
    "resnet": ["space.max_width=8"],
    "mobilenetv2": ["space.width_multiplier=0.1", "space.multiple=8"],
}
GONE_THROUGH = ["paper_ad_s_f446re", "paper_kws_s_f746zg", "paper_vww_s_f446re"]
"""A recipe for each kind of stage, of data and of space; tests/tasks/test_own_data.py runs those for own data."""


def rehearse(name: str, out: Path, *more: str) -> dict:
    """Returns the outcome of a dry run of an example on synthetic data, in a narrow space."""
    table = load(EXAMPLES / f"{name}.toml")
    changes = ['data.path=""', *SMALL[table.space.name], *more]
    changes += ['data.test=""'] if hasattr(table.data, "test") else []
    changes += ["teacher.options.max_width=8"] if table.teacher and "max_width" in table.teacher.options else []
    words = [w for c in changes for w in ("--set", c)]
    result = call("run", EXAMPLES / f"{name}.toml", "--dry-run", "--json", "--out", out, *words)
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.mark.parametrize("name", GONE_THROUGH)
def test_recipes_go_through_every_stage(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "SYNTHETIC", 40)  # examples, which are enough for the splits of every task
    monkeypatch.setattr(dry_run, "CPU_BATCH", 4)
    found = rehearse(name, tmp_path / "run")
    recipe = load(EXAMPLES / f"{name}.toml")
    costs = {c["stage"]: c for c in found["costs"]}
    later = ("train", "train quantised", "export", "compile", "evaluate", "report")
    assert [*costs] == [s for s in ("data", "search", "teacher", *later) if s in costs]
    assert ("teacher" in costs) == (recipe.teacher is not None)
    assert costs["train"]["steps"] % recipe.train.epochs == 0
    assert costs["search"]["steps"] % recipe.search.epochs == 0
    for stage in ("search", "train", "train quantised"):
        c = costs[stage]
        assert c["steps"] >= 1
        assert c["step_seconds"] > 0
        assert 0 <= c["loader"] <= 1
        assert c["seconds"] >= c["steps"] * c["step_seconds"]
        assert c["memory_bytes"] > 1e8
        assert c["scaled"] == (found["device"] == "this CPU" and recipe.train.batch > dry_run.CPU_BATCH)
    out = tmp_path / "run-dry-run"
    assert {"model.tflite", "report.html", "measure.json", "evaluate.json", "dry_run.json"} <= {
        p.name for p in out.iterdir()
    }
    assert not (tmp_path / "run").exists()


def test_the_directory_of_the_run_is_not_touched_and_the_dry_one_made_anew(tmp_path: Path) -> None:
    tones(tmp_path / "words")
    file = config(tmp_path, tmp_path / "words")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("results")
    before = (tmp_path / "run").stat().st_mtime_ns
    first = call("run", file, "--dry-run")
    assert first.code == 0, first.err
    assert re.search(r"^search +\d+ +[\d.e-]+ +\d+% ", first.out, re.MULTILINE)
    assert re.search(
        r"every stage passed in \d+ s\. The scores of a dry run mean nothing\. .*/run-dry-run$", first.out.strip()
    )
    made = (tmp_path / "run-dry-run/dry_run.json").stat().st_mtime_ns
    assert call("run", file, "--dry-run").code == 0
    assert (tmp_path / "run-dry-run/dry_run.json").stat().st_mtime_ns > made
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["precious"]
    assert (tmp_path / "run").stat().st_mtime_ns == before


def test_errors_of_the_run_are_those_of_the_dry_run(tmp_path: Path) -> None:
    tones(tmp_path / "words")
    file = config(tmp_path, tmp_path / "words")
    nothing = call("run", file, "--dry-run", "--set", f"data.path={tmp_path}/none")
    assert nothing.code == 2
    assert nothing.error.startswith(f"{tmp_path}/none: no such directory; give a folder of WAV files per class")
    tight = call("run", file, "--dry-run", "--set", "budget.macs=10")
    assert tight.code == 2
    assert "macs" in tight.error
    assert not (tmp_path / "run-dry-run/search").exists()
    assert call("run", file, "--dry-run", "--resume").error.startswith("--dry-run does not go with --resume")


def test_an_error_names_the_file_and_not_the_link_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tones(tmp_path / "words")
    for wav in (tmp_path / "words").rglob("*.wav"):
        wav.write_bytes(b"no sound")
    monkeypatch.setattr(dry_run, "sample", functools.partial(dry_run.sample, files=50))
    result = call("run", config(tmp_path, tmp_path / "words"), "--dry-run")
    assert result.code == 2
    assert re.search(r"^data +reading .*micronets-.*/words$", result.err, re.MULTILINE)  # a sample of 20 links a folder
    assert result.error.startswith(f"{tmp_path}/words/")
    assert "micronets-" not in result.error


def test_a_run_in_the_way_is_left_alone(tmp_path: Path) -> None:
    tones(tmp_path / "words")
    file = config(tmp_path, tmp_path / "words")
    other = tmp_path / "run-dry-run"
    other.mkdir()
    (other / "stages.json").write_text("{}")
    (other / "config.toml").write_text("")
    result = call("run", file, "--dry-run")
    assert (
        result.error
        == f"{other}: holds a run that is not a dry run; move it away, or name another directory with --out"
    )
    assert {p.name for p in other.iterdir()} == {"stages.json", "config.toml"}


class Slow(TinyTask):
    """A task whose batches take a known time to come."""

    def augmented(self, indices, settings, generator):
        time.sleep(0.02)
        return super().augmented(indices, settings, generator)


def test_few_examples_stand_for_all() -> None:
    data = Slow(train=300)
    few = dry_run.FewExamples(data, batch=8, doing="search")
    rng = np.random.default_rng(0)
    order = few.epoch(rng)
    assert len(order) == 8 * dry_run.STEPS
    assert (few.size("train"), few.size("val")) == (300, dry_run.FEW_EXAMPLES)
    x = few.augmented(torch.from_numpy(order[:8]), {}, torch.Generator().manual_seed(0))
    assert x.shape == (8, 16, 8, 1)
    begun, there = few.calls["search"][0]
    assert there - begun >= 0.02
    assert few.inputs("val", {}).shape[0] == len(few.labels("val")) == dry_run.FEW_EXAMPLES
    right = np.eye(3)[few.labels("val")]
    assert few.evaluate(right, "val").samples == 96  # the others count too, as wrong ones
    assert few.metric == "accuracy"


def test_a_teacher_that_has_had_only_a_dry_run_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/kws_l_f446re_first-dry-run").mkdir(parents=True)
    (tmp_path / "runs/kws_l_f446re_first-dry-run/stages.json").write_text("{}")
    student = load(EXAMPLES / "kws_s_f446re_first.toml")
    assert dry_run.shrunk(student, "cpu").teacher.run == "runs/kws_l_f446re_first-dry-run"
    (tmp_path / "runs/kws_l_f446re_first").mkdir()
    (tmp_path / "runs/kws_l_f446re_first/stages.json").write_text("{}")
    assert dry_run.shrunk(student, "cpu").teacher.run == "runs/kws_l_f446re_first"


def test_a_dry_run_needs_no_weights_of_an_earlier_run() -> None:
    recipe = dataclasses.replace(load(EXAMPLES / "vww_f446re.toml"), init="runs/earlier")
    assert dry_run.shrunk(recipe, "cpu").init == "supernet"


def test_batches_are_those_of_the_configuration_on_a_gpu() -> None:
    recipe = load(EXAMPLES / "paper_vww_s_f446re.toml")
    gpu, cpu = dry_run.shrunk(recipe, "cuda"), dry_run.shrunk(recipe, "cpu")
    assert (gpu.search.batch, gpu.train.batch, gpu.teacher.train.batch) == (768, 768, 768)
    assert (cpu.search.batch, cpu.train.batch, cpu.teacher.train.batch) == (dry_run.CPU_BATCH,) * 3
    assert (gpu.search.epochs, gpu.train.epochs, gpu.train.qat_epochs) == (1, 1, 1)
    assert dataclasses.replace(gpu, search=recipe.search, train=recipe.train, teacher=recipe.teacher) == recipe


def test_a_sample_of_a_large_directory_has_files_of_every_folder(tmp_path: Path) -> None:
    for folder in ("yes", "no"):
        (tmp_path / "words" / folder).mkdir(parents=True)
        for i in range(100):
            (tmp_path / "words" / folder / f"{i:03}.wav").write_bytes(bytes([i]))
    (tmp_path / "words/testing_list.txt").write_text("yes/000.wav\n")
    found = dry_run.sample(tmp_path / "words", tmp_path / "into", files=50)
    assert (found.path.name, found.files, found.of) == ("words", 50, 200)
    assert [p.name for p in sorted((found.path / "no").iterdir())] == [f"{i:03}.wav" for i in range(0, 100, 4)]
    assert (found.path / "yes/096.wav").read_bytes() == bytes([96])
    assert (found.path / "testing_list.txt").is_file()
    whole = dry_run.sample(tmp_path / "words", tmp_path / "unused", files=200)
    assert (whole.path, whole.files, whole.of) == (tmp_path / "words", 200, 200)
    shutil.rmtree(found.path)
    assert len(list((tmp_path / "words/yes").iterdir())) == 100  # links, no more


def test_a_sample_of_coco_is_coco(tmp_path: Path) -> None:
    image = needs("PIL.Image", "design")
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    for part in ("train2014", "val2014"):
        (root / part).mkdir()
        images = [{"id": i, "file_name": f"COCO_{i:04}.jpg", "width": 20, "height": 10} for i in range(120)]
        boxes = [{"image_id": i, "category_id": 1, "bbox": [0, 0, 10, 10]} for i in range(0, 120, 2)]
        for i in images:
            image.new("RGB", (20, 10)).save(root / part / i["file_name"])
        table = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}
        (root / "annotations" / f"instances_{part}.json").write_text(json.dumps(table))
    found = dry_run.sample(root, tmp_path / "into", files=100)
    assert (found.files, found.of) == (100, 240)
    data = coco.load(found.path, coco.ImageFrontEnd(resolution=8), ("train", "val", "test"), coco.ImageAugmentation())
    assert data.size("train") + data.size("val") == data.size("test") == 50
    assert len(json.loads((root / "annotations/instances_val2014.json").read_text())["images"]) == 120


def test_a_search_by_supernet_is_timed_by_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches for the statistics of batch norm come after the last step and take much less time than one."""
    from micronets.design.supernet import Supernet

    compute = Supernet.compute

    def slow(self, x, arch):
        time.sleep(0.2)
        return compute(self, x, arch)

    monkeypatch.setattr(Supernet, "compute", slow)
    settings = ("search.method=supernet", "search.evaluations=1000000", "search.candidates=7")
    found = rehearse("own_features", tmp_path / "run", *settings)
    costs = {c["stage"]: c for c in found["costs"]}
    assert costs["search"]["steps"] % load(EXAMPLES / "own_features.toml").search.epochs == 0
    assert costs["search"]["step_seconds"] >= 0.2


def test_what_stands_for_pictures_in_a_dry_run_shows_them_to_a_teacher_of_another_input() -> None:
    pictures = tasks.load("vww", synthetic_images=40)
    card = Card(pictures.classes, ImageFrontEnd(resolution=32).to_json(), (32, 32, 3), "teacher.tflite")
    view = view_of(dry_run.FewExamples(pictures), card, {"resolution": 96})
    assert view(torch.arange(2), torch.Generator().manual_seed(1)).shape == (2, 32, 32, 3)
