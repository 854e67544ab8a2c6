"""What a network costs on a board as the C that we generate: estimates, for a search to hold its limits by.

The arena is the plan that the compiler would make, flash the weights and tables that it would write. Time needs a
latency model fitted to measurements of that board (`latency`, `micronets characterize`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micronets.boards.board import Board
from micronets.compiler.memory.plan import plan_arena
from micronets.cost.costs import TFLM, Runtime
from micronets.cost.counts import live_bytes, step_weight_bytes, step_weights
from micronets.cost.latency_model import LatencyModel, cycles
from micronets.errors import SpecError
from micronets.ir.arch import Step

Number = Any  # int, float or 0-d tensor

STACK_BYTES = 768  # simulated: 0.4..0.7 KB for networks of the vocabulary
CODE_BYTES = 10 * 1024  # of kernels and start-up: with LAYER_BYTES, 0.5..12 KB more than 157 simulated networks have
CHANNEL_BYTES = 5  # multiplier and shift of an output channel; its bias counts as a weight
LAYER_BYTES = 80  # records and tables of sizes
_TRIES = 20  # of the planner: a plan that the compiler can only better


def c_runtime(model: LatencyModel | None) -> Runtime:
    """The costs of our C. model: of the board; without one, limits on time and energy are refused (`SpecError`)."""

    def latency_ms(steps: Sequence[Step], board: Board) -> Number:
        if model is None:
            raise SpecError(
                f"no latency model of {board.name} for runtime 'c': make one with 'micronets characterize --board "
                f'{board.name} --space ...\' and name its latency.toml with latency_model, or take runtime = "tflm"'
            )
        return cycles(steps, model) * (1e3 / board.clock_hz)

    exact = {
        **TFLM.exact,
        "sram_bytes": lambda a, s, b, m: plan_arena(a, _TRIES).bytes + STACK_BYTES,
        "flash_bytes": lambda a, s, b, m: flash_bytes(s),
        "latency_ms": lambda a, s, b, m: latency_ms(s, b),
        "energy_mj": lambda a, s, b, m: latency_ms(s, b) * b.active_power_w,
    }
    relaxed = {
        **TFLM.relaxed,
        "sram_bytes": lambda s, b, m: live_bytes(s) + STACK_BYTES,
        "flash_bytes": lambda s, b, m: flash_bytes(s),
        "latency_ms": lambda s, b, m: latency_ms(s, b),
        "energy_mj": lambda s, b, m: latency_ms(s, b) * b.active_power_w,
    }
    return Runtime("c", exact, relaxed)


def flash_bytes(steps: Sequence[Step]) -> Number:
    """Weights, tables and code; widths, kernels and gates may be 0-d tensors."""
    per_step = (s.gate * (step_weight_bytes(s) + step_weights(s)[1] * CHANNEL_BYTES + LAYER_BYTES) for s in steps)
    return sum(per_step) + CODE_BYTES
