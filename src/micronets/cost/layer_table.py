"""A table with a row for each layer of a network: its costs, and the memory in use while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.boards.board import Board
from micronets.cost.costs import cost
from micronets.cost.tflm_plan import memory_over_time, tflm_plan
from micronets.ir.arch import Arch
from micronets.ir.layers import Shape


@dataclass(frozen=True)
class LayerInspection:
    """The estimated costs of one layer on a board under TFLM.

    - name, kind, output_shape: identify the layer.
    - macs: multiply-accumulates.
    - params: weights and biases.
    - weight_bytes: bytes of the packed weights and the biases.
    - cycles: cycles on the board; None if there is no cycle model of its core.
    - live_bytes: bytes of the activations that are alive while the layer runs.
    - weight_bits: the bits of a weight, 8 or 4; None for a layer without weights.
    """

    name: str
    kind: str
    output_shape: Shape
    macs: int
    params: int
    weight_bytes: int
    cycles: int | None
    live_bytes: int
    weight_bits: int | None


def layer_inspections(arch: Arch, board: Board) -> tuple[LayerInspection, ...]:
    """Returns a row for each layer of `arch`, in execution order, with its costs on `board`."""
    moments = memory_over_time(tflm_plan(arch), arch)
    return tuple(
        LayerInspection(**vars(layer) | {"cycles": _rounded(layer.cycles), "live_bytes": moment.live_bytes})
        for layer, moment in zip(cost(arch, board).layers, moments, strict=True)
    )


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
