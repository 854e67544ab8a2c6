"""Evaluation of any model: inputs of one axis, folders of one class, float models end in a result or in one line."""

from pathlib import Path

import numpy as np
import pytest

from micronets import tasks, write
from micronets.errors import MicronetsError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Split
from tests.support.calling import call
from tests.support.random_models import random_model
from tests.support.wavs import write_words


def test_a_vector_model_without_front_end_is_one_line(shared: Path) -> None:
    model = shared / "models/mlperf_tiny/ad01_int8.tflite"
    for task in ("kws", "ad", "features", "images"):
        result = call("evaluate", model, "--task", task)
        assert result.code == 2
        assert result.error.startswith(f"{model}: carries no ")


def test_a_model_that_does_not_say_its_task_is_asked_for_it(shared: Path) -> None:
    for model in ("mlperf_tiny/ad01_int8.tflite", "field/21ee6f17_bigsine_quant.tflite"):
        error = call("evaluate", shared / "models" / model).error
        assert error.startswith(f"{shared / 'models' / model}: carries no task, ")
        assert "\n" not in error.strip()
        assert "--task" in error


def test_a_model_is_not_judged_by_a_task_of_other_inputs() -> None:
    zoo = Path(__file__).parents[2] / "zoo"
    for name, own, task in (("ad_f446re", "ad", "kws"), ("kws_frontier", "kws", "ad"), ("ic_f446re", "ic", "features")):
        model = zoo / name / "model.tflite"
        error = call("evaluate", model, "--task", task).error
        assert error.startswith(f"{model}: is a model of task {own}, not of {task} (")


def test_float_models_are_one_line(shared: Path) -> None:
    model = shared / "models/mlperf_tiny_float/ad01_fp32.tflite"
    assert call("evaluate", model).error.startswith(f"{model}: a float model: ")


def test_a_model_of_several_outputs_is_one_line(tmp_path: Path) -> None:
    parts = Arch((8, 8, 1), (Split(name="a", inputs=(INPUT,), axis=0, others=("b",)),))
    model = write(random_model(parts, 0), tmp_path / "two.tflite")
    assert call("evaluate", model, "--task", "features").error == (
        f"{model}: has 2 outputs (a, b), and a score needs a single one; mn.tensors, from Python, computes them all"
    )


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_everything_of_one_class_can_be_tested_on(tmp_path: Path) -> None:
    words = write_words(tmp_path / "words", {"yes": 2})
    for task in ("kws", "audio"):
        assert tasks.load(task, words, splits=("all",)).size("all") == 2
        with pytest.raises(MicronetsError, match="only one class, 'yes'"):
            tasks.load(task, words)
    (tmp_path / "arrays/walk").mkdir(parents=True)
    np.save(tmp_path / "arrays/walk/1.npy", np.ones((4, 2)))
    assert tasks.load("features", tmp_path / "arrays", splits=("all",)).size("all") == 1
    with pytest.raises(MicronetsError, match="only one class, 'walk'"):
        tasks.load("features", tmp_path / "arrays")
