"""The costs of a network on a board, per layer and in total, in the units of a budget's limits.

Everything here is an estimate that is made without running anything. Counts (MACs, bytes) come from `counts`,
TFLM's arena from `tflm_arena`, its cycles from `tflm_cycles`; `relaxed_budget_costs` is the differentiable form
of `budget_costs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from micronets.boards.board import LIMITS, TIME_LIMITS, Board, estimated_limits
from micronets.cost import latency_model
from micronets.cost.counts import live_bytes, macs, params, step_macs, step_weight_bytes, step_weights, weight_bytes
from micronets.cost.front_end import FrontEndCost
from micronets.cost.latency_model import LatencyModel
from micronets.cost.tflite_size import METADATA_BYTES, tflite_bytes
from micronets.cost.tflm_arena import FileTensors, arena_tflm_bytes, persistent_bytes
from micronets.cost.tflm_cycles import base_cycles, layer_base_cycles
from micronets.errors import SpecError
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import Shape
from micronets.number import Number

RUNTIME_SRAM_BYTES = 4096
"""TFLM's own static data, from MicroNets (arXiv 2010.11267)."""

TFLM_STACK_BYTES = 2048
"""TFLM's stack. In the simulator networks of every kind of layer take 1.2 to 1.9 KB."""

RUNTIME_FLASH_BYTES = 103 * 1024
"""The code of TFLM's core and of CMSIS-NN's kernels, of August 2026, built by GCC 12 with -O2."""

ESTIMATED = "estimated"
"""The source of figures that are computed from the network, without running it."""


@dataclass(frozen=True)
class LayerCost:
    """The costs of one layer on a board.

    - name, kind, output_shape: which layer it is.
    - macs: multiply-accumulates.
    - params: weights and biases.
    - weight_bytes: bytes of the packed weights and the biases.
    - cycles: cycles on the board under TFLM; None where there is no cycle model of the board's core.
    - weight_bits: the bits of a weight, 8 or 4; None for a layer without weights.
    """

    name: str
    kind: str
    output_shape: Shape
    macs: int
    params: int
    weight_bytes: int
    cycles: float | None
    weight_bits: int | None


@dataclass(frozen=True)
class Cost:
    """The costs of a network on a board under TFLM.

    - board: the board's name.
    - layers: the cost of each layer, in execution order.
    - macs: multiply-accumulates of one inference.
    - params: weights and biases.
    - weight_bytes: bytes of the packed weights and the biases.
    - tflite_bytes: bytes of the `.tflite` file.
    - arena_bytes: TFLM's arena on a 64-bit host, which the budget's limit of this name bounds.
    - arena_tflm_cortex_m_bytes: TFLM's arena on the board.
    - sram_bytes: TFLM's arena on the board, its static data and its stack.
    - flash_bytes: the file, and TFLM's code.
    - cycles, latency_ms, energy_mj: processor cycles, time and energy of one inference, of which those of the front
      end are a part; see `front_end`.
    - front_end: the front end that makes the input from sound, which SRAM, flash, cycles, time and energy count; None
      where there is none, or none in integers.
    - uncertainty: how far cycles, time and energy may be off, relative: 0.1 is 10 %.
    - source: how the figures were obtained.

    Where there is no cycle model of the board's core, cycles, time, energy and uncertainty are None, and `no_times`
    says so.
    """

    board: str
    layers: tuple[LayerCost, ...]
    macs: int
    params: int
    weight_bytes: int
    tflite_bytes: int
    arena_bytes: int
    arena_tflm_cortex_m_bytes: int
    sram_bytes: int
    flash_bytes: int
    cycles: float | None
    latency_ms: float | None
    energy_mj: float | None
    uncertainty: float | None
    no_times: str | None
    source: str = ESTIMATED
    front_end: FrontEndCost | None = None


