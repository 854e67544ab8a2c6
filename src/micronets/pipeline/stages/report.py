"""The stage `report`: collects the facts of a finished run from its files, and writes the report page."""

from __future__ import annotations

import datetime
import importlib.metadata
import io
import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from micronets import __version__
from micronets.boards import battery
from micronets.boards.board import Board, board_budget, estimated_limits
from micronets.commands.search import front_end_costs
from micronets.cost.costs import TFLM_COSTS, budget_costs, cost, with_front_ends
from micronets.cost.layer_table import layer_inspections
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.cost.tflm_plan import tflm_plan
from micronets.files import write_atomic
from micronets.frontend.image import Bytes
from micronets.history import search_record, train_epoch
from micronets.ir.arch import Arch
from micronets.ir.space import Choice, derive
from micronets.pipeline import directory
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import CONFIG, FACTS, MODEL, PAGE, SEARCH_LOG, TRAIN_LOG, RunDir
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.compile import COMPILE
from micronets.pipeline.stages.evaluate import EVALUATE, read_mistakes, read_stream, read_verdict
from micronets.pipeline.stages.export import EXPORT
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.stages.teacher import TEACHER
from micronets.pipeline.stages.train import TRAIN
from micronets.records import from_json, read_lines, read_record
from micronets.report.facts import ChoiceRow, Facts, PlanFacts, PlannedBuffer, SearchFacts, SizeRow, TrainFacts, Verdict
from micronets.report.mistakes import MOST_SHOWN, Mistakes
from micronets.report.page import run_page
from micronets.runtimes.measurement import Measurement
from micronets.tasks import TaskData
from micronets.tasks.labelled import LabelledData, given_labels

BATTERY_RATE = 1.0  # inferences a second, for the battery life
_PACKAGES = ("numpy", "torch", "tflite-micro", "scipy")

EARLIER = (SEARCH, TEACHER, TRAIN, EXPORT, COMPILE, EVALUATE)
"""The stages whose files the report is made from, in order."""


def _inputs(context: RunContext) -> dict[str, str]:
    """Returns digests of the files of all earlier stages."""
    return directory.check_outputs(context.run, *EARLIER)


def _report(context: RunContext) -> Sequence[str]:
    """Writes report.json and report.html."""
    facts = collect(context)
    write_atomic(context.run / FACTS, json.dumps(facts.to_json(), indent=1) + "\n")
    mistakes = read_mistakes(context.run)
    pictures = _pictures(context.data, mistakes)
    write_atomic(context.run / PAGE, run_page(facts, mistakes, pictures, read_stream(context.run)))
    return FACTS, PAGE


def _pictures(data: TaskData, found: Mistakes | None) -> tuple[bytes, ...]:
    """Returns the mistakes that the page shows, as JPEG files; empty if the examples are not images."""
    if found is None or not isinstance(data, LabelledData):
        return ()
    rows = np.array([m.example for m in found.mistakes[:MOST_SHOWN]], np.int64)
    pixels = data.pictures_of("test", rows)
    return () if pixels is None else tuple(map(_jpeg, pixels))


