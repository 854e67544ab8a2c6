"""What a network costs on a board as the C that we generate: estimates, for a search to hold its limits by.

The arena is the plan that the compiler would make, flash the weights and tables that it would write. Time needs a
latency model fitted to measurements of that board (`latency`, `micronets characterize`).
"""

from __future__ import annotations

from collections.abc import Sequence

from micronets.boards.board import Board, Number
from micronets.compiler.memory.plan import bounds, needs, plan_arena
from micronets.cost.costs import TFLM_COSTS, BudgetCost, Network, RuntimeCosts, timed
from micronets.cost.counts import live_bytes, step_weight_bytes, step_weights
from micronets.cost.latency_model import LatencyModel, cycles
from micronets.cost.tflm_plan import align
from micronets.errors import SpecError
from micronets.ir.arch import Step

C_STACK_BYTES = 768  # simulated: 0.4..0.7 KB for networks of the vocabulary, with the few bytes of data; no interrupts
CODE_BYTES = 10 * 1024  # of kernels and start-up: with LAYER_BYTES, 0.5..12 KB more than 157 simulated networks have
CHANNEL_BYTES = 5  # multiplier and shift of an output channel; its bias counts as a weight
LAYER_BYTES = 80  # records and tables of sizes


def c_costs(model: LatencyModel | None) -> RuntimeCosts:
    """The costs of our C. model: of the board; without one, limits on time and energy are refused (`SpecError`)."""

    def latency_ms(steps: Sequence[Step], board: Board) -> Number:
        if model is None:
            raise SpecError(
                f"no latency model of {board.name} for runtime 'c': make one with 'micronets characterize --board "
                f'{board.name} --space ...\' and name its latency.toml with latency_model, or take runtime = "tflm"'
            )
        return board.milliseconds(cycles(steps, model))

    own = {
        "sram_bytes": BudgetCost(planned_sram_bytes, "arena, data and stack of our C on the Cortex-M", least_sram_bytes),
        "flash_bytes": BudgetCost(lambda n: flash_bytes(n.steps), "code, weights and tables of our C"),
        **timed(latency_ms, "one inference of our C on the board"),
    }
    return RuntimeCosts("c", {**TFLM_COSTS.costs, **own})


def planned_sram_bytes(network: Network) -> Number:
    """SRAM that our C takes for a network: with the arena that the compiler plans, or with the bytes alive at once."""
    return sram_bytes(
        live_bytes(network.steps) if network.arch is None else plan_arena(network.arch, network.board.target).bytes
    )


def least_sram_bytes(network: Network) -> Number:
    """What `planned_sram_bytes` cannot be below, whatever plan is found: without a search for one."""
    return (
        planned_sram_bytes(network)
        if network.arch is None
        else sram_bytes(align(max(bounds(needs(network.arch, network.board.target)))))
    )


def sram_bytes(arena_bytes: Number) -> Number:
    """SRAM that our C takes with an arena of `arena_bytes`: the estimate of the search, of `inspect` and of `compile`.

    The arena is the compiler's own plan in all of them. The search plans the network as it is, `inspect` and `compile` what
    the compiler's passes make of its weights, in bands where the board asks for it: as large, or smaller.
    """
    return arena_bytes + C_STACK_BYTES


def arena_room(board: Board) -> int:
    """The largest arena, in bytes, with which our C fits the board's SRAM."""
    return max(board.sram_bytes - C_STACK_BYTES, 0)


def flash_bytes(steps: Sequence[Step]) -> Number:
    """Weights, tables and code; widths, kernels and gates may be 0-d tensors."""
    per_step = (s.gate * (step_weight_bytes(s) + step_weights(s)[1] * CHANNEL_BYTES + LAYER_BYTES) for s in steps)
    return sum(per_step) + CODE_BYTES