def cost(
    arch: Arch,
    board: Board,
    metadata_bytes: int = 0,
    tensors: FileTensors | None = None,
    front_end: FrontEndCost | None = None,
) -> Cost:
    """Returns what a network costs on a board.

    - arch: the network.
    - board: the board.
    - metadata_bytes: bytes of the texts that the network's file carries.
    - tensors: the tensors of the network's file, if there is one.
    - front_end: the front end that makes its input, where that is counted.
    """
    steps = arch.steps()
    network = Network(steps, board, metadata_bytes, arch, tensors, front_end)
    found = {name: TFLM_COSTS.costs[name].of(network) for name in estimated_limits(board)}
    return Cost(
        board=board.name,
        layers=tuple(_layer_cost(s, board) for s in steps),
        macs=found["macs"],
        params=params(steps),
        weight_bytes=weight_bytes(steps),
        tflite_bytes=found["tflite_bytes"],
        arena_bytes=found["arena_bytes"],
        arena_tflm_cortex_m_bytes=arena_tflm_bytes(arch, 4, tensors),
        sram_bytes=found["sram_bytes"],
        flash_bytes=found["flash_bytes"],
        cycles=None if board.no_times else inference_cycles(steps, board) + front_end_cycles(front_end, board),
        latency_ms=found.get("latency_ms"),
        energy_mj=found.get("energy_mj"),
        uncertainty=board.cycle_uncertainty,
        no_times=board.no_times,
        front_end=front_end,
    )


def front_end_cycles(front_end: FrontEndCost | None, board: Board) -> float:
    """Returns the estimated cycles on the board of the front end for one input; 0 where there is none.

    Raises `SpecError` for a board whose core there is no cycle model of.
    """
    if front_end is None:
        return 0
    if board.cycle_factor is None:
        raise no_limit_on_times(board)
    return front_end.core_cycles * board.cycle_factor


def _layer_cost(step: Step, board: Board) -> LayerCost:
    return LayerCost(
        name=step.layer.name,
        kind=type(step.layer).__name__,
        output_shape=step.output_shape,
        macs=step_macs(step),
        params=sum(step_weights(step)),
        weight_bytes=step_weight_bytes(step),
        cycles=None if board.cycle_factor is None else layer_base_cycles(step) * board.cycle_factor,
        weight_bits=None if step.weights is None else step.weights.bits,
    )


def inference_cycles(steps: Sequence[Step], board: Board) -> Number:
    """Returns the estimated cycles of one inference on the board, under TFLM with CMSIS-NN.

    Raises `SpecError` for a board whose core there is no cycle model of.
    """
    if board.cycle_factor is None:
        raise no_limit_on_times(board)
    return base_cycles(steps) * board.cycle_factor


def no_limit_on_times(board: Board) -> SpecError:
    """Returns the error for a limit on time or energy on a board whose core there is no cycle model of."""
    return SpecError(f"{board.no_times}; leave out limits on {' and '.join(TIME_LIMITS)}, or limit macs")


def latency_ms(steps: Sequence[Step], board: Board) -> Number:
    """Returns the estimated milliseconds of one inference on the board, under TFLM with CMSIS-NN.

    Raises `SpecError` for a board whose core there is no cycle model of.
    """
    return board.milliseconds(inference_cycles(steps, board))


@dataclass(frozen=True)
class Network:
    """The arguments of a cost: the layers of a network, and the board that they run on.

    - steps: the layers with their shapes; widths, kernels and gates may be 0-d tensors.
    - board: where the network is to run.
    - metadata_bytes: bytes of the texts that its file carries.
    - arch: the network itself, for costs that need a memory plan in integers; None where `steps` holds 0-d tensors.
      Costs then take the bytes alive at once in place of a plan, and so are lower bounds.
    - tensors: the tensors of its file; None stands for those that `tflite.write` makes.
    - front_end: what makes its input from sound, and is counted with it; None where nothing does.
    """

    steps: Sequence[Step]
    board: Board
    metadata_bytes: int
    arch: Arch | None = None
    tensors: FileTensors | None = None
    front_end: FrontEndCost | None = None

    @property
    def front_end_flash_bytes(self) -> int:
        """Bytes of flash of the front end; 0 where there is none."""
        return 0 if self.front_end is None else self.front_end.flash_bytes

    def front_end_sram_bytes(self, arena_bytes: Number = 0) -> Number:
        """Returns the bytes of SRAM of the front end besides an arena that it may work in; 0 where there is none."""
        return 0 if self.front_end is None else self.front_end.sram_bytes(arena_bytes)


