"""Models of strangers: what counts as read, what a refusal is called, and the shares in the table."""

import json
from pathlib import Path

import pytest

from benchmarks import field_models
from benchmarks.field_models import BOARD, Found, Row, domains, found_of, kept, reason, table
from micronets import tflite
from micronets.boards.board import load_board
from micronets.device.cross_compiler import find_compiler
from micronets.errors import DeviceError
from tests.support.random_models import random_arch, random_model


def test_a_model_that_reads_is_run_and_one_that_does_not_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("tflite_micro")
    try:
        find_compiler(load_board(BOARD))
    except DeviceError as e:
        pytest.skip(str(e))
    (tmp_path / "good.tflite").write_bytes(tflite.write(random_model(random_arch(3), 3)))
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    good = found_of(tmp_path / "good.tflite")
    assert good.refusal == good.no_tflm == ""
    assert good.compared
    assert good.arena_predicted is not None
    assert good.arena_bisected is not None
    assert good.arena_bisected <= good.arena_predicted <= good.arena_bisected + 16
    assert good.cycles_c
    assert "not a .tflite file" in found_of(tmp_path / "bad.tflite").refusal


def test_what_a_model_gave_is_kept_until_its_file_or_the_sources_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_models, "KEPT", tmp_path / "build" / "kept.json")
    path, asked = tmp_path / "a.tflite", []
    store: dict[str, dict[str, object]] = {}

    def compute(file: Path) -> Found:
        asked.append(file.read_bytes())
        return Found("", compared=len(asked))

    path.write_bytes(b"one")
    assert kept(path, compute, store, "sources").compared == 1
    assert kept(path, compute, store, "sources").compared == 1
    assert kept(path, compute, store, "others").compared == 2
    path.write_bytes(b"two")
    assert kept(path, compute, store, "others").compared == 3
    assert json.loads(field_models.KEPT.read_text()) == store


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


def test_the_tables_count_models_and_structures() -> None:
    done = Found(
        "",
        compared=1000,
        arena_predicted=110,
        arena_bisected=100,
        arena_cortex_m=90,
        arena_c=50,
        state_c=50,
        flash_predicted=99,
        flash_built=100,
        cycles_tflm=4000,
        cycles_c=1000,
    )
    rows = [
        Row("1_x.tflite", "words", "a", done),
        Row("2_y.tflite", "words", "a", done),
        Row("3_z.tflite", "words", "b", Found("SVDF")),
        Row("4_w.tflite", "ECG", "c", Found("MUL")),
    ]
    text = domains(rows)
    assert text.splitlines()[2:4] == ["| ECG | 1 | 0 | MUL |", "| words | 3 | 2 | SVDF |"]
    assert "2 of 4 models (50%), and 1 of 3 different structures (33%)" in text
    text = table(rows)
    assert "| x | 1,000 | 100 | +10.0 % | 50 | 50 | 100 | -1.0 % | 1 | 4 |" in text.splitlines()
    assert "| z | refused: SVDF | | | | | | | | |" in text.splitlines()
    assert "2 of 4 models, and 1 of 3 different structures, become C. 2,000 bytes of 2 models" in text
    assert "larger than TFLM's arena on a Cortex-M, which is predicted, for 2 of 2 models" in text
    assert "Our C takes 0.25 of TFLM's estimated cycles" in text
