"""What our C is estimated to cost: against what the compiler makes, and as gradients."""

import dataclasses
import random
from dataclasses import replace

import pytest

from benchmarks.flash_of_c import of_a_kernel, of_a_search, random_networks
from docs.make_operators import CASES
from micronets.boards.board import Board, load_board
from micronets.boards.cores import CORES
from micronets.boards.targets import DSP
from micronets.commands import inspect
from micronets.compiler import compile_model
from micronets.compiler.flash import flash_outline
from micronets.compiler.generate import model_c
from micronets.compiler.kernel_files import every_file, is_source
from micronets.cost.costs import TFLM_COSTS, budget_costs, relaxed_budget_costs
from micronets.cost.counts import macs
from micronets.cost.latency_model import LatencyModel
from micronets.device import cross_compiler
from micronets.errors import DeviceError, SpecError
from micronets.ir import layers, spaces
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.ir.space import derive
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes import code_sizes
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.c import c_costs, execute_compiled, largest_arena_bytes, sram_bytes
from tests.support.needs import needs
from tests.support.random_models import random_model
from tests.support.realistic_archs import random_arch
from tests.support.tiny_task import tiny_space

KINDS = ("convolution", "pointwise", "depthwise", "depthwise_strided", "fully_connected", "mean", "add")
MODEL = LatencyModel(
    "B", "c", {k: {"layer": 100.0, "mac": 1.0, "value": 9.0} for k in KINDS}, 50.0, 0.01, 0.05, "made up"
)


@pytest.mark.parametrize("seed", range(0, 12, 3))
def test_memory_against_what_the_compiler_makes(board: Board, seed: int) -> None:
    arch = random_arch(seed)
    arch = dataclasses.replace(
        arch,
        layers=tuple(dataclasses.replace(a, weight_bits=8) if hasattr(a, "weight_bits") else a for a in arch.layers),
    )
    compiled = compile_model(with_random_weights(arch))
    costs = budget_costs(arch, board, ("sram_bytes", "flash_bytes"), runtime=c_costs(None))
    assert compiled.arena_bytes <= costs["sram_bytes"] <= 1.25 * compiled.arena_bytes + 1500
    assert 1000 < costs["flash_bytes"] - compiled.constant_bytes < 16_000
    theirs = budget_costs(arch, board, ("sram_bytes", "flash_bytes"), runtime=TFLM_COSTS)
    assert all(costs[name] < theirs[name] for name in costs)


def drawn(name: str, kind: str) -> Arch:
    """Returns a random network of a space, the quickest to simulate of some."""
    space, rng = spaces.make(name, kind, 12), random.Random(name)
    return min((derive(space, space.sample(rng)) for _ in range(8)), key=lambda arch: macs(arch.steps()))


@pytest.mark.parametrize(
    ("name", "kind"), [("dscnn", "kws"), ("temporal", "kws"), ("mobilenetv2", "images"), ("resnet", "images")]
)
def test_the_search_never_estimates_less_sram_than_is_compiled_and_measured(board: Board, name: str, kind: str) -> None:
    """search = `inspect` = `compile` >= the simulated firmware, for networks as a search meets them."""
    arch = drawn(name, kind)
    model = with_random_weights(arch)
    searched = budget_costs(arch, board, ("sram_bytes",), runtime=c_costs(None))["sram_bytes"]
    room = replace(board, sram_bytes=2**21)  # for any of them, layer after layer
    compiled = compile_model(model, arena_limit=largest_arena_bytes(room))
    assert searched == sram_bytes(compiled.arena_bytes, arch.steps()) == inspect.inspect(model, room).sram_c_bytes
    try:
        figures = execute_compiled(compiled, model, room, MeasureOptions(samples=1))
    except (DeviceError, ImportError) as e:
        pytest.skip(f"the firmware cannot be run here: {e}")
    assert compiled.arena_bytes < figures.sram_bytes <= searched