@dataclass(frozen=True)
class BudgetCost:
    """A cost that a limit of the budget bounds.

    - of: computes the cost, in the limit's unit: an exact integer where it counts something, and a tensor with its
      gradient where the network's steps hold tensors.
    - about: what it counts, in a few words for the report.
    - at_least: computes a lower bound of it for a network with an `Arch`, much faster than the cost itself; None where
      there is no such bound.
    - metadata: whether the cost grows with the texts that the file carries.
    """

    of: Callable[[Network], Number]
    about: str
    at_least: Callable[[Network], Number] | None = None
    metadata: bool = False


@dataclass(frozen=True)
class RuntimeCosts:
    """The functions that compute the costs of networks under a runtime.

    - runtime: the runtime's name.
    - costs: a cost for every limit of a `Budget`, by the limit's name.
    - front_ends: what makes the input of a network and is counted with it, by the shape of that input.
    """

    runtime: str
    costs: Mapping[str, BudgetCost]
    front_ends: Mapping[Shape, FrontEndCost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.costs.keys() != LIMITS.keys():
            odd = ", ".join(sorted(self.costs.keys() ^ LIMITS.keys()))
            raise ValueError(f"runtime {self.runtime}: costs and limits of a budget differ in {odd}")

    def network(self, steps: Sequence[Step], board: Board, metadata_bytes: int, arch: Arch | None = None) -> Network:
        """Returns what costs are computed from, with the front end of its input.

        - steps, board, metadata_bytes, arch: fields of `Network`.
        """
        front_end = self.front_ends.get(tuple(steps[0].input_shapes[0])) if self.front_ends else None
        return Network(steps, board, metadata_bytes, arch, None, front_end)


def time_and_energy(latency_ms: Callable[[Sequence[Step], Board], Number], about: str) -> dict[str, BudgetCost]:
    """Returns the costs `latency_ms` and `energy_mj` of a runtime, those of the front end among them.

    - latency_ms: computes the runtime's time of one inference in milliseconds, without the front end.
    - about: what the time is of, in a few words for the report.
    """

    def both(network: Network) -> Number:
        board = network.board
        return latency_ms(network.steps, board) + board.milliseconds(front_end_cycles(network.front_end, board))

    return {
        "latency_ms": BudgetCost(both, about),
        "energy_mj": BudgetCost(lambda n: n.board.millijoules(both(n)), about),
    }


def host_arena_bytes(network: Network) -> Number:
    """Returns the bytes of TFLM's arena on a 64-bit host; a lower bound for a network without an `Arch`."""
    if network.arch is not None:
        return arena_tflm_bytes(network.arch, 8, network.tensors)
    return live_bytes(network.steps) + persistent_bytes(network.steps, 8)


def cortex_m_sram_bytes(network: Network) -> Number:
    """Returns the bytes of SRAM that TFLM takes on a Cortex-M: its arena, its static data and its stack.

    They are a lower bound for a network without an `Arch`.
    """
    if network.arch is not None:
        arena = arena_tflm_bytes(network.arch, 4, network.tensors)
    else:
        arena = live_bytes(network.steps) + persistent_bytes(network.steps, 4)
    return arena + network.front_end_sram_bytes() + (RUNTIME_SRAM_BYTES + TFLM_STACK_BYTES)


TFLM_COSTS = RuntimeCosts(
    "tflm",
    {
        "arena_bytes": BudgetCost(host_arena_bytes, "TFLM on a 64-bit host"),
        "tflite_bytes": BudgetCost(lambda n: tflite_bytes(n.steps, n.metadata_bytes), "", metadata=True),
        "sram_bytes": BudgetCost(cortex_m_sram_bytes, "arena, runtime and stack on the Cortex-M"),
        "flash_bytes": BudgetCost(
            lambda n: tflite_bytes(n.steps, n.metadata_bytes) + RUNTIME_FLASH_BYTES + n.front_end_flash_bytes,
            "the file, and the runtime's code",
            metadata=True,
        ),
        **time_and_energy(latency_ms, "one inference on the board"),
        "macs": BudgetCost(lambda n: macs(n.steps), "one inference"),
    },
)
"""The costs of TensorFlow Lite Micro with CMSIS-NN; time and energy are those of `tflm_cycles`."""


def tflm_costs(model: LatencyModel | None) -> RuntimeCosts:
    """Returns `TFLM_COSTS`, with time and energy by a latency model that was fitted to TFLM on the board, if given."""
    if model is None:
        return TFLM_COSTS

    def milliseconds(steps: Sequence[Step], board: Board) -> Number:
        return board.milliseconds(latency_model.fitted_cycles(steps, model))

    about = TFLM_COSTS.costs["latency_ms"].about
    return RuntimeCosts(TFLM_COSTS.runtime, {**TFLM_COSTS.costs, **time_and_energy(milliseconds, about)})


def with_front_ends(costs: RuntimeCosts, front_ends: Mapping[Shape, FrontEndCost]) -> RuntimeCosts:
    """Returns the costs of a runtime that count what makes the input of a network, by the shape of that input."""
    return replace(costs, front_ends=front_ends)


def budget_costs(
    arch: Arch,
    board: Board,
    names: Iterable[str],
    metadata_bytes: int = METADATA_BYTES,
    runtime: RuntimeCosts = TFLM_COSTS,
) -> Mapping[str, float]:
    """Returns the costs that limits of a `Budget` bound, by name; costs that count something are exact integers.

    - arch, board: the network, and where it is to run.
    - names: the names of the limits.
    - metadata_bytes: bytes of the texts that the file will carry; the default is enough for class names and a
      front end.
    - runtime: the costs of the runtime that is to run it.
    """
    network = runtime.network(arch.steps(), board, metadata_bytes, arch)
    return {name: runtime.costs[name].of(network) for name in names}


def least_budget_costs(
    arch: Arch,
    board: Board,
    names: Iterable[str],
    metadata_bytes: int = METADATA_BYTES,
    runtime: RuntimeCosts = TFLM_COSTS,
) -> Mapping[str, float]:
    """Returns lower bounds of what `budget_costs` returns, in less time.

    - arch, board, names, metadata_bytes, runtime: see `budget_costs`.

    A cost that has no such bound is returned itself.
    """
    network = runtime.network(arch.steps(), board, metadata_bytes, arch)
    return {name: (runtime.costs[name].at_least or runtime.costs[name].of)(network) for name in names}


def relaxed_budget_costs(
    steps: Sequence[Step],
    board: Board,
    names: Iterable[str],
    metadata_bytes: int = METADATA_BYTES,
    runtime: RuntimeCosts = TFLM_COSTS,
) -> Mapping[str, Number]:
    """Returns what `budget_costs` returns for a network whose widths, kernels and gates may be 0-d tensors.

    - steps: the layers with their shapes.
    - board, names, metadata_bytes, runtime: see `budget_costs`.

    Costs are then tensors with gradients. Arenas take the bytes alive at once in place of a plan, and so are lower
    bounds; the other costs are those of `budget_costs`.
    """
    network = runtime.network(steps, board, metadata_bytes)
    return {name: runtime.costs[name].of(network) for name in names}