def _jpeg(pixels: Bytes) -> bytes:
    """Returns an image `[H, W, 3]` as a JPEG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return file.getvalue()


def read_facts(run: RunDir) -> Facts:
    """Reads the facts that the stage wrote."""
    return read_record(lambda table: from_json(Facts, table), run / FACTS, directory.way_out(run, REPORT))


def collect(context: RunContext) -> Facts:
    """Collects the facts of a run from its files; `report.page` turns them into a page."""
    arch, board, data = context.arch, context.board, context.data
    verdict = read_verdict(context.run)
    largest = derive(context.space, {**context.space.largest(), **context.input_settings})
    plan, tflm = tflm_plan(arch), with_front_ends(TFLM_COSTS, front_end_costs(context.front_ends))
    return Facts(
        **{f.name: getattr(verdict, f.name) for f in fields(Verdict)},
        task=context.config.task,
        board=board,
        source=data.source,
        synthetic=data.synthetic,
        notes=context.notes,
        classes=tuple(data.classes),
        samples={split: len(given_labels(data, split)) for split in ("train", "val", "test")},
        seed=context.config.seed,
        date=datetime.date.today().isoformat(),
        costs=dict(budget_costs(arch, board, estimated_limits(board), 0, tflm))
        | {"tflite_bytes": (context.run / MODEL).stat().st_size},
        battery=_battery(verdict.c, board),
        commands=tuple(reproducing_commands(context)),
        versions=versions(),
        seconds=directory.seconds(context.run),
        config=(context.run / CONFIG).read_text("utf-8"),
        search=SearchFacts(
            read_lines(search_record, context.run / SEARCH_LOG, directory.way_out(context.run, SEARCH)),
            board_budget(context.config.budget, board).limits(),
        ),
        train=TrainFacts(read_lines(train_epoch, context.run / TRAIN_LOG, directory.way_out(context.run, TRAIN))),
        space=context.space.name,
        trials=context.trials,
        choices=_choices(context),
        against_largest=_size_rows(arch, largest, board),
        layers=layer_inspections(arch, board),
        plan=PlanFacts(
            bytes=plan.bytes,
            arena_bytes=arena_tflm_bytes(arch),
            #  The report counts layers from 0; the input exists before layer 0.
            buffers=tuple(
                PlannedBuffer(b.name, b.offset, b.bytes, max(0, b.first - 1), max(0, b.last - 1)) for b in plan.buffers
            ),
        ),
    )


def _battery(c: Measurement | None, board: Board) -> battery.DutyCycle | None:
    """Returns the duty cycle on a coin cell at one inference a second, or fewer if one takes longer than a second.

    Returns None without a measurement.
    """
    if c is None or c.latency_ms is None or board.active_power_w is None:
        return None
    rate = min(BATTERY_RATE, 1e3 / c.latency_ms)
    return battery.duty_cycle(c.latency_ms_at(rate) or c.latency_ms, board, rate, battery.parse_battery(battery.CR2032))


def _size_rows(chosen: Arch, largest: Arch, board: Board) -> tuple[SizeRow, ...]:
    """Returns the sizes of the chosen network and of the largest one of its space, in the terms of a budget."""
    a, b = cost(chosen, board), cost(largest, board)
    rows = (
        ("MACs", "MACs", a.macs, b.macs),
        ("parameters", "", a.params, b.params),
        (".tflite file", "B", a.tflite_bytes, b.tflite_bytes),
        ("arena, 64-bit host", "B", a.arena_bytes, b.arena_bytes),
    )
    return tuple(SizeRow(*row) for row in rows)


def _choices(context: RunContext) -> tuple[ChoiceRow, ...]:
    """Returns every choice with its value; `idle` marks a choice without effect, because its block is left out."""
    values, arch = context.values, context.arch

    def idle(c: Choice) -> bool:
        return len(c.options) > 1 and all(derive(context.space, {**values, c.name: o}) == arch for o in c.options)

    return tuple(ChoiceRow(c.name, c.kind, values[c.name], tuple(c.options), idle(c)) for c in context.space.choices)


def reproducing_commands(context: RunContext) -> list[str]:
    """Returns the commands that make this run again, and those that check its model by hand."""
    out, given = shlex.quote(str(context.run.path)), context.config.data
    where = "".join(
        f" --{name} {shlex.quote(p)}" for name, p in (("data", given.path), ("test", getattr(given, "test", ""))) if p
    )
    return [
        context.command,
        f"micronets run {out}/{CONFIG} --out {out}-again",
        f"micronets evaluate {out}/{MODEL} --task {context.config.task}{where}",
        f"micronets inspect {out}/{MODEL} --board {shlex.quote(context.config.board)}",
        f"micronets measure {out}/{MODEL} --board {shlex.quote(context.config.board)}",
    ]


def versions() -> dict[str, str]:
    """Returns the versions, by name, of all software that the results depend on."""
    found = {"micronets": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "machine": f"{platform.system()} {platform.machine()}"}


REPORT = Stage("report", "report", _inputs, _report, (FACTS, PAGE))