NETWORKS = 5
"""How many networks `make test` builds; `python -m benchmarks.flash_of_c` builds more, and files of others."""


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_no_network_takes_more_flash_than_a_search_predicts_nor_much_less(
    board: Board, compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("elftools", "sim")
    try:
        cross_compiler.find_compiler(board, compiler)
    except DeviceError as e:
        pytest.skip(str(e))
    monkeypatch.setattr(code_sizes, "installed_compiler", lambda core: compiler)
    count = NETWORKS if compiler == "gcc" else 2
    judged = 0
    for name, arch in random_networks(count, seed=1000):
        found = of_a_search(name, arch, board, compiler)
        if found is not None:
            judged += 1
            assert found.built <= found.predicted <= 1.05 * found.built + 1100, found
    assert judged >= count // 2


FROM_A_LIBRARY = (
    ("NUCLEO-G0B1RE", layers.Div, "float32"),
    ("NUCLEO-G0B1RE", layers.Softmax, "int8"),
    ("NUCLEO-G0B1RE", layers.AveragePool2D, "int8"),
    ("NUCLEO-F103RB", layers.Quantize, "float32"),
    ("Longan-Nano", layers.Dequantize, "int8"),
    ("NUCLEO-F446RE", layers.NumberFunction, "float32"),
)
"""Layers that a core computes by functions of the compiler's library: floats, division, shifts of 64 bits."""


@pytest.mark.parametrize(("name", "kind", "of"), FROM_A_LIBRARY, ids=lambda value: getattr(value, "__name__", value))
def test_functions_of_the_compilers_library_are_counted(name: str, kind: type[Layer], of: str) -> None:
    needs("elftools", "sim")
    board = load_board(name)
    try:
        cross_compiler.find_compiler(board, "gcc")
    except DeviceError as e:
        pytest.skip(str(e))
    case = next(case for case in CASES if isinstance(case.layer, kind) and case.of == of)
    found = of_a_kernel(case, board, "gcc")
    assert found.built <= found.predicted <= found.built + 350, found


FOR_OTHER_MACHINES = {"micronets_dot_lanes.c"}
"""Files whose code is for machines that are none of `CORES`: those have it in another form."""


def test_every_kernel_has_been_measured() -> None:
    """Where one is missing, `python -m benchmarks.code_sizes FILE` measures it."""
    sizes = {(core, which): found for core, of in code_sizes._tables().items() for which, found in of.items()}
    assert {core for core, _ in sizes} == set(CORES)
    measured = {name for found in sizes.values() for name in found.files}
    assert measured | FOR_OTHER_MACHINES == set(filter(is_source, every_file()))
    for where, found in sizes.items():
        assert {part for parts in found.asked.values() for part in parts} == found.library.keys(), where
        assert found.asked.keys() <= found.files.keys(), where


@pytest.mark.parametrize("seed", range(3))
def test_what_a_search_knows_of_the_tables_is_what_the_compiler_writes(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a Softmax, whose table depends on a scale, it may be more; and a search counts on wide records."""
    monkeypatch.setattr(model_c, "NARROW_GOALS", ())
    for _, arch in random_networks(6, seed=100 * seed):
        compiled = compile_model(with_random_weights(arch, seed))
        if compiled.model.arch != arch:
            continue
        known = flash_outline(arch, DSP)
        softmax = any(isinstance(layer, layers.Softmax) for layer in arch.layers)
        assert 0 <= known.constant_bytes - compiled.constant_bytes <= 1024 * softmax
        assert replace(known, constant_bytes=0) == replace(compiled.contents, constant_bytes=0)


@pytest.mark.parametrize("filters", [1, 2, 6])
def test_so_it_is_for_layers_whose_call_is_written_out(filters: int) -> None:
    """Layers that a search does not choose, but `inspect` meets in files."""
    stack = (
        layers.Conv2D(name="a", inputs=(INPUT,), filters=3 * filters, kernel=(3, 2), groups=3),
        layers.TransposeConv2D(name="b", inputs=("a",), filters=filters, kernel=(3, 3), size=(14, 10), stride=(2, 2)),
    )
    arch = Arch((7, 5, 9), stack)
    compiled = compile_model(random_model(arch, filters))
    assert compiled.model.arch == arch
    assert flash_outline(arch, DSP) == compiled.contents


@pytest.mark.parametrize("seed", range(3))
def test_a_network_in_bands_takes_less_than_the_search_estimates(board: Board, seed: int) -> None:
    arch = random_arch(seed)
    searched = budget_costs(arch, board, ("sram_bytes",), runtime=c_costs(None))["sram_bytes"]
    assert sram_bytes(compile_model(with_random_weights(arch), arena_limit=0).arena_bytes, arch.steps()) <= searched


def test_time_needs_a_model_of_the_board(board: Board) -> None:
    arch = random_arch(0)
    with pytest.raises(
        SpecError, match=r"no latency model of NUCLEO-F446RE for runtime 'c': make one with 'micronets charact"
    ):
        budget_costs(arch, board, ("latency_ms",), runtime=c_costs(None))


def test_relaxed_costs_of_one_network_are_its_costs(board: Board) -> None:
    torch = pytest.importorskip("torch")
    from micronets.design.supernet import Supernet

    space = tiny_space()
    from micronets.ir.space import derive

    runtime = c_costs(MODEL)
    names = ("latency_ms", "energy_mj")
    supernet = Supernet(space)
    values = space.largest()
    exact = budget_costs(derive(space, values), board, names, runtime=runtime)
    relaxed = relaxed_budget_costs(supernet.steps(supernet.one_hot(values)), board, names, runtime=runtime)
    assert {n: float(v) for n, v in relaxed.items()} == pytest.approx(exact, rel=1e-5)
    names = (*names, "flash_bytes")  # which is an estimate there, with gradients all the same
    sample = supernet.sample(1.0, torch.Generator().manual_seed(0))
    sum(relaxed_budget_costs(supernet.steps(sample), board, names, runtime=runtime).values()).backward()
    assert any(a.grad is not None and a.grad.abs().sum() > 0 for a in supernet.alphas.values())
