"""Files with other values: most are still models, none differs from TFLM, and the program would notice one that did."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mutated_outputs
from benchmarks.mutate import revalued, values
from benchmarks.mutated_outputs import FAILURES, Run, campaign, sanitized, sound_files, table
from micronets.compiler import compile_model
from micronets.errors import DeviceError
from micronets.quantized import reference
from micronets.runtimes.base import seeded_inputs
from micronets.tflite import read, write
from tests.support.needs import needs_tflm
from tests.support.random_models import random_arch, random_model

FILES = 60


@needs_tflm
def test_no_file_differs_from_tflm_and_none_makes_it_die(tmp_path: Path) -> None:
    outcomes, run_as_c = campaign(sound_files(tmp_path), 5, range(FILES), 8)
    assert not [o for o in outcomes if o.end in FAILURES]
    assert sum(o.end == "equal" for o in outcomes) > FILES // 6
    assert run_as_c >= 1
    assert f"| of {FILES} files with other values |" in table(outcomes, run_as_c)


@needs_tflm
def test_bytes_that_differ_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "output_bytes", lambda model, x: np.zeros((len(x), 1), np.int8))
    outcomes, _ = campaign(sound_files(tmp_path), 5, range(12), 0)
    assert {o.end for o in outcomes} >= {"refused", "differs"}


def test_c_that_differs_is_noticed_and_the_others_are_not_blamed() -> None:
    runs = []
    for seed in (3, 4, 7):
        model = random_model(random_arch(seed), seed)
        x = seeded_inputs(model, mutated_outputs.SAMPLES, seed)
        runs.append(Run(seed, compile_model(model), x, reference.output_bytes(model, x).tobytes()))
    try:
        assert sanitized(runs) == []
    except DeviceError as e:
        pytest.skip(f"no C compiler with sanitizers: {e}")
    other = bytes(b ^ 1 for b in runs[1].expected)
    (found,) = sanitized([runs[0], replace(runs[1], expected=other), runs[2]])
    assert (found.number, found.end) == (4, "C differs")


def test_other_values_leave_the_file_as_long_as_it_was_and_reach_every_kind_of_value() -> None:
    data = write(random_model(random_arch(1), 1))
    places = values(data)
    assert all(places.values())
    reached = set()
    for seed in range(400):
        changed = revalued(random.Random(seed), data)
        assert len(changed) == len(data)
        different = [i for i, (a, b) in enumerate(zip(data, changed, strict=True)) if a != b]
        reached |= {kind for kind, at in places.items() for i in different if any(p <= i < p + 8 for p in at)}
    assert reached == set(places)
    assert read(data).arch == random_arch(1)
