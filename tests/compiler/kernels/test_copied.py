"""Weights that are copied from slow flash to the arena: where that pays, where they lie, and that no byte changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from micronets.boards.board import SimulationModel, load_board
from micronets.commands import compile
from micronets.compiler import Compiled, compile_model, plan_patches
from micronets.compiler.kernels.conv import ConvKernel
from micronets.compiler.kernels.copied import WeightCopies, copies_that_pay
from micronets.compiler.kernels.goal import Goal
from micronets.device.cross_compiler import find_compiler
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.c import C_STACK_BYTES, compile_for, compiled_sram_bytes, contents_bytes, execute_compiled
from micronets.tflite import as_file
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_arch, random_model
from tests.support.stateful import streaming

L4R5 = load_board("NUCLEO-L4R5ZI")
FLASH = SimulationModel(128, 32, 8, 5, 1.09, 0.1, "as the L4R5's")
EVERY = replace(FLASH, data_lines=0, miss_cycles=1000)  # with which all convolutions copy

ARCH = Arch(
    (16, 16, 8),
    (
        Conv2D(name="a", inputs=(INPUT,), filters=32, kernel=(1, 1), activation="relu"),
        Conv2D(name="b", inputs=("a",), filters=32, kernel=(3, 3), activation="relu"),
        DepthwiseConv2D(name="c", inputs=("b",), kernel=(3, 3), stride=(2, 2), activation="relu"),
        Conv2D(name="d", inputs=("c",), filters=48, kernel=(1, 1), activation="relu"),
        Conv2D(name="e", inputs=("d",), filters=28, kernel=(3, 3), weight_bits=4),
        Mean(name="m", inputs=("e",)),
        FullyConnected(name="f", inputs=("m",), units=10),
    ),
)
"""Layers b, d and e have weights of 9,216, 1,536 and 6,048 bytes (b has 36,864 by Winograd). Maps of 16 KB lie in the
arena while a, b and c run, and of 5 KB at most while d and e run."""


def compiled_for(goal: Goal, arena_bytes: int = 200_000) -> Compiled:
    return compile_model(with_random_weights(ARCH), goal=goal, copies=WeightCopies(FLASH, arena_bytes))


def copied(compiled: Compiled) -> dict[str, int]:
    """Returns the layers that copy their weights, and the bytes of the copies."""
    kernels = [k for k in compiled.plan.kernels if isinstance(k, ConvKernel)]
    return {kernel.layer.name: kernel.room_bytes for kernel in kernels if kernel.room_bytes}


@pytest.mark.parametrize(
    ("goal", "table_bytes", "passes", "expected"),
    [
        ("size", 4096, 1000, "none"),  # never
        ("balanced", 256, 1000, "none"),  # they stay in the cache
        ("balanced", 264, 14.8, "none"),  # saves (13.8 * 5 / 8 - 0.9) * 264 = 2,039 cycles, less than 32 * 64
        ("balanced", 264, 14.9, "free"),
        ("speed", 4096, 2.4, "none"),  # waits for 1.4 * 512 lines are less than the 3,686 cycles of a copy
        ("speed", 4096, 2.5, "free"),
        ("speed", 4096, 8.8, "free"),  # saves 3.98 cycles a byte
        ("speed", 4096, 8.9, "grow"),
    ],
)
def test_where_copies_pay(goal: Goal, table_bytes: int, passes: float, expected: str) -> None:
    """Copies pay by the lines that need not be waited for; the arena grows if they save 4 cycles a byte."""
    assert copies_that_pay(FLASH, goal, table_bytes, passes) == expected


def test_balanced_copies_where_memory_is_free() -> None:
    """The arena does not grow, and no copy overlaps a tensor that is needed while the layer runs."""
    before, after = compile_model(with_random_weights(ARCH), goal="balanced"), compiled_for("balanced")
    assert after.arena_bytes == before.arena_bytes
    assert copied(after) == {"d": 1536, "e": 6048}
    assert not copied(before)
    for i, kernel in enumerate(after.plan.kernels, start=1):
        scratch = [b for b in after.plan.buffers if b.scratch and b.first == i]
        others = [b for b in after.plan.buffers if not b.scratch and b.first <= i <= b.last]
        assert [b.bytes for b in scratch] == [kernel.scratch_bytes] * len(scratch)
        for b in scratch:
            assert b.offset % 4 == 0
            assert b.offset + b.bytes <= after.arena_bytes
            assert all(b.offset + b.bytes <= o.offset or o.offset + o.bytes <= b.offset for o in others)
    more = len(copied(after)) * 8  # how many words there are, and where the copy begins
    assert after.constant_bytes - before.constant_bytes in (more + 4, more + 8)  # and the functions that run the layers


def test_size_never_copies() -> None:
    assert compiled_for("size").files == compile_model(with_random_weights(ARCH)).files


@pytest.mark.parametrize(("limit", "names"), [(80_000, "bde"), (40_000, "de"), (0, "de")])
def test_for_speed_the_arena_grows_up_to_its_limit(limit: int, names: str) -> None:
    before, after = compile_model(with_random_weights(ARCH), goal="speed"), compiled_for("speed", limit)
    assert "".join(copied(after)) == names
    grown = after.arena_bytes - before.arena_bytes
    assert (0 < grown <= 36_864 + 16) if "b" in names else grown == 0
    assert after.arena_bytes <= max(limit, before.arena_bytes)


@pytest.mark.parametrize("model", [with_random_weights(ARCH), streaming(5)], ids=["maps", "variables"])
def test_the_arena_grows_to_the_last_byte_of_its_limit(model: QuantizedModel) -> None:
    """It has a multiple of 16 bytes, and in a network with variables also the address of their block."""
    most = compile_model(model, goal="speed", copies=WeightCopies(EVERY, 200_000)).arena_bytes
    assert most > compile_model(model, goal="speed").arena_bytes
    for limit, fits in ((most + 15, True), (most, True), (most - 1, False)):
        found = compile_model(model, goal="speed", copies=WeightCopies(EVERY, limit))
        assert (found.arena_bytes == most) == fits
        assert all(b.offset + b.bytes <= found.arena_bytes <= limit for b in found.plan.buffers)


def test_no_byte_changes() -> None:
    """Layers of all kinds of weights give the reference's bytes from copies, also in random networks."""
    models = [with_random_weights(ARCH), *(random_model(random_arch(seed), seed) for seed in range(900, 902))]
    compiled = [compile_model(m, goal="speed", copies=WeightCopies(EVERY, 200_000)) for m in models]
    models.append(models[0])
    compiled.append(compile_model(models[0], goal="fastest"))
    assert sum(len(copied(c)) for c in compiled) >= 4
    assert_equals_reference(models, compiled=compiled, samples=2)


