"""The costs of a network on a board, per layer and in total, in the units of a budget's limits.

All figures are estimates, computed without running anything. Counts (MACs, bytes) come from `counts`,
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
from micronets.cost.tflm_arena import HOST64, FileTensors, arena_tflm_bytes, persistent_bytes
from micronets.cost.tflm_cycles import base_cycles, layer_base_cycles
from micronets.cost.tflm_plan import TFLM_ALIGNMENT
from micronets.errors import SpecError
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import Shape
from micronets.number import Number

RUNTIME_SRAM_BYTES = 4096
"""TFLM's own static data, from MicroNets (arXiv 2010.11267)."""

TFLM_STACK_BYTES = 2048
"""TFLM's stack. In the simulator, networks with every kind of layer take 1.2 to 1.9 KB."""

RUNTIME_FLASH_BYTES = 103 * 1024
"""The code of TFLM's core and of CMSIS-NN's kernels (August 2026), built by GCC 12 with -O2."""

ESTIMATED = "estimated"
"""The source of figures that are computed from the network, without running it."""


@dataclass(frozen=True)
class LayerCost:
    """The costs of one layer on a board.

    - name, kind, output_shape: identify the layer.
    - macs: multiply-accumulates.
    - params: weights and biases.
    - weight_bytes: bytes of the packed weights and the biases.
    - cycles: cycles on the board under TFLM; None if there is no cycle model of the board's core.
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
    - cycles, latency_ms, energy_mj: processor cycles, time and energy of one inference, including those of the front
      end; see `front_end`.
    - front_end: the front end, which SRAM, flash, cycles, time and energy include; None if there is none, or none
      in integers.
    - uncertainty: the relative error of cycles, time and energy; 0.1 is 10 %.
    - source: how the figures were obtained.

    Without a cycle model of the board's core, cycles, time, energy and uncertainty are None, and `no_times` says so.
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
    """Returns the costs of a network on a board.

    - arch: the network.
    - board: the board.
    - metadata_bytes: bytes of the texts in the network's file.
    - tensors: the tensors of the network's file, if there is one.
    - front_end: the front end that computes its input, if it counts.
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
    """Returns the estimated cycles on the board of the front end for one input; 0 if there is none.

    Raises `SpecError` if there is no cycle model of the board's core.
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

    Raises `SpecError` if there is no cycle model of the board's core.
    """
    if board.cycle_factor is None:
        raise no_limit_on_times(board)
    return base_cycles(steps) * board.cycle_factor


def no_limit_on_times(board: Board) -> SpecError:
    """Returns the error for a limit on time or energy on a board without a cycle model of its core."""
    return SpecError(f"{board.no_times}; leave out limits on {' and '.join(TIME_LIMITS)}, or limit macs")


def latency_ms(steps: Sequence[Step], board: Board) -> Number:
    """Returns the estimated milliseconds of one inference on the board, under TFLM with CMSIS-NN.

    Raises `SpecError` if there is no cycle model of the board's core.
    """
    return board.milliseconds(inference_cycles(steps, board))


@dataclass(frozen=True)
class Network:
    """The arguments of a cost: the layers of a network, and the board.

    - steps: the layers with their shapes; widths, kernels and gates may be 0-d tensors.
    - board: the board that is to run the network.
    - metadata_bytes: bytes of the texts in its file.
    - arch: the network itself, for costs that need an integer memory plan; None if `steps` holds 0-d tensors. Costs
      then use the bytes that are alive at the same time instead of a plan, and are lower bounds.
    - tensors: the tensors of its file; None for those that `tflite.write` creates.
    - front_end: the audio front end that is included in the costs; None for none.
    """

    steps: Sequence[Step]
    board: Board
    metadata_bytes: int
    arch: Arch | None = None
    tensors: FileTensors | None = None
    front_end: FrontEndCost | None = None

    @property
    def front_end_flash_bytes(self) -> int:
        """Bytes of flash of the front end; 0 if there is none."""
        return 0 if self.front_end is None else self.front_end.flash_bytes

    def front_end_sram_bytes(self, arena_bytes: Number = 0) -> Number:
        """Returns the bytes of SRAM that the front end needs in addition to the arena that it may use; 0 if there is
        none."""
        return 0 if self.front_end is None else self.front_end.sram_bytes(arena_bytes)


