"""Evaluation of any model: inputs of one axis, folders of one class, float models end in a result or in one line."""

from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import MicronetsError
from tests.support.calling import call
from tests.support.wavs import write_words


def test_a_vector_model_without_front_end_is_one_line(shared: Path) -> None:
    model = shared / "models/mlperf_tiny/ad01_int8.tflite"
    for task in ("kws", "ad", "features", "images"):
        result = call("evaluate", model, "--task", task)
        assert result.code == 2
        assert result.error.startswith(f"{model}: carries no ")


def test_float_models_are_one_line(shared: Path) -> None:
    model = shared / "models/mlperf_tiny_float/ad01_fp32.tflite"
    assert call("evaluate", model).error.startswith(f"{model}: a float model: ")


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
