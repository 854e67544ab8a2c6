"""The records of `micronets characterize`: measured networks, and the findings from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from micronets import records
from micronets.ir.arch import Arch, Step
from micronets.records import JsonObject


@dataclass(frozen=True)
class LayerCycles:
    """A layer of a measured network: its multiply-accumulates, and its cycles on the board."""

    name: str
    kind: str
    macs: int
    cycles: int


@dataclass(frozen=True)
class NetworkFigures:
    """A network with random weights, measured on a board.

    - `runtime`: the runtime that ran it.
    - `source`: how the figures were obtained.
    - `macs`, `ops`, `params`: multiply-accumulates, twice as many operations, and weights and biases of the network
      that ran.
    - `cycles`, `core_cycles`, `instructions`: those of one inference, see `Measurement`.
    - `outside_cycles`: cycles outside all layers.
    - `latency_ms`, `energy_mj`, `power_w`: time and energy of one inference, and the board's power.
    - `sram_bytes`, `flash_bytes` and the arenas: see `Measurement`.
    - `arch`: the network that ran, as the compiler changed it.
    - `layers`: a row for each of its layers.
    """

    runtime: str
    macs: int
    ops: int
    params: int
    cycles: int
    core_cycles: int | None
    outside_cycles: int
    instructions: int | None
    latency_ms: float
    energy_mj: float
    power_w: float
    sram_bytes: int | None
    flash_bytes: int | None
    arena_c_bytes: int | None
    arena_tflm_used_bytes: int | None
    arena_tflm_cortex_m_bytes: int
    source: str
    arch: Arch
    layers: tuple[LayerCycles, ...]

    def steps(self) -> tuple[Step, ...]:
        """Returns the layers of the network that ran, with their shapes."""
        return self.arch.steps()


@dataclass(frozen=True, kw_only=True)
class NetworkRecord(NetworkFigures):
    """A measured network of a search space.

    - `space`, `values`: the space's name, and the choices that make the network.
    - `hash`: a hash of all that the measurement depends on.
    - `toolchain`: the tools that built the firmware.
    """

    space: str
    hash: str
    toolchain: str
    values: Mapping[str, int]

    def to_json(self) -> JsonObject:
        """Returns the record as JSON for its file."""
        table = {name: records.to_json(value) for name, value in vars(self).items() if name != "arch"}
        return {**table, "arch": json.loads(self.arch.to_json())}


def network_record(table: JsonObject) -> NetworkRecord:
    """Returns the record from the result of `NetworkRecord.to_json`."""
    return records.from_json(NetworkRecord, {**table, "arch": Arch.from_json(json.dumps(table["arch"]))})


@dataclass(frozen=True)
class Line:
    """y = slope * x + intercept by least squares over `count` points, and its coefficient of determination r2."""

    slope: float
    intercept: float
    r2: float
    count: int


@dataclass(frozen=True, kw_only=True)
class KindLine(Line):
    """The line of a layer's cycles against its ops, for one kind of kernel, and cycles per op over all its layers."""

    cycles_per_op: float


@dataclass(frozen=True)
class Errors:
    """Errors of predictions: relative ones (mean of absolute values, and largest), Spearman's rank correlation, r2."""

    mean: float
    worst: float
    rank: float
    r2: float
    count: int


@dataclass(frozen=True)
class Residual:
    """The error of the latency model for one kind of kernel.

    - `layers`: the number of layers of the kind.
    - `error`: their mean absolute relative error, weighted by cycles.
    - `share`: their share of all cycles.
    """

    layers: int
    error: float
    share: float


@dataclass(frozen=True)
class ChannelCost:
    """A convolution with equal numbers of input and output channels: multiply-accumulates and cycles."""

    channels: int
    macs: int
    cycles: int


@dataclass(frozen=True)
class PowerSpread:
    """Mean power of the networks in watts, its relative deviation, and its source."""

    mean: float
    deviation: float
    source: str


@dataclass(frozen=True)
class ModelErrors:
    """The latency model on networks outside its fit, beside the line through ops that was fitted to the same ones.

    - `held_out`: errors over all of them.
    - `spaces`: errors by space.
    - `residuals`: errors layer by layer, by kind of kernel.
    """

    held_out: Errors
    ops_alone: Errors
    spaces: Mapping[str, Errors]
    residuals: Mapping[str, Residual]


@dataclass(frozen=True)
class Findings:
    """The findings from measured networks.

    - `networks`: number of networks of each space.
    - `whole`: the line of latency in ms over millions of ops, by space.
    - `pooled`: that of all spaces together.
    - `kinds`: the line of a layer's cycles over its ops, by kind of kernel.
    - `channels`: the costs of single convolutions.
    - `power_w`: power of the board.
    - `model`: the errors of the latency model; None if there were too few networks for one.
    - `samples`, `seed`, `out`: the arguments of the command.
    - `too_large`: networks that did not fit the board.
    """

    board: str
    runtime: str
    source: str
    toolchain: str
    networks: Mapping[str, int]
    whole: Mapping[str, Line]
    pooled: Line
    kinds: Mapping[str, KindLine]
    channels: tuple[ChannelCost, ...]
    power_w: PowerSpread
    model: ModelErrors | None
    samples: int | None = None
    seed: int | None = None
    out: str | None = None
    too_large: int = 0

    def to_json(self) -> JsonObject:
        """Returns the record as JSON for `findings.json`."""
        return records.to_json(self)