@dataclass(frozen=True)
class BudgetCost:
    """A cost that a limit of the budget bounds.

    - of: computes the cost, in the limit's unit: an exact integer for counts, or a tensor with its gradient if the
      network's steps hold tensors.
    - about: a short description of the cost for the report.
    - at_least: computes a lower bound for a network with an `Arch`, much faster than the cost itself; None if there is
      no such bound.
    - metadata: whether the cost grows with the texts in the file.
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
    - front_ends: the front ends that are included in the costs, by the shape of the network's input.
    """

    runtime: str
    costs: Mapping[str, BudgetCost]
    front_ends: Mapping[Shape, FrontEndCost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.costs.keys() != LIMITS.keys():
            odd = ", ".join(sorted(self.costs.keys() ^ LIMITS.keys()))
            raise ValueError(f"runtime {self.runtime}: costs and limits of a budget differ in {odd}")

    def network(self, steps: Sequence[Step], board: Board, metadata_bytes: int, arch: Arch | None = None) -> Network:
        """Returns the arguments of the costs, with the front end of the network's input.

        - steps, board, metadata_bytes, arch: fields of `Network`.
        """
        front_end = self.front_ends.get(tuple(steps[0].input_shapes[0])) if self.front_ends else None
        return Network(steps, board, metadata_bytes, arch, None, front_end)


def time_and_energy(latency_ms: Callable[[Sequence[Step], Board], Number], about: str) -> dict[str, BudgetCost]:
    """Returns the costs `latency_ms` and `energy_mj` of a runtime, including the front end's.

    - latency_ms: computes the runtime's time of one inference in milliseconds, without the front end.
    - about: a short description of the time for the report.
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


def _least(of: Callable[[Network], Number]) -> Callable[[Network], Number]:
    """Returns a lower bound of a cost that contains TFLM's arena, computed without a memory plan.

    It is the cost of a network without an `Arch`, less what that counts too much: a unit of alignment at each end and
    before the first aligned block, and a tensor for every constant, although the file has equal ones once.

    - of: computes the cost.
    """

    def bound(network: Network) -> Number:
        constants = [constant for step in network.steps for constant in step.operator.constants]
        shared = len(constants) - len(set(constants))
        return of(replace(network, arch=None)) - 3 * TFLM_ALIGNMENT - shared * HOST64.eval_tensor

    return bound


TFLM_COSTS = RuntimeCosts(
    "tflm",
    {
        "arena_bytes": BudgetCost(host_arena_bytes, "TFLM on a 64-bit host", _least(host_arena_bytes)),
        "tflite_bytes": BudgetCost(lambda n: tflite_bytes(n.steps, n.metadata_bytes), "", metadata=True),
        "sram_bytes": BudgetCost(
            cortex_m_sram_bytes, "arena, runtime and stack on the Cortex-M", _least(cortex_m_sram_bytes)
        ),
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
    """Returns the costs of a runtime, including the front ends of the networks' inputs, by input shape."""
    return replace(costs, front_ends=front_ends)


def budget_costs(
    arch: Arch,
    board: Board,
    names: Iterable[str],
    metadata_bytes: int = METADATA_BYTES,
    runtime: RuntimeCosts = TFLM_COSTS,
) -> Mapping[str, float]:
    """Returns the costs that limits of a `Budget` bound, by name; counts are exact integers.

    - arch, board: the network, and the board that is to run it.
    - names: the names of the limits.
    - metadata_bytes: bytes of the texts in the file; the default is enough for class names and a front end.
    - runtime: the costs of the runtime.
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
    """Returns lower bounds of the results of `budget_costs`, in less time.

    - arch, board, names, metadata_bytes, runtime: see `budget_costs`.

    A cost without such a bound is returned itself.
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
    """Like `budget_costs`, for a network whose widths, kernels and gates may be 0-d tensors.

    - steps: the layers with their shapes.
    - board, names, metadata_bytes, runtime: see `budget_costs`.

    Costs are then tensors with gradients. Arenas use the bytes that are alive at the same time instead of a plan, and
    are lower bounds; the other costs are those of `budget_costs`.
    """
    network = runtime.network(steps, board, metadata_bytes)
    return {name: runtime.costs[name].of(network) for name in names}
