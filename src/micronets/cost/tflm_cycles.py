"""Cycles of a layer under TFLM with CMSIS-NN on a Cortex-M4: an estimate, linear in work.

The coefficients stand with each operator in `ir.ops`. They are fitted to eight networks simulated instruction by
instruction with zero wait states (TFLM of August 2026, GCC 12 -O2; docs/arena.md), and are within 3 % of each of them.
The coefficients of kernels that none of those networks uses are assumed, and marked so. A board turns these cycles into
its own by its `cycle_factor`.
"""

from __future__ import annotations

from collections.abc import Sequence

from micronets.ir.arch import Step
from micronets.number import Number


def base_cycles(steps: Sequence[Step]) -> Number:
    """Returns the cycles of one inference on a Cortex-M4 without wait states.

    Each step is weighted by its gate; widths, kernels and gates may be 0-d tensors.
    """
    return sum(s.gate * layer_base_cycles(s) for s in steps)


def layer_base_cycles(step: Step) -> Number:
    """Returns the cycles of one layer on a Cortex-M4 without wait states, not weighted by its gate."""
    return step.operator.tflm.cycles(step.input_shapes, step.output_shapes)
