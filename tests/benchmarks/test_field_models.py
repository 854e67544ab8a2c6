"""Models of strangers: what counts as read, what a refusal is called, and the shares in the table."""

from pathlib import Path

import pytest

from benchmarks.field_models import Outcome, outcome, reason, table
from micronets import tflite
from tests.support.random_models import random_arch, random_model


def test_a_model_that_reads_is_run_and_one_that_does_not_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "good.tflite").write_bytes(tflite.write(random_model(random_arch(3), 3)))
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    assert outcome(tmp_path / "good.tflite", "sound", "a") == Outcome("sound", "a", "")
    assert "not a .tflite file" in outcome(tmp_path / "bad.tflite", "sound", "b").refusal


@pytest.mark.parametrize(
    ("message", "short"),
    [
        (
            "m.tflite: operator 3 (REDUCE_MAX): this operator writing tensor 10 'max' is not supported; ...",
            "REDUCE_MAX",
        ),
        ("m.tflite: operator 0 (operator 44): this operator writing tensor 2 '' is not supported", "operator 44"),
        ("m.tflite: tensor 0 'in:0' is UINT8; only int8 models are supported", "a tensor is UINT8"),
        ("m.tflite: 2 subgraphs; only models of one are supported", "2 subgraphs"),
    ],
)
def test_a_refusal_is_called_by_its_operator(message: str, short: str) -> None:
    assert reason(message) == short


def test_the_table_counts_models_and_structures() -> None:
    text = table(
        [
            Outcome("words", "a", ""),
            Outcome("words", "a", ""),
            Outcome("words", "b", "SVDF"),
            Outcome("ECG", "c", "MUL"),
        ]
    )
    assert text.splitlines()[2:4] == ["| ECG | 1 | 0 | MUL |", "| words | 3 | 2 | SVDF |"]
    assert "2 of 4 models (50%), and 1 of 3 different structures (33%)" in text
