"""Predicted sizes of `.tflite` files against those that the writer writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from micronets.cost.tflite_size import tflite_bytes
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.paper_archs import paper_archs
from tests.support.realistic_archs import random_arch


@pytest.mark.parametrize("seed", range(50))
def test_random_networks(seed: int) -> None:
    arch = random_arch(seed)
    assert tflite_bytes(arch.steps()) == pytest.approx(len(write(with_random_weights(arch, seed))), rel=0.012, abs=160)


def test_the_papers_networks(shared: Path) -> None:
    for name, arch in paper_archs(shared).items():
        assert tflite_bytes(arch.steps()) == pytest.approx(len(write(with_random_weights(arch))), rel=0.005), name


def test_the_released_models(shared: Path) -> None:
    for path in sorted(
        p for maker in ("micronets", "mlperf_tiny") for p in (shared / "models" / maker).glob("*.tflite")
    ):
        model = read(path.read_bytes())
        assert tflite_bytes(model.arch.steps()) == pytest.approx(len(write(model)), rel=0.01), path.stem


def test_metadata_is_its_text_and_a_little() -> None:
    arch = random_arch(1)
    metadata = {"micronets.labels": "x" * 500, "micronets.frontend": "y" * 300}
    room = 800 + sum(40 + len(name) for name in metadata)
    with_it = len(write(replace(with_random_weights(arch), metadata=metadata))) - len(write(with_random_weights(arch)))
    assert with_it == pytest.approx(room, abs=60)
    assert tflite_bytes(arch.steps(), room) - tflite_bytes(arch.steps()) == room