def test_patches_copy_nothing() -> None:
    """A layer that runs in patches would copy its weights once for each of them."""
    plan = plan_patches(ARCH, 0, goal="speed", copies=WeightCopies(FLASH, 0))
    inside = [plan.kernels[i] for group in plan.groups for i in group.layers]
    assert inside
    assert not any(isinstance(k, ConvKernel) and k.room_bytes for k in inside)


def test_fastest_has_tables_in_sram_where_they_fit(tmp_path: Path) -> None:
    """With one byte of SRAM less than that takes, the kernels are those for speed, and `compile` says both."""
    model = with_random_weights(ARCH)
    compiled = compile_for(model, L4R5, optimise="fastest")
    tables = [line for line in compiled.files["model.c"].splitlines() if line.startswith("static") and "[" in line]
    assert {"const" in line.split() for line in tables if "weights_" in line or "bias_" in line} == {False}
    assert compiled.tables_bytes > 36_864 + 1536 + 6048  # with all weights, those by Winograd among them
    assert compiled.arena_bytes == compile_model(model, goal="speed").arena_bytes
    assert "SRAM as initialised data" in " ".join(compiled.files["README.md"].split())
    least = compiled_sram_bytes(compiled)
    assert least == compiled.arena_bytes + C_STACK_BYTES + compiled.tables_bytes
    for sram, goal in ((least, "fastest"), (least - 1, "speed")):
        board = replace(L4R5, sram_bytes=sram)
        told = compile.compile(as_file(model, "a.tflite"), board, tmp_path / goal, optimise="fastest")
        assert told.optimise == goal
        fits = f"SRAM {least:,} B of {sram:,}: arena, stack, weights and tables"
        other = "kernels chosen for speed: with those for fastest the model does not fit"
        assert [line for line in told.text().splitlines() if line in (fits, other)] == [
            fits if told.optimise == "fastest" else other
        ]


def test_measured_cycles_are_fewer_where_flash_is_slow() -> None:
    """On the L4R5, copies take a tenth of the time off a network, and tables in SRAM more; outputs are checked."""
    pytest.importorskip("unicorn")
    try:
        find_compiler(L4R5)
    except DeviceError as e:
        pytest.skip(str(e))
    file = as_file(with_random_weights(ARCH), "a.tflite")
    fast = replace(L4R5, simulation=replace(FLASH, data_lines=1 << 16))  # all weights stay in such a cache
    options = MeasureOptions(samples=1)
    without, found, fastest = (
        execute_compiled(compile_for(file.model, board, optimise=goal), file.model, L4R5, options)
        for board, goal in ((fast, "speed"), (L4R5, "speed"), (L4R5, "fastest"))
    )
    assert without.latency_ms is not None
    assert found.latency_ms is not None
    assert fastest.latency_ms is not None
    assert found.bit_exact
    assert fastest.bit_exact
    speed = compile_for(file.model, L4R5, optimise="speed")
    assert speed.contents.copying_runners == len({"conv_winograd", "conv_1x1", "conv_c4_s4"})
    assert found.flash_bytes is not None
    assert 0 <= contents_bytes(speed.contents, L4R5) - found.flash_bytes < 512  # never too few, and few too many
    assert found.latency_ms < 0.9 * without.latency_ms
    assert fastest.latency_ms < found.latency_ms
    compiled = compile_for(file.model, L4R5, optimise="fastest")
    assert fastest.sram_bytes == compiled.arena_bytes + compiled.tables_bytes + (fastest.stack_bytes or 0)
