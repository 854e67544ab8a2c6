"""The tables of cycles in the kernels in assembly are those of the simulator's model."""

import shutil

import pytest

pytest.importorskip("capstone", reason="needs capstone, which the extra `sim` brings")
pytest.importorskip("elftools", reason="needs pyelftools, which the extra `sim` brings")

from benchmarks import assembly_cycles

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")


def test_every_table_is_up_to_date() -> None:
    found = assembly_cycles.kernels()
    assert len(found) == 10
    for path in found:
        rerun = "write it anew: python -m benchmarks.assembly_cycles"
        assert assembly_cycles.updated(path) == path.read_text("utf-8"), f"{path.name}: {rerun}"


def test_a_part_is_what_lies_between_two_labels() -> None:
    parts = {
        part.label: part for part in assembly_cycles.parts(assembly_cycles.CSRC / "dsp/micronets_dsp_im2col_multiply.S")
    }
    # Eleven steps of four loads (five cycles, as only the first takes two) and ten instructions of one cycle each.
    assert parts[".Lstep"] == assembly_cycles.Part(".Lstep", 11 * 52, 11 * 14, 11 * (5 + 10))
