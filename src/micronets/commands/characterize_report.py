"""Findings from measured networks: figures on the claims of MicroNets, Section 4, and a fitted latency model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from micronets.boards.board import Board
from micronets.commands import latency_fit
from micronets.commands.characterize import RESULTS, CountProgress, Drawn, characterize, draw
from micronets.commands.ray_cluster import reached
from micronets.cost import latency_model
from micronets.cost.counts import step_macs
from micronets.cost.latency_model import LatencyModel
from micronets.errors import DataError, SpecError, did_you_mean
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, MaxPool2D, Softmax
from micronets.ir.space import SearchSpace
from micronets.ir.spaces.base import SpaceOptions
from micronets.output_directory import write_files
from micronets.report.characterization import characterization_page
from micronets.report.latency_findings import (
    ChannelCost,
    Findings,
    KindLine,
    Line,
    ModelErrors,
    NetworkRecord,
    PowerSpread,
)
from micronets.runtimes import OUR_C, Runtime
from micronets.terminal import counted

CHANNELS = tuple(range(136, 145))  # the paper compares 138 and 140
_MAP = 6  # pixels along each side of the maps of those networks
LEAST_NETWORKS = 12  # networks, for a latency model: three are held out
CHANNEL_SPACE = "channels"
DENSE = ((32, 8), (64, 64), (128, 128), (256, 96), (640, 128), (128, 640), (512, 32), (1024, 16))  # inputs, units
SOFTMAX_CLASSES = (2, 4, 10, 12, 35, 100)  # of a softmax
POOLED = ((24, 16, 2), (12, 32, 2), (16, 64, 2), (12, 48, 3), (6, 100, 3))  # rows and columns, channels, window
LAYER_SPACE = "layers"
_, FINDINGS_PAGE, FINDINGS_FILE, LATENCY_MODEL = RESULTS
USUAL = {"kws": "dscnn:kws", "ad": "dscnn:ad", "ic": "resnet:ic", "images": "mobilenetv2:images"}
KIND = {"dscnn": "kws", "temporal": "kws", "resnet": "ic", "mobilenetv2": "images"}
OPTIONS: Mapping[str, SpaceOptions] = {  # so that most of a space's networks suit a microcontroller
    "mobilenetv2:images": {"width_multiplier": 0.35, "resolutions": (96, 80, 64, 50)},
    "mobilenetv2:ic": {"width_multiplier": 0.5},
    "dscnn:ad": {"max_width": 140},
}
_CLASSES = 12  # outputs of the networks; they cost next to nothing


def characterize_spaces(
    names: Sequence[str],
    board: Board,
    out: Path,
    *,
    samples: int,
    seed: int,
    jobs: int,
    compiler: str | None,
    progress: CountProgress,
    device: str = "sim",
    runtime: Runtime = OUR_C,
    ray: str = "",
) -> Findings:
    """Measures networks of search spaces, and writes the findings to the directory `out`.

    - `names`: the spaces, each as for `measured_space`.
    - `samples`: networks per space.
    - `seed`: seed of the draw.
    - `runtime`: the runtime that executes the networks.
    - `board`, `out`, `jobs`, `compiler`, `progress`, `device`, `ray`: see `characterize`.

    Raises `SpecError` for an unknown space or numbers out of range, `DeviceError` without a compiler or simulator, and
    what `ray_cluster.reached` raises.
    """
    if samples < 3:
        raise SpecError(f"samples = {samples}; need at least 3, and {LEAST_NETWORKS} in all for a latency model")
    drawn = [d for name in dict.fromkeys(names) for d in draw(measured_space(name), samples, seed)]
    asked = [*drawn, *channel_networks(), *layer_networks()]
    with reached(ray):
        records = characterize(
            asked, board, out, compiler=compiler, jobs=jobs, progress=progress, device=device, runtime=runtime, ray=ray
        )
    found, model = findings(records, board)
    found = replace(found, samples=samples, seed=seed, out=str(out), too_large=len(asked) - len(records))
    results = {
        FINDINGS_FILE: json.dumps(found.to_json(), indent=1) + "\n",
        FINDINGS_PAGE: characterization_page(found, records),
    }
    if model is not None:
        results[LATENCY_MODEL] = latency_model.to_toml(model)
    write_files(out, results, keep=True)
    return found


def measured_space(name: str) -> SearchSpace:
    """Returns the search space of that name, with its default options or those of `OPTIONS`.

    `dscnn:ad` is the space `dscnn` for inputs of the kind `ad`; a kind alone (kws, ad, ic, images) names its usual
    space. Raises `SpecError`.
    """
    given, _, kind = USUAL.get(name, name).partition(":")
    kind = kind or KIND.get(given, "")
    if given not in spaces.SPACES:
        raise SpecError(f"--space: unknown space '{name}'; {did_you_mean(given, (*spaces.SPACES, *USUAL))}")
    if kind not in spaces.SPACES[given].kinds:
        raise SpecError(
            f"space '{name}': no networks for inputs of '{kind}'; {did_you_mean(kind, spaces.SPACES[given].kinds)}"
        )
    full = f"{given}:{kind}"
    return replace(spaces.make(given, kind, _CLASSES, **OPTIONS.get(full, {})), name=full)


def channel_networks() -> list[Drawn]:
    """Returns networks of one convolution, 3 x 3 and with equal channels in and out, one for each of `CHANNELS`."""
    return [
        Drawn(
            CHANNEL_SPACE,
            {"channels": c},
            Arch((_MAP, _MAP, c), (Conv2D(name="conv", inputs=(INPUT,), filters=c, kernel=(3, 3)),)),
        )
        for c in CHANNELS
    ]


def layer_networks() -> list[Drawn]:
    """Returns networks of little more than one layer, of kinds and sizes that are missing or rare in the spaces."""
    flat = [({"inputs": n, "units": u}, (1, 1, n), (_dense(u),)) for n, u in DENSE]
    soft = [
        ({"classes": c}, (1, 1, 32), (_dense(c), Softmax(name="softmax", inputs=("dense",)))) for c in SOFTMAX_CLASSES
    ]
    pooled = [
        (
            {"side": side, "channels": c, "pool": k},
            (side, side, c),
            (MaxPool2D(name="pool", inputs=(INPUT,), pool=(k, k), stride=(k, k)),),
        )
        for side, c, k in POOLED
    ]
    return [Drawn(LAYER_SPACE, values, Arch(shape, layers)) for values, shape, layers in (*flat, *soft, *pooled)]


def _dense(units: int) -> FullyConnected:
    return FullyConnected(name="dense", inputs=(INPUT,), units=units)


def findings(records: Sequence[NetworkRecord], board: Board) -> tuple[Findings, LatencyModel | None]:
    """Computes the figures of measured networks, and the latency model if there are enough of them.

    Raises `DataError` for fewer than three networks of a space.
    """
    networks = [r for r in records if r.space not in (CHANNEL_SPACE, LAYER_SPACE)]
    layers = [r for r in records if r.space == LAYER_SPACE]
    drawn_from = list(dict.fromkeys(r.space for r in networks))
    if not networks:
        raise DataError(f"no network of these spaces could be measured on {board.name}: they are too large for it")
    first = networks[0]
    model = None
    if len(networks) >= LEAST_NETWORKS:
        source = (
            f"{counted(len(networks), 'random networks')} of {', '.join(drawn_from)}, {first.source} {board.name}, "
            f"{first.toolchain}"
        )
        model = latency_fit.fit(networks, board.name, first.runtime, source, layers)
    power = np.array([r.energy_mj / r.latency_ms for r in networks])
    found = Findings(
        board=board.name,
        runtime=first.runtime,
        source=first.source,
        toolchain=first.toolchain,
        networks={s: sum(r.space == s for r in networks) for s in drawn_from},
        whole={s: _latency_line([r for r in networks if r.space == s]) for s in drawn_from},
        pooled=_latency_line(networks),
        kinds=_kind_lines(networks),
        channels=tuple(
            ChannelCost(r.values["channels"], r.macs, r.layers[0].cycles) for r in records if r.space == CHANNEL_SPACE
        ),
        power_w=PowerSpread(float(power.mean()), float(power.std() / power.mean()), board.sources["active_power_w"]),
        model=None if model is None else _model_errors(networks, drawn_from, model),
    )
    return found, model


def _latency_line(records: Sequence[NetworkRecord]) -> Line:
    """Fits latency in ms to millions of ops."""
    return latency_fit.line([r.ops / 1e6 for r in records], [r.latency_ms for r in records])


def _kind_lines(records: Sequence[NetworkRecord]) -> dict[str, KindLine]:
    """Fits a layer's cycles to its ops, by kind of kernel with ops, with the cycles per op over all its layers."""
    found = {}
    for name, rows in latency_fit.layer_rows(records).items():
        points = [(2 * step_macs(step), y) for step, y, _ in rows if step_macs(step)]
        if len({x for x, _ in points}) >= 3:
            line = latency_fit.line([x for x, _ in points], [y for _, y in points])
            found[name] = KindLine(**vars(line), cycles_per_op=sum(y for _, y in points) / sum(x for x, _ in points))
    return dict(sorted(found.items()))


def _model_errors(networks: Sequence[NetworkRecord], names: Sequence[str], model: LatencyModel) -> ModelErrors:
    """Compares the model, on networks outside its fit, with a line through ops that was fitted to the same ones."""
    fitted, held_out = latency_fit.split_networks(networks)
    line = latency_fit.line([r.ops for r in fitted], [r.cycles for r in fitted])
    by_ops = [max(1.0, line.slope * r.ops + line.intercept) for r in held_out]
    by_space = {name: [r for r in held_out if r.space == name] for name in names}
    return ModelErrors(
        held_out=latency_fit.errors(*latency_fit.predictions(held_out, model)),
        ops_alone=latency_fit.errors(by_ops, [r.cycles for r in held_out]),
        spaces={
            name: latency_fit.errors(*latency_fit.predictions(own, model))
            for name, own in by_space.items()
            if len(own) >= 3
        },
        residuals=latency_fit.residuals(held_out, model),
    )
