"""The table of benchmarks/patches.py, on figures that are made up, and its large model."""

from types import SimpleNamespace

from benchmarks.patches import large_arch, random_model, row, table
from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.cost.counts import macs
from micronets.runtimes.c import arena_limit
from micronets.runtimes.measurement import LayersInPatches


def test_the_table_tells_what_was_saved_and_what_it_cost() -> None:
    off = {"arena_c_bytes": 200, "core_cycles": 1000, "flash_bytes": 50, "bit_exact": True, "bands": (), "fits": False}
    bands = (LayersInPatches("a", "c", layers=3, rows=2),)
    auto = off | {"arena_c_bytes": 120, "bands": bands, "fits": True}
    smallest = auto | {"arena_c_bytes": 100, "core_cycles": 1010, "flash_bytes": 60}

    def line(*runs: dict[str, object]) -> str:
        return table([row("m", *(SimpleNamespace(**figures) for figures in runs))]).splitlines()[-1]

    assert (
        line(off, auto, smallest)
        == "| m | 200 | 100 | 0.50 | 1,000 | 1,010 | 1.01 | +10 | 3 by 2 | in patches | equal |"
    )
    assert line(off, off, off | {"bit_exact": False}).endswith("| +0 | none | no | DIFFER |")


def test_the_large_model_needs_patches_to_fit() -> None:
    arch, board = large_arch(), load_board("NUCLEO-F446RE")
    assert arch.input_shape == (160, 160, 3)
    assert 5e6 < macs(arch.steps()) < 20e6
    model = random_model(arch)
    assert compile_model(model).arena_bytes > board.sram_bytes
    assert (
        compile_model(model, board.target, arena_limit=arena_limit(board, "auto")).arena_bytes <= board.sram_bytes - 768
    )
